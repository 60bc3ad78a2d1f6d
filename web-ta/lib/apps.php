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
 * The categories' shares over time.
 *
 * @return array{names: list<string>, totals: list<float>, used: list<float>, bars: array<string, list<float>>}
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
    $shares = $parts['shares'];
    $items = [];
    foreach ($shares['totals'] as $n => $bytes) {
        $class = $shares['names'][$n] ?? null;
        // What has no name is in use whenever anything is.
        $used = $class === '' ? '' : ' <small>' . h(duration($shares['used'][$n] * 1e6)) . '</small>';
        if ($bytes > 0) {
            $items[] = [$class === null ? say('Others') : $name($class === '' ? null : $class), h(bytes($bytes)) . $used, $bytes];
        }
    }
    $whole = (float) array_sum($shares['totals']);
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
