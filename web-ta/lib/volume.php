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

/** What can be asked of them, with how it is put together. */
const VOLUME_COLUMNS = [
    'bytes_in' => 'SUM(bytes_in)',
    'bytes_out' => 'SUM(bytes_out)',
    'packets' => 'SUM(packets)',
    'sessions' => 'SUM(sessions)',
    'active_seconds' => 'SUM(active_seconds)',
    'first_time' => 'MIN(@)',
    'last_time' => 'MAX(@)',
];

/**
 * The volumes within the time, grouped by some of "device", "app" and "bar", as
 * a table in FROM with its parameters. It has these and $columns, and no more:
 * what is sorted should be small. The same group may come once of each table and
 * each time, so whoever asks groups again.
 *
 * @param list<string> $keys
 * @param list<string> $columns of VOLUME_COLUMNS
 * @param ?float $step seconds of a bar; null for those of the chart
 * @param list<string> $without tables that are left out
 * @return array{string, list<int|string>}
 */
function volumes(Db $db, Filter $filter, array $keys, array $columns, ?float $step = null, array $without = []): array
{
    $span = $filter->span;
    $where = volumeWhere($db, $filter, false)->begun($span);
    $parts = [volumePart('traffic', $keys, $columns, $where, 'time', volumeBar('time'), false)];
    $bar = in_array('bar', $keys, true) ? [digits(barOffset($span)), digits(($step ?? $span->step()) * 1e6)] : [];
    $params = [...$bar, ...$where->params];
    foreach (array_diff($span->rolled, $without) as $table) {
        // What reaches into two times that follow each other is the later one's alone.
        $end = $span->to / ROLLED_UNIT - ($span->isBefore ? ROLLED[$table] - 1 : 0);
        $where = volumeWhere($db, $filter, true)->add(
            'time > ? AND time < ?',
            digits($span->from / ROLLED_UNIT - ROLLED[$table]),
            digits($end),
        );
        // A day's bar is found by its noon: where clocks change, its begin may
        // lie an hour before that of the bar.
        $noon = $table === 'traffic_hour' ? '' : ' + 720';
        $parts[] = volumePart($table, $keys, $columns, $where, 'time * 60000000', volumeBar("(time$noon) * 60000000"), true);
        array_push($params, ...$bar, ...$where->params);
    }
    return ['(' . implode(' UNION ALL ', $parts) . ') AS volumes', $params];
}

/** The begin of the bar that a time lies in, as SQL; its parameters are the offset and the step. */
function volumeBar(string $time): string
{
    return "$time - ($time + ?) % ?";
}

/**
 * The groups of one table. In those of what is rolled up, rows are grouped by
 * what they have: times in the order that they lie in, and numbers; bars and
 * names are made of the groups, which are few.
 *
 * @param list<string> $keys
 * @param list<string> $columns
 */
function volumePart(string $table, array $keys, array $columns, Where $where, string $time, string $bar, bool $isRolled): string
{
    $groups = $isRolled ? array_map(static fn (string $key): string => $key === 'bar' ? 'time' : $key, $keys) : $keys;
    $inner = [];
    foreach ($groups as $group) {
        $inner[] = $group === 'bar' ? "$bar AS bar" : $group;
    }
    foreach ($columns as $column) {
        $inner[] = str_replace('@', $time, VOLUME_COLUMNS[$column]) . " AS $column";
    }
    $sql = 'SELECT ' . implode(', ', $inner) . " FROM $table" . $where->sql()
        . ($groups === [] ? '' : ' GROUP BY ' . implode(', ', $groups));
    if (!$isRolled) {
        return $sql;
    }
    $outer = [];
    $joins = '';
    foreach ($keys as $key) {
        $outer[] = match ($key) {
            'bar' => "$bar AS bar",
            // The smallest of too many have no device.
            'device' => "COALESCE(device_name.name, '') AS device",
            'app' => 'app_name.name AS app',
        };
        $joins .= $key === 'bar' ? '' : " LEFT JOIN rollup_name AS {$key}_name ON {$key}_name.id = $key";
    }
    return 'SELECT ' . implode(', ', [...$outer, ...$columns]) . " FROM ($sql) AS rolled$joins";
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
    $filter->text?->narrow($where, $db, USAGE_SEARCH, $isRolled);
    return $where;
}
