<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What the list of apps says besides its rows.

/** Pairs of a device and an app in their list. */
const PAIRS_SHOWN = 20;

/**
 * Volume and time of each category.
 *
 * @return list<array<string, float|string|null>>
 */
function classTotals(Db $db, Filter $filter): array
{
    $columns = [
        'class' => new Column('Category', Kind::Text, 'class'),
        'used' => new Column('Time used', Kind::Secs, 'CASE WHEN class IS NULL THEN NULL ELSE used END'),
        'bytes' => new Column('Total', Kind::Bytes, 'bytes'),
    ];
    [$volumes, $params] = volumes($db, $filter, ['app'], ['bytes_in', 'bytes_out', 'active_seconds']);
    $from = 'FROM (SELECT class, SUM(bytes_in + bytes_out) AS bytes, SUM(active_seconds) AS used'
        . " FROM $volumes LEFT JOIN catalog ON catalog.app = volumes.app GROUP BY class) AS sums";
    return (new Rows($db, $columns, $from, $params, 'class'))->top('-bytes', SUMMARY_TOP);
}

/**
 * The categories' shares over time.
 *
 * @return array{names: list<string>, totals: list<float>, bars: array<string, list<float>>}
 */
function sharesOfClasses(Db $db, Filter $filter): array
{
    $classes = [];
    foreach ($db->each('SELECT app, class FROM catalog WHERE class IS NOT NULL') as $row) {
        $classes[$row['app']] = $row['class'];
    }
    return sharesOf($db, $filter, 'app', static fn (string $app): string => $classes[$app] ?? '');
}

/**
 * Who used what most.
 *
 * @return list<array<string, float|string|null>>
 */
function topPairs(Db $db, Filter $filter): array
{
    [$volumes, $params] = volumes($db, $filter, ['device', 'app'], ['bytes_in', 'bytes_out', 'active_seconds']);
    // By time, then by names, so that both databases say the same.
    $sql = 'SELECT device, app, SUM(active_seconds) AS used, SUM(bytes_in + bytes_out) AS bytes'
        . " FROM $volumes WHERE app IS NOT NULL GROUP BY device, app ORDER BY used DESC, device, app LIMIT ?";
    return array_map(static fn (array $row): array => [
        'device' => (string) $row['device'],
        'app' => (string) $row['app'],
        'used' => (float) $row['used'],
        'bytes' => (float) $row['bytes'],
    ], $db->all($sql, [...$params, PAIRS_SHOWN]));
}

/**
 * @param array<string, mixed> $parts
 * @param array<string, string> $classes
 */
function appsHead(array $parts, Filter $filter, array $classes): string
{
    $name = static fn (?string $class): string => anchor(
        $filter->url(['class' => $class ?? NONE]),
        h($class === null ? t('Not recognised') : ($classes[$class] ?? $class)),
    );
    $whole = (float) array_sum($parts['shares']['totals']);
    $items = array_map(static fn (array $row): array => [
        $name($row['class']),
        h(bytes($row['bytes'])) . ($row['used'] === null ? '' : ' <small>' . h(duration($row['used'] * 1e6)) . '</small>'),
        $row['bytes'],
    ], $parts['classes']);
    return '<div class="grid two">' . card(t('Categories'), ranking($items, $whole) . useRule())
        . card(t('Categories over time'), shares($parts['shares'], $filter, static fn (string $class): string =>
            $name($class === '' ? null : $class))) . '</div>';
}

/** @param list<array<string, float|string|null>> $pairs */
function pairsCard(array $pairs, Filter $filter, Labels $labels): string
{
    $items = array_map(static fn (array $row): array => [
        deviceLink($row['device'], $filter, $labels) . ' · ' . $labels->app($row['app'], $filter->to('app', ['app' => $row['app']])),
        h(duration($row['used'] * 1e6)) . ' <small>' . h(bytes($row['bytes'])) . '</small>',
        $row['used'],
    ], $pairs);
    return card(t('Who used what for longest'), '<div class="columns">' . ranking($items, (float) ($pairs[0]['used'] ?? 0))
        . '</div>' . useRule());
}
