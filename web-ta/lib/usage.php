<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What pages ask of the tables traffic (the latest volumes) and app (uses).

/** Where a session is searched. */
const SESSION_SEARCH = ['host', 'app', 'app_proto', 'client', 'server', 'device'];

/** …and a row that has a device and an app, see Where::contains(). */
const USAGE_SEARCH = [
    'app',
    ['app', 'catalog', ['app_zh', 'class_en', 'class_zh']],
    ['device', 'device', ['device', 'ipv4', 'ipv6']],
];

/**
 * Groups over wide tables look at the newest rows only, this many: a router
 * needs a second for them, and keeps no more with the usual settings.
 */
const LATEST = 50000;

/** The device and the search of $filter, for rows that have a device and an app. */
function usageWhere(Db $db, Filter $filter): Where
{
    return (new Where())->equal('device', $filter->device)->contains($db, USAGE_SEARCH, $filter->text);
}

/** The same for uses that were going on within the time. */
function usesWhere(Db $db, Filter $filter): Where
{
    return usageWhere($db, $filter)->seen($filter->span);
}

/** Whether there are more rows than those. */
function isBeyondLatest(Db $db, string $table, Where $where, int $most = LATEST): bool
{
    $sql = "SELECT COUNT(*) FROM (SELECT 1 FROM $table" . $where->sql() . ' LIMIT ?) AS counted';
    return (int) $db->value($sql, [...$where->params, $most + 1]) > $most;
}

function latestHint(int $most = LATEST): string
{
    return '<p class="hint">' . say('Lists of names look at the newest {n} rows.', ['n' => grouped($most)]) . '</p>';
}

/** The newest rows of a table within the time, as a table in FROM; $by has an index. */
function latest(string $table, string $columns, Where $where, string $by = 'id', int $most = LATEST): string
{
    return "(SELECT $columns FROM $table" . $where->sql() . " ORDER BY $by DESC LIMIT $most) AS latest";
}

/** How the time in use is counted, for where such a number stands. */
function useRule(): string
{
    return '<p class="hint">' . say('Time in use: from packet to packet, where the pause was at most ten seconds.') . '</p>';
}
