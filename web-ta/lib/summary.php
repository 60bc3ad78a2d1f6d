<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The parts of the overview.

/** Names in each list. */
const SUMMARY_TOP = 8;

/** A session without an end that had a packet within this time counts as going on. */
const OPEN_MINUTES = 15;

/** Devices with traffic within this time are active. */
const ACTIVE_MINUTES = 5;

/** Volumes of a minute are written some seconds after its end. */
const WRITTEN_AFTER = 5e6;

/** Microseconds by which bars are shifted, so that days and hours begin in local time. */
function barOffset(Span $span): float
{
    return Clock::local()->offset($span->to / 1e6) * 1e6;
}

/** Begin of the first bar; of as many seconds as those of the chart if they are not given. */
function barStart(Span $span, ?float $step = null): float
{
    [$step, $offset] = [($step ?? $span->step()) * 1e6, barOffset($span)];
    return floor(($span->from + $offset) / $step) * $step - $offset;
}

/**
 * What goes on now, or did at the end of the data.
 *
 * @return array<string, float>
 */
function summaryNow(Db $db, Filter $filter): array
{
    $now = Clock::local()->now() * 1e6;
    $end = $filter->span->isReplay ? $filter->span->newest : $now;
    // Of a replayed capture the last minute is complete; otherwise it is still being counted.
    $minute = $filter->span->isReplay ? Span::minute($end) : Span::minute($now - WRITTEN_AFTER) - 60e6;
    $seen = (new Where())->add('last >= ?', digits(Span::minute($end - OPEN_MINUTES * 60e6)));
    $open = (new Where())->add('reason IS NULL')->device($db, $filter->device);
    $active = usageWhere($db, $filter)->add('id >= ?', Span::id($minute - (ACTIVE_MINUTES - 1) * 60e6));
    $last = usageWhere($db, $filter)->add('id >= ? AND time = ?', Span::id($minute), digits($minute));
    $volume = $db->all(
        'SELECT SUM(bytes_in) AS bytes_in, SUM(bytes_out) AS bytes_out FROM traffic' . $last->sql(),
        $last->params,
    )[0];
    return [
        'sessions' => (float) $db->value(
            'SELECT COUNT(*) FROM ' . latest('session', 'reason, device', $seen, 'last') . $open->sql(),
            [...$seen->params, ...$open->params],
        ),
        'devices' => (float) $db->value('SELECT COUNT(DISTINCT device) FROM traffic' . $active->sql(), $active->params),
        'minute' => $minute,
        'bytes_in' => (float) $volume['bytes_in'],
        'bytes_out' => (float) $volume['bytes_out'],
    ];
}

/** The last day, or that at the end of a replayed capture. */
function dayOfAlerts(Db $db, Filter $filter): Where
{
    $end = $filter->span->isReplay ? $filter->span->newest : Clock::local()->now() * 1e6;
    return (new Where())->add('id >= ?', Span::id($end - 86400e6))->device($db, $filter->device);
}

/** How many alerts there were in it. */
function summaryAlerts(Db $db, Filter $filter): float
{
    $where = dayOfAlerts($db, $filter);
    return (float) $db->value('SELECT COUNT(*) FROM alert' . $where->sql(), $where->params);
}

/** @param array<string, float> $now */
function nowText(array $now): string
{
    return say('in the minute from {time}', ['time' => moment($now['minute'])]);
}

/**
 * How much was whose, and of which app and category.
 *
 * @return array{device: array<string, float>, app: array<string, float>, class: array<string, float>, sessions: float}
 */
function volumeSums(Db $db, Filter $filter): array
{
    $sums = ['device' => [], 'app' => [], 'class' => [], 'sessions' => 0.0];
    $wholes = partsOfDevices($db);
    foreach (['device', 'app'] as $key) {
        [$volumes, $params] = volumes($db, $filter, [$key], ['bytes_in', 'bytes_out', 'sessions']);
        $sql = "SELECT $key AS name, SUM(bytes_in + bytes_out) AS bytes, SUM(sessions) AS sessions FROM $volumes GROUP BY $key";
        foreach ($db->each($sql, $params) as $row) {
            $name = (string) $row['name'];
            if ($key === 'device') {
                $name = $wholes[$name] ?? $name;
                $sums['sessions'] += (float) $row['sessions'];
            }
            $sums[$key][$name] = ($sums[$key][$name] ?? 0.0) + (float) $row['bytes'];
        }
    }
    $classes = classesOf($db, array_keys($sums['app']));
    foreach ($sums['app'] as $app => $bytes) {
        $class = $classes[$app] ?? '';
        $sums['class'][$class] = ($sums['class'][$class] ?? 0.0) + $bytes;
    }
    return $sums;
}

/**
 * @param list<int|string> $apps
 * @return array<string, string> app => its category
 */
function classesOf(Db $db, array $apps): array
{
    $classes = [];
    // As many as a statement of MariaDB and SQLite may have parameters.
    foreach (array_chunk(array_map(strval(...), $apps), 500) as $some) {
        $marks = implode(',', array_fill(0, count($some), '?'));
        foreach ($db->each("SELECT app, class FROM catalog WHERE class IS NOT NULL AND app IN ($marks)", $some) as $row) {
            $classes[$row['app']] = $row['class'];
        }
    }
    return $classes;
}

/**
 * Devices, apps and categories: how many, the largest, and what they were before.
 *
 * @return array<string, mixed>
 */
function summaryVolumes(Db $db, Filter $filter, ?Filter $before): array
{
    $now = volumeSums($db, $filter);
    $then = $before === null ? null : volumeSums($db, $before);
    $parts = [
        'sessions' => summarySessions($db, $filter) ?? $now['sessions'],
        'devices' => (float) count($now['device']),
        'apps' => (float) count(array_diff_key($now['app'], ['' => 0])),
        'bytes_before' => $then === null ? null : (float) array_sum($then['device']),
    ];
    foreach (['device' => 'top_devices', 'app' => 'top_apps', 'class' => 'classes'] as $key => $name) {
        [$parts[$name], $parts["gone_$key"]] = topOf($now[$key], $then === null ? null : $then[$key], $key, SUMMARY_TOP);
    }
    return $parts;
}

/**
 * Who uses the line in these minutes, and for what.
 *
 * @return array{devices: list<mixed>, apps: list<mixed>}
 */
function summaryBusy(Db $db, Filter $filter, float $minute): array
{
    $where = usageWhere($db, $filter)->add('id >= ?', Span::id($minute - (ACTIVE_MINUTES - 1) * 60e6));
    $busy = ['devices' => [], 'apps' => []];
    foreach (['device' => partsOfDevices($db), 'app' => []] as $key => $parts) {
        $sums = [];
        $sql = "SELECT $key, SUM(bytes_in + bytes_out) AS bytes FROM traffic" . $where->sql() . " GROUP BY $key";
        foreach ($db->each($sql, $where->params) as $row) {
            $name = (string) $row[$key];
            $name = $parts[$name] ?? $name;
            $sums[$name] = ($sums[$name] ?? 0.0) + (float) $row['bytes'];
        }
        foreach (largest($sums, BUSY_SHOWN) as $name => $bytes) {
            $busy["{$key}s"][] = [$key => $name === '' ? null : (string) $name, 'bytes' => $bytes];
        }
    }
    return $busy;
}

/** Devices and apps in the lists of what goes on now. */
const BUSY_SHOWN = 3;

/**
 * The minutes of the last hour, for a small drawing.
 *
 * @return list<array<string, float|string|null>>
 */
function summaryMinutes(Db $db, Filter $filter, float $minute): array
{
    $columns = [
        'time' => new Column('Time', Kind::Time, 'time'),
        'bytes_in' => new Column('Received', Kind::Bytes, 'SUM(bytes_in)'),
        'bytes_out' => new Column('Sent', Kind::Bytes, 'SUM(bytes_out)'),
    ];
    $where = usageWhere($db, $filter)->add('id >= ? AND time <= ?', Span::id($minute - 59 * 60e6), digits($minute));
    $rows = new Rows($db, $columns, 'FROM traffic' . $where->sql() . ' GROUP BY time', $where->params, 'time');
    return $rows->top('time', 60);
}

/**
 * Devices that were seen for the first time within the time, the newest first.
 *
 * @return array{new_device_count: float, new_devices: list<array<string, float|string|null>>}
 */
function summaryNew(Db $db, Filter $filter): array
{
    $columns = [
        'device' => new Column('Device', Kind::Text, 'device'),
        'vendor' => new Column('Maker', Kind::Text, 'vendor'),
        'first' => new Column('First seen', Kind::Time, 'first'),
    ];
    $where = (new Where())->device($db, $filter->device)
        ->add('first >= ? AND first < ?', digits($filter->span->from), digits($filter->span->to));
    $rows = new Rows($db, $columns, 'FROM device' . $where->sql(), $where->params, 'device');
    return [
        'new_device_count' => (float) $db->value('SELECT COUNT(*) FROM device' . $where->sql(), $where->params),
        'new_devices' => $rows->top('-first', NEWS_SHOWN),
    ];
}

/** New devices, and alerts, in their short lists. */
const NEWS_SHOWN = 4;

/**
 * Alerts of the last day that somebody should look at, the newest first.
 *
 * @return list<array<string, float|string|null>>
 */
function summaryOpen(Db $db, Filter $filter): array
{
    $columns = [
        'id' => new Column('Number', Kind::Number, 'id'),
        'time' => new Column('Time', Kind::Time, 'time'),
        'severity' => new Column('Severity', Kind::Number, 'severity'),
        'kind' => new Column('Kind', Kind::Text, 'kind'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'text' => new Column('What happened', Kind::Text, 'text'),
    ];
    $where = dayOfAlerts($db, $filter)->add('severity <= 2');
    return (new Rows($db, $columns, 'FROM alert' . $where->sql(), $where->params, 'id'))->top('-id', NEWS_SHOWN);
}

/** Of a longer time sessions are not counted one by one. */
const COUNTED_DAYS = 2;

/** How many sessions were going on within the time; null of a long time, where those that began are known from the volumes. */
function summarySessions(Db $db, Filter $filter): ?float
{
    if ($filter->span->rolled !== [] || $filter->span->to - $filter->span->from > COUNTED_DAYS * 86400e6) {
        return null;
    }
    $where = (new Where())
        ->seen($filter->span)
        ->device($db, $filter->device)
        ->contains($db, SESSION_SEARCH, $filter->text);
    return (float) $db->value('SELECT COUNT(*) FROM session' . $where->sql(), $where->params);
}

/**
 * What each stage was offered and lost.
 *
 * @return list<array<string, float|string|null>>
 */
function summaryHealth(Db $db, Span $span): array
{
    $columns = [
        'stage' => new Column('Stage', Kind::Text, 'stage'),
        'offered' => new Column('Offered', Kind::Count, 'SUM(offered)'),
        'lost' => new Column('Lost', Kind::Count, 'SUM(lost)'),
        'flash_bytes' => new Column('Written to lasting storage', Kind::Bytes, 'SUM(flash_bytes)'),
    ];
    $where = (new Where())->begun($span);
    $rows = new Rows($db, $columns, 'FROM health' . $where->sql() . ' GROUP BY stage', $where->params, 'stage');
    return iterator_to_array($rows->all('-offered'), false);
}

/**
 * What passed each interface by its own count, and how much of it is known.
 *
 * @return list<array<string, float|string|null>>
 */
function summaryCoverage(Db $db, Span $span): array
{
    $columns = [
        'iface' => new Column('Interface', Kind::Text, 'iface'),
        'bytes_line' => new Column('Passed', Kind::Bytes, 'SUM(bytes_line)'),
        'bytes_seen' => new Column('Seen', Kind::Bytes, 'SUM(bytes_seen)'),
        'bytes_unnamed' => new Column('Without a name', Kind::Bytes, 'SUM(bytes_unnamed)'),
    ];
    $where = (new Where())->begun($span);
    $rows = new Rows($db, $columns, 'FROM coverage' . $where->sql() . ' GROUP BY iface', $where->params, 'iface');
    return iterator_to_array($rows->all('-bytes_line'), false);
}

/**
 * What was written to lasting storage on this day, and whether writing is put off.
 *
 * @return array{today: float, budget: float, held: bool}
 */
function summaryFlash(Db $db): array
{
    $now = Clock::local()->now();
    $day = Clock::local()->parse(Clock::local()->format('Y-m-d\T00:00', $now)) ?? $now;
    $held = $db->value("SELECT flash_held FROM health WHERE stage = 'store' ORDER BY id DESC LIMIT 1");
    return [
        'today' => (float) $db->value('SELECT SUM(flash_bytes) FROM health WHERE id >= ?', [Span::id($day * 1e6)]),
        'budget' => writeBudget(),
        'held' => (int) $held === 1,
    ];
}
