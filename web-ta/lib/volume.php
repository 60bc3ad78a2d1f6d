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
    $step ??= $span->step();
    $offset = in_array('bar', $keys, true) ? barOffset($span) : null;
    $bar = $offset === null ? [] : [digits($offset), digits($step * 1e6)];
    $parts = $params = [];
    $add = static function (string $part, Where $where) use ($bar, &$parts, &$params): void {
        $parts[] = $part;
        array_push($params, ...$bar, ...$where->params);
    };
    $kind = volumeKind($filter, $keys);
    [$sums, $rest] = summedParts(
        $db,
        $span->from / ROLLED_UNIT,
        $span->to / ROLLED_UNIT,
        $kind,
        volumeSteps($columns, $offset === null ? null : $step / 60),
        $offset === null ? null : $offset / ROLLED_UNIT,
    );
    foreach ($sums as [$number, $begin, $end]) {
        $where = (new Where())->add('step = ? AND kind = ? AND time >= ? AND time < ?', $number, $kind, digits($begin), digits($end));
        $where = volumeWhere($db, $filter, true, $where);
        $add(volumePart('traffic_sum', $keys, $columns, $where, rolledTimes($number), true), $where);
    }
    foreach ($rest as [$begin, $end]) {
        $where = (new Where())->add('id >= ? AND id < ?', Span::id($begin * ROLLED_UNIT), Span::id($end * ROLLED_UNIT));
        $where = volumeWhere($db, $filter, false, $where);
        $add(volumePart('traffic', $keys, $columns, $where, ['time', 'time'], false), $where);
        foreach (array_diff($span->rolledAfter($begin), $without) as $table) {
            // What reaches into it from before its begin; but of two times that follow
            // each other it is the later one's alone.
            $length = ROLLED[$table] - 1;
            $first = $begin * ROLLED_UNIT > $span->from ? $begin : $begin - $length;
            $last = $span->isBefore && $end * ROLLED_UNIT >= $span->to ? $end - $length : $end;
            $where = (new Where())->add('time >= ? AND time < ?', digits(ceil($first)), digits(ceil($last)));
            $where = volumeWhere($db, $filter, true, $where);
            $add(volumePart($table, $keys, $columns, $where, rolledTimes($table === 'traffic_hour' ? 1 : 2), true), $where);
        }
    }
    return ['(' . implode(' UNION ALL ', $parts) . ') AS volumes', $params];
}

/** All bytes of it. */
function volumeBytes(Db $db, Filter $filter): float
{
    [$volumes, $params] = volumes($db, $filter, [], ['bytes_in', 'bytes_out']);
    return (float) $db->value("SELECT SUM(bytes_in + bytes_out) FROM $volumes", $params);
}

/**
 * By what sums have to be for these groups.
 *
 * @param list<string> $keys
 */
function volumeKind(Filter $filter, array $keys): int
{
    // What is searched for may be about either.
    $isSearched = $filter->text !== null;
    $byApp = $isSearched || in_array('app', $keys, true) || $filter->get('app') !== null || $filter->get('class') !== null;
    $byDevice = $isSearched || in_array('device', $keys, true) || $filter->device !== null;
    return match (true) {
        $byApp && $byDevice => BY_BOTH,
        $byApp => BY_APP,
        default => BY_DEVICE,
    };
}

/**
 * The steps whose sums tell what is asked: none is longer than a bar, and what was
 * used in a month is not told to the day.
 *
 * @param list<string> $columns
 * @param ?float $bar its minutes
 * @return list<int>
 */
function volumeSteps(array $columns, ?float $bar): array
{
    $hasTimes = array_intersect($columns, ['first_time', 'last_time']) !== [];
    return array_keys(array_filter(SUM_STEPS, static fn (array $sum): bool => match (true) {
        $bar !== null => $sum[1] !== null && fmod($bar, $sum[1]) === 0.0,
        default => !$hasTimes || $sum[1] !== null,
    }));
}

/**
 * The time of what is rolled up, and that by which its bar is found: of a day its
 * noon, as its begin may lie an hour before that of the bar where clocks change.
 *
 * @return array{string, string}
 */
function rolledTimes(int $step): array
{
    return ['time * 60000000', $step === 1 ? 'time * 60000000' : '(time + 720) * 60000000'];
}

/** The begin of the bar that a time lies in, as SQL; its parameters are the offset and the step. */
function volumeBar(string $time): string
{
    return "$time - ($time + ?) % ?";
}

/**
 * The groups of one table, with its time and that which tells the bar. In those of what is rolled up, rows are grouped by
 * what they have: times in the order that they lie in, and numbers; bars are
 * made of the groups, and names of those, which are few.
 *
 * @param list<string> $keys
 * @param list<string> $columns
 * @param array{string, string} $times
 */
function volumePart(string $table, array $keys, array $columns, Where $where, array $times, bool $isRolled): string
{
    $bar = volumeBar($times[1]);
    $hasTimes = $isRolled && $table !== 'traffic_sum';
    $groups = $hasTimes ? array_map(static fn (string $key): string => $key === 'bar' ? 'time' : $key, $keys) : $keys;
    $inner = [];
    foreach ($groups as $group) {
        $inner[] = $group === 'bar' ? "$bar AS bar" : $group;
    }
    foreach ($columns as $column) {
        $inner[] = str_replace('@', $times[0], VOLUME_COLUMNS[$column]) . " AS $column";
    }
    $sql = 'SELECT ' . implode(', ', $inner) . " FROM $table" . $where->sql()
        . ($groups === [] ? '' : ' GROUP BY ' . implode(', ', $groups));
    if (!$isRolled) {
        return $sql;
    }
    if ($hasTimes && in_array('bar', $keys, true)) {
        $ids = array_diff($keys, ['bar']);
        $sums = array_map(static fn (string $column): string => str_replace('@', $column, VOLUME_COLUMNS[$column]) . " AS $column", $columns);
        $sql = 'SELECT ' . implode(', ', [...$keys, ...$sums])
            . ' FROM (SELECT ' . implode(', ', ["$bar AS bar", ...$ids, ...$columns]) . " FROM ($sql) AS timed) AS barred"
            . ' GROUP BY ' . implode(', ', $keys);
    }
    $outer = [];
    $joins = '';
    foreach ($keys as $key) {
        $outer[] = match ($key) {
            'bar' => 'bar',
            // The smallest of too many have no device.
            'device' => "COALESCE(device_name.name, '') AS device",
            'app' => 'app_name.name AS app',
        };
        $joins .= $key === 'bar' ? '' : " LEFT JOIN rollup_name AS {$key}_name ON {$key}_name.id = $key";
    }
    return 'SELECT ' . implode(', ', [...$outer, ...$columns]) . " FROM ($sql) AS rolled$joins";
}

/**
 * Adds what $filter says of devices and apps. In tables of what is rolled up these
 * are numbers, and a condition on a name is one on the numbers with such names.
 */
function volumeWhere(Db $db, Filter $filter, bool $isRolled, Where $where): Where
{
    $names = static fn (string $column, string $condition): string => $isRolled
        ? "$column IN (SELECT id FROM rollup_name WHERE " . str_replace('@', 'name', $condition) . ')'
        : str_replace('@', $column, $condition);
    if ($filter->device !== null) {
        $same = sameDevices($db, $filter->device);
        $where->add($names('device', '@ IN (' . implode(', ', array_fill(0, count($same), '?')) . ')'), ...$same);
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
