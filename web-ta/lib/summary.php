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

/** Begin of the first bar. */
function barStart(Span $span): float
{
    [$step, $offset] = [$span->step() * 1e6, barOffset($span)];
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
    $open = (new Where())->add('reason IS NULL')->equal('device', $filter->device);
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

/** Alerts of the last day, or of the last one that there is of a replayed capture. */
function summaryAlerts(Db $db, Filter $filter): float
{
    $end = $filter->span->isReplay ? $filter->span->newest : Clock::local()->now() * 1e6;
    $where = (new Where())->add('id >= ?', Span::id($end - 86400e6))->equal('device', $filter->device);
    return (float) $db->value('SELECT COUNT(*) FROM alert' . $where->sql(), $where->params);
}

/** @param array<string, float> $now */
function nowText(array $now): string
{
    return say('in the minute from {time}', ['time' => moment($now['minute'])]);
}

/**
 * How many devices, and the largest of them.
 *
 * @return array{devices: float, top_devices: list<array<string, float|string|null>>}
 */
function summaryDevices(Db $db, Filter $filter): array
{
    $columns = [
        'device' => new Column('Device', Kind::Text, 'device'),
        'bytes' => new Column('Volume', Kind::Bytes, 'SUM(bytes_in + bytes_out)'),
    ];
    [$volumes, $params] = volumes($db, $filter, ['device'], ['bytes_in', 'bytes_out']);
    $rows = new Rows($db, $columns, "FROM $volumes GROUP BY device", $params, 'device');
    $top = [];
    $count = 0.0;
    foreach ($rows->all('-bytes') as $row) {
        if ($count++ < SUMMARY_TOP) {
            $top[] = $row;
        }
    }
    return ['devices' => $count, 'top_devices' => $top];
}

/**
 * How many apps, the largest of them, and their categories.
 *
 * @return array{apps: float, top_apps: list<mixed>, classes: list<mixed>}
 */
function summaryApps(Db $db, Filter $filter): array
{
    $columns = [
        'app' => new Column('App', Kind::Text, 'volume.app'),
        'class' => new Column('Category', Kind::Text, 'class'),
        'bytes' => new Column('Volume', Kind::Bytes, 'bytes'),
    ];
    [$volumes, $params] = volumes($db, $filter, ['app'], ['bytes_in', 'bytes_out']);
    $from = "FROM (SELECT app, SUM(bytes_in + bytes_out) AS bytes FROM $volumes GROUP BY app)"
        . ' AS volume LEFT JOIN catalog ON catalog.app = volume.app';
    $rows = new Rows($db, $columns, $from, $params, 'app');
    [$apps, $top, $classes] = [0.0, [], []];
    foreach ($rows->all('-bytes') as $row) {
        if (count($top) < SUMMARY_TOP) {
            $top[] = ['app' => $row['app'], 'bytes' => $row['bytes']];
        }
        $apps += $row['app'] === null ? 0 : 1;
        $key = $row['class'] ?? '';
        $classes[$key] ??= ['class' => $row['class'], 'bytes' => 0.0];
        $classes[$key]['bytes'] += $row['bytes'];
    }
    usort($classes, static fn (array $a, array $b): int => [$b['bytes'], $a['class']] <=> [$a['bytes'], $b['class']]);
    return ['apps' => $apps, 'top_apps' => $top, 'classes' => array_slice($classes, 0, SUMMARY_TOP)];
}

/** How many sessions were going on within the time; begun, of a time that they are no longer kept of. */
function summarySessions(Db $db, Filter $filter): float
{
    if ($filter->span->rolled !== []) {
        [$volumes, $params] = volumes($db, $filter, [], ['sessions']);
        return (float) $db->value("SELECT SUM(sessions) FROM $volumes", $params);
    }
    $where = (new Where())
        ->seen($filter->span)
        ->equal('device', $filter->device)
        ->contains($db, SESSION_SEARCH, $filter->text);
    return (float) $db->value('SELECT COUNT(*) FROM session' . $where->sql(), $where->params);
}

/**
 * The hosts with the largest volume.
 *
 * @return list<array<string, float|string|null>>
 */
function summaryHosts(Db $db, Filter $filter): array
{
    $columns = [
        'host' => new Column('Host', Kind::Text, 'host'),
        'bytes' => new Column('Volume', Kind::Bytes, 'SUM(bytes_in + bytes_out)'),
    ];
    $time = (new Where())->seen($filter->span);
    $where = (new Where())
        ->add('host IS NOT NULL')
        ->equal('device', $filter->device)
        ->contains($db, SESSION_SEARCH, $filter->text);
    $from = 'FROM ' . latest('session', implode(', ', SESSION_SEARCH) . ', bytes_in, bytes_out', $time, 'last')
        . $where->sql() . ' GROUP BY host';
    $rows = new Rows($db, $columns, $from, [...$time->params, ...$where->params], 'host');
    return $rows->top('-bytes', SUMMARY_TOP);
}

/**
 * Questions and how they ended, and the names asked for most.
 *
 * @return array{dns: array<string, float>, is_dns_partial: bool, dns_names: list<array<string, float|string|null>>}
 */
function summaryDns(Db $db, Filter $filter): array
{
    $where = (new Where())
        ->add("kind = 'dns'")
        ->equal('device', $filter->device)
        ->contains($db, ['qname', 'client', 'server', 'device'], $filter->text);
    $time = (new Where())->begun($filter->span);
    $latest = latest('dns', 'qname, client, server, device, kind, rcode, latency_us', $time);
    $sum = static fn (string $condition): string => "SUM(CASE WHEN $condition THEN 1 ELSE 0 END)";
    $counts = $db->all(
        'SELECT COUNT(*) AS questions, ' . $sum('rcode IS NULL') . ' AS unanswered, '
        . $sum("rcode = 'NXDOMAIN'") . ' AS nxdomain, ' . $sum("rcode = 'NOERROR'") . ' AS noerror,'
        . " SUM(latency_us) AS latency, COUNT(latency_us) AS timed FROM $latest" . $where->sql(),
        [...$time->params, ...$where->params],
    )[0];
    $names = [
        'qname' => new Column('Name', Kind::Text, 'qname'),
        'questions' => new Column('Questions', Kind::Count, 'COUNT(*)'),
    ];
    $from = "FROM $latest" . $where->add('qname IS NOT NULL')->sql() . ' GROUP BY qname';
    $params = [...$time->params, ...$where->params];
    return [
        'dns' => array_map(floatval(...), $counts),
        'is_dns_partial' => isBeyondLatest($db, 'dns', $time),
        'dns_names' => (new Rows($db, $names, $from, $params, 'qname'))->top('-questions', SUMMARY_TOP),
    ];
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
