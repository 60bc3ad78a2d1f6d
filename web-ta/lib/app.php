<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The parts of the page of one app.

/** Lines of features.txt, and hosts, in their lists. */
const FINDS_SHOWN = 8;

/** Sessions of one app that these are of. */
const FINDS_LATEST = 10000;

/**
 * The bars of its time line.
 *
 * @return list<array<string, float|string|null>>
 */
function appBars(Db $db, Filter $filter): array
{
    $columns = [
        'time' => new Column('Time', Kind::Time, 'bar'),
        'bytes_in' => new Column('Received', Kind::Bytes, 'SUM(bytes_in)'),
        'bytes_out' => new Column('Sent', Kind::Bytes, 'SUM(bytes_out)'),
    ];
    [$volumes, $params] = volumes($db, $filter, ['bar'], ['bytes_in', 'bytes_out']);
    $start = digits(barStart($filter->span));
    $from = "FROM (SELECT CASE WHEN bar - ? < 0 THEN ? + 0 ELSE bar END AS bar, bytes_in, bytes_out FROM $volumes) AS volume GROUP BY bar";
    return (new Rows($db, $columns, $from, [$start, $start, ...$params], 'bar'))->top('time', 1000);
}

/**
 * Its latest uses, for a time line.
 *
 * @return list<array<string, float|string|null>>
 */
function appUses(Db $db, Filter $filter): array
{
    $columns = [
        'id' => new Column('Number', Kind::Number, 'id'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'start' => new Column('Start', Kind::Time, 'start'),
        'last' => new Column('Last', Kind::Time, 'last'),
        'active_seconds' => new Column('Active', Kind::Secs, 'active_seconds'),
    ];
    $where = usesWhere($db, $filter)->equal('app', $filter->need('app'));
    return (new Rows($db, $columns, 'FROM app' . $where->sql(), $where->params, 'id'))->top('-last', USES_DRAWN);
}

/**
 * What its newest sessions were found by, and their hosts.
 *
 * @return array{finds: list<mixed>, hosts: list<mixed>, finds_of: ?int} of how many sessions they are, if not of all
 */
function appFinds(Db $db, Filter $filter): array
{
    [$from, $params] = latestSessions($db, $filter, 'app', ['host_source', 'app_line'], FINDS_LATEST);
    $sql = 'SELECT app_line, host_source, COUNT(*) AS sessions ' . $from
        . ' GROUP BY app_line, host_source ORDER BY sessions DESC, app_line, host_source LIMIT ?';
    $finds = array_map(static fn (array $row): array => [
        'app_line' => $row['app_line'] === null ? null : (float) $row['app_line'],
        'host_source' => $row['host_source'],
        'sessions' => (float) $row['sessions'],
    ], $db->all($sql, [...$params, FINDS_SHOWN]));
    $hosts = [
        'host' => new Column('Host', Kind::Text, 'host'),
        'sessions' => new Column('Sessions', Kind::Count, 'COUNT(*)'),
        'bytes' => new Column('Total', Kind::Bytes, 'SUM(bytes)'),
    ];
    [$from, $params, $of] = latestSessions($db, $filter, 'app', ['host', 'bytes_in + bytes_out AS bytes'], FINDS_LATEST);
    return [
        'finds' => $finds,
        'hosts' => (new Rows($db, $hosts, "$from GROUP BY host HAVING host IS NOT NULL", $params, 'host'))->top('-bytes', FINDS_SHOWN),
        'finds_of' => $of,
    ];
}

/** @param array<string, mixed> $parts with those of appFinds() */
function findsCard(array $parts, ?string $app): string
{
    if ($app === null) {
        return '';
    }
    $whole = (float) array_sum(array_column($parts['finds'], 'sessions'));
    $items = array_map(static fn (array $row): array => [
        ($row['app_line'] === null ? say('line not known') : say('line {n}', ['n' => digits($row['app_line'])]))
            . ' <small>' . ($row['host_source'] === null ? say('without a name') : h(hostSource($row['host_source']))) . '</small>',
        h(sessionsText($row['sessions'])),
        $row['sessions'],
    ], $parts['finds']);
    return card(t('Found by'), ranking($items, $whole) . '<p class="hint">'
        . say('Lines of features.txt, as they were numbered when the session was seen.') . '</p>'
        . ($parts['finds_of'] === null ? '' : latestHint($parts['finds_of'])));
}

/** @param array<string, mixed> $parts with those of appFinds() */
function hostsCard(array $parts, Filter $filter): string
{
    $whole = (float) ($parts['hosts'][0]['bytes'] ?? 0);
    return card(t('Hosts'), ranking(array_map(static fn (array $row): array => [
        anchor($filter->to('sessions', ['host' => $row['host']]), h($row['host'])),
        h(bytes($row['bytes'])) . ' <small>' . h(sessionsText($row['sessions'])) . '</small>',
        $row['bytes'],
    ], $parts['hosts']), $whole) . ($parts['finds_of'] === null ? '' : latestHint($parts['finds_of'])));
}
