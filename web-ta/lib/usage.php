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
    return (new Where())->device($db, $filter->device)->contains($db, USAGE_SEARCH, $filter->text);
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

/**
 * The newest sessions of the device and the app of $filter: those that the index of
 * a large store finds, or else those among the newest of all.
 *
 * @param string $key the column whose index it is
 * @param list<string> $columns
 * @return array{string, list<int|string>, ?int} FROM with its parameters, and of how many rows they are if there are more
 */
function latestSessions(Db $db, Filter $filter, string $key, array $columns, int $most): array
{
    $time = static fn (): Where => (new Where())->seen($filter->span);
    $narrow = static fn (Where $where): Where => $where->equal('app', $filter->get('app'))->device($db, $filter->device);
    if (in_array($key, $db->indexed('session'), true)) {
        $where = $narrow($time());
        $table = 'session' . $db->hint('session', $key);
        $isMore = isBeyondLatest($db, $table, $where, $most);
        return ['FROM ' . latest($table, implode(', ', $columns), $where, 'last', $most), $where->params, $isMore ? $most : null];
    }
    $where = $narrow(new Where());
    $from = 'FROM ' . latest('session', implode(', ', array_unique([...$columns, 'app', 'device'])), $time(), 'last') . $where->sql();
    return [$from, [...$time()->params, ...$where->params], isBeyondLatest($db, 'session', $time()) ? LATEST : null];
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

/**
 * The same rows one at a time, of those the ones that meet a condition.
 *
 * @param list<string> $columns those that are wanted
 * @param list<string> $searched those that the condition is about
 * @return Generator<int, array<string, mixed>>
 */
function eachLatest(Db $db, string $table, array $columns, Where $time, Where $where, array $searched, string $by, int $most): Generator
{
    $wanted = implode(', ', $columns);
    // Without a condition the database need not put them aside first.
    return $where->others === []
        ? $db->each("SELECT $wanted FROM $table" . $time->sql() . " ORDER BY $by DESC LIMIT $most", $time->params)
        : $db->each(
            "SELECT $wanted FROM " . latest($table, implode(', ', array_unique([...$columns, ...$searched])), $time, $by, $most) . $where->sql(),
            [...$time->params, ...$where->params],
        );
}

/** How the time in use is counted, for where such a number stands. */
function useRule(): string
{
    return '<p class="hint">' . say('Time in use: from packet to packet, where the pause was at most ten seconds.') . '</p>';
}
