<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The parts of the page of one device.

/** Apps of one device in its list and its time line. */
const DEVICE_APPS = 12;

/** Rows of its latest sessions, alerts, stops and names. */
const DEVICE_ROWS = 8;

/**
 * The row of the device; of one that was forgotten, whose volumes are kept for
 * longer, all but the first column are unknown.
 *
 * @return array<string, float|string|null>
 */
function deviceRow(Db $db, Filter $filter): array
{
    $device = $filter->device ?? throw new Trouble(400, t('The address lacks what to show: {name}.', ['name' => 'device']));
    $row = (new Rows($db, thingColumns(), 'FROM device WHERE device = ?', [$device], 'device'))->top('device', 1)[0] ?? null;
    return $row ?? ['device' => $device] + array_fill_keys(array_keys(thingColumns()), null);
}

/**
 * Its apps with volume and time, the most used first.
 *
 * @return list<array<string, float|string|null>>
 */
function deviceApps(Db $db, Filter $filter): array
{
    $columns = [
        'app' => new Column('App', Kind::Text, 'app'),
        'used' => new Column('Time used', Kind::Secs, 'CASE WHEN app IS NULL THEN NULL ELSE used END'),
        'sessions' => new Column('Sessions', Kind::Count, 'sessions'),
        'bytes_in' => new Column('Received', Kind::Bytes, 'bytes_in'),
        'bytes_out' => new Column('Sent', Kind::Bytes, 'bytes_out'),
        'bytes' => new Column('Total', Kind::Bytes, 'bytes_in + bytes_out'),
    ];
    [$volumes, $params] = volumes($db, $filter, ['app'], ['bytes_in', 'bytes_out', 'sessions', 'active_seconds']);
    $from = 'FROM (SELECT app, SUM(bytes_in) AS bytes_in, SUM(bytes_out) AS bytes_out, SUM(sessions) AS sessions,'
        . " SUM(active_seconds) AS used FROM $volumes GROUP BY app) AS volume";
    return iterator_to_array((new Rows($db, $columns, $from, $params, 'app'))->all('-bytes'), false);
}

/**
 * Volume by hour of the week, from Monday 0:00. Only what is kept by minute or
 * hour tells that.
 *
 * @return array{cells: list<float>, is_whole: bool}
 */
function weekHours(Db $db, Filter $filter): array
{
    $without = ['traffic_day', 'traffic_month'];
    [$volumes, $params] = volumes($db, $filter, ['bar'], ['bytes_in', 'bytes_out'], 3600.0, $without);
    $cells = array_fill(0, 168, 0.0);
    foreach ($db->each("SELECT bar, SUM(bytes_in + bytes_out) AS bytes FROM $volumes GROUP BY bar", $params) as $row) {
        // Bars are cut by the offset of today: the middle of an hour has no doubt.
        $secs = (float) $row['bar'] / 1e6 + 1800;
        $day = (int) Clock::local()->format('N', $secs) - 1;
        $cells[$day * 24 + (int) Clock::local()->format('G', $secs)] += (float) $row['bytes'];
    }
    return ['cells' => $cells, 'is_whole' => array_intersect($without, $filter->span->rolled) === []];
}

/**
 * The latest uses within the time, each with its begin and end.
 *
 * @return list<array<string, float|string|null>>
 */
function latestUses(Db $db, Filter $filter): array
{
    $columns = [
        'id' => new Column('Number', Kind::Number, 'id'),
        'app' => new Column('App', Kind::Text, 'app'),
        'start' => new Column('Start', Kind::Time, 'start'),
        'last' => new Column('Last', Kind::Time, 'last'),
        'active_seconds' => new Column('Active', Kind::Secs, 'active_seconds'),
    ];
    $where = usesWhere($db, $filter)->equal('app', $filter->get('app'));
    return (new Rows($db, $columns, 'FROM app' . $where->sql(), $where->params, 'id'))->top('-last', USES_DRAWN);
}

/**
 * Its newest questions: how they ended, the names asked for most, and those refused most.
 *
 * @return array<string, mixed>
 */
function deviceDns(Db $db, Filter $filter): array
{
    $time = (new Where())->begun($filter->span);
    $where = (new Where())->add("kind = 'dns'")->device($db, $filter->device);
    $from = latest('dns', 'qname, device, kind, rcode', $time, 'id', SUMMARY_LATEST);
    $columns = [
        'qname' => new Column('Name', Kind::Text, 'qname'),
        'questions' => new Column('Questions', Kind::Count, 'COUNT(*)'),
    ];
    $top = static function (Where $where, int $most) use ($db, $columns, $from, $time): array {
        $params = [...$time->params, ...$where->params];
        return (new Rows($db, $columns, "FROM $from" . $where->sql() . ' GROUP BY qname', $params, 'qname'))->top('-questions', $most);
    };
    $counts = $db->all(
        "SELECT COUNT(*) AS questions, SUM(CASE WHEN rcode = 'NXDOMAIN' THEN 1 ELSE 0 END) AS nxdomain,"
        . " SUM(CASE WHEN rcode = 'REFUSED' THEN 1 ELSE 0 END) AS refused, SUM(CASE WHEN rcode IS NULL THEN 1 ELSE 0 END) AS unanswered"
        . " FROM $from" . $where->sql(),
        [...$time->params, ...$where->params],
    )[0];
    $names = $top((clone $where)->add('qname IS NOT NULL'), DEVICE_ROWS);
    return [
        'dns' => array_map(floatval(...), $counts),
        'dns_names' => $names,
        'dns_refused' => $top((clone $where)->add("qname IS NOT NULL AND rcode IN ('REFUSED', 'NXDOMAIN')"), DEVICE_ROWS),
        'is_dns_partial' => isBeyondLatest($db, 'dns', $time, SUMMARY_LATEST),
    ];
}

/**
 * The newest rows of a table that are about the device.
 *
 * @param array<string, Column> $columns
 * @return list<array<string, float|string|null>>
 */
function deviceRows(Db $db, Filter $filter, string $table, array $columns, Where $where, string $sort = '-id'): array
{
    $where->device($db, $filter->device);
    $key = ltrim($sort, '-');
    return (new Rows($db, $columns, "FROM $table" . $where->sql(), $where->params, $key))->top($sort, DEVICE_ROWS);
}

/**
 * Its newest sessions.
 *
 * @return list<array<string, float|string|null>>
 */
function deviceSessions(Db $db, Filter $filter): array
{
    $columns = array_intersect_key(sessionColumns(), array_flip(['id', 'last', 'host', 'server', 'server_port', 'proto', 'app', 'bytes_in', 'bytes_out']));
    [$from, $params] = latestSessions($db, $filter, 'device', array_keys($columns), DEVICE_ROWS);
    return (new Rows($db, $columns, $from, $params, 'id'))->top('-last', DEVICE_ROWS);
}

/** @return array<string, Column> */
function dhcpColumns(): array
{
    return [
        'id' => new Column('Number', Kind::Number, 'id'),
        'time' => new Column('Time', Kind::Time, 'time'),
        'kind' => new Column('Kind', Kind::Text, 'kind'),
        'hostname' => new Column('Called', Kind::Text, 'hostname'),
        'vendor_class' => new Column('Kind of client', Kind::Text, 'vendor_class'),
        'requested' => new Column('Address asked for', Kind::Text, 'requested'),
        'assigned' => new Column('Address given', Kind::Text, 'assigned'),
    ];
}
