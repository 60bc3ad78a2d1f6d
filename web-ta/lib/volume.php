<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Volumes by device and app: by minute in traffic, and what is older by hour,
// day and month. A row is in one of the tables only, so all of them are added up.

/** The tables of what is older, with the length of a row's time in minutes. */
const ROLLED = ['traffic_hour' => 60, 'traffic_day' => 1440, 'traffic_month' => 44640];

/** Minutes of those tables in microseconds. */
const ROLLED_UNIT = 60e6;

/** What is summed up. */
const VOLUME_SUMS = ['bytes_in', 'bytes_out', 'packets', 'sessions', 'active_seconds'];

/**
 * The volumes within the time, grouped by some of "device", "app" and "bar", as
 * a table in FROM with its parameters. It has these, the sums, and the times of
 * the first and last row as first_time and last_time. The same group may come
 * once of each table, so whoever asks groups again.
 *
 * @param list<string> $keys
 * @return array{string, list<int|string>}
 */
function volumes(Db $db, Filter $filter, array $keys): array
{
    $span = $filter->span;
    $where = volumeWhere($db, $filter, false)->begun($span);
    [$bar, $params] = volumeBar($span, 'time', $keys);
    $parts = ['SELECT ' . implode(', ', volumeColumns($keys, 'time', $bar)) . ' FROM traffic' . $where->sql()
        . volumeGroups($keys)];
    array_push($params, ...$where->params);
    foreach ($span->rolled as $table) {
        $where = volumeWhere($db, $filter, true)->add(
            'time > ? AND time < ?',
            digits($span->from / ROLLED_UNIT - ROLLED[$table]),
            digits($span->to / ROLLED_UNIT),
        );
        // A day's bar is found by its noon: where clocks change, its begin may
        // lie an hour before that of the bar.
        $noon = $table === 'traffic_hour' ? '' : ' + 720';
        [$bar, $barParams] = volumeBar($span, "(time$noon) * 60000000", $keys);
        // By their numbers first: names are looked up for groups, not for rows.
        $sums = 'SELECT ' . implode(', ', volumeColumns($keys, 'time * 60000000', $bar)) . " FROM $table" . $where->sql()
            . volumeGroups($keys);
        $parts[] = volumeNames($keys, $sums);
        array_push($params, ...$barParams, ...$where->params);
    }
    return ['(' . implode(' UNION ALL ', $parts) . ') AS volumes', $params];
}

/**
 * @param list<string> $keys
 * @return list<string>
 */
function volumeColumns(array $keys, string $time, string $bar): array
{
    return [
        ...array_map(static fn (string $key): string => $key === 'bar' ? "$bar AS bar" : $key, $keys),
        ...array_map(static fn (string $sum): string => "SUM($sum) AS $sum", VOLUME_SUMS),
        "MIN($time) AS first_time",
        "MAX($time) AS last_time",
    ];
}

/** @param list<string> $keys */
function volumeGroups(array $keys): string
{
    return $keys === [] ? '' : ' GROUP BY ' . implode(', ', $keys);
}

/**
 * The begin of the bar that a time lies in, as SQL with its parameters.
 *
 * @param list<string> $keys
 * @return array{string, list<string>}
 */
function volumeBar(Span $span, string $time, array $keys): array
{
    if (!in_array('bar', $keys, true)) {
        return ['', []];
    }
    return ["$time - ($time + ?) % ?", [digits(barOffset($span)), digits($span->step() * 1e6)]];
}

/**
 * $sql with names instead of numbers.
 *
 * @param list<string> $keys
 */
function volumeNames(array $keys, string $sql): string
{
    $columns = [];
    $joins = '';
    foreach ($keys as $key) {
        // The smallest of too many have no device.
        $columns[] = match ($key) {
            'device' => "COALESCE(device_name.name, '') AS device",
            'app' => 'app_name.name AS app',
            default => $key,
        };
        $joins .= $key === 'bar' ? '' : " LEFT JOIN rollup_name AS {$key}_name ON {$key}_name.id = $key";
    }
    $columns = implode(', ', [...$columns, ...VOLUME_SUMS, 'first_time', 'last_time']);
    return "SELECT $columns FROM ($sql) AS rolled$joins";
}

/**
 * What $filter says of devices and apps. In tables of what is rolled up these
 * are numbers, and a condition on a name is one on the numbers with such names.
 */
function volumeWhere(Db $db, Filter $filter, bool $isRolled): Where
{
    $where = new Where();
    $names = static fn (string $column, string $condition): string => $isRolled
        ? "$column IN (SELECT id FROM rollup_name WHERE " . str_replace('@', 'name', $condition) . ')'
        : str_replace('@', $column, $condition);
    if ($filter->device !== null) {
        $where->add($names('device', '@ = ?'), $filter->device);
    }
    foreach (['app' => '@ = ?', 'class' => '@ IN (SELECT app FROM catalog WHERE class = ?)'] as $name => $condition) {
        $value = $filter->get($name);
        if ($value === NONE) {
            $where->add($isRolled ? 'app = 0' : 'app IS NULL');
        } elseif ($value !== null) {
            $where->add($names('app', $condition), $value);
        }
    }
    if ($filter->text !== null) {
        $either = static fn (string ...$columns): string => implode(' OR ', array_map($db->contains(...), $columns));
        $conditions = [
            $names('app', $either('@')),
            $names('app', '@ IN (SELECT app FROM catalog WHERE ' . $either('app_zh', 'class_en', 'class_zh') . ')'),
            $names('device', '@ IN (SELECT device FROM device WHERE ' . $either('device', 'ipv4', 'ipv6') . ')'),
        ];
        $where->add(implode(' OR ', $conditions), ...array_fill(0, 7, Db::contained($filter->text)));
    }
    return $where;
}
