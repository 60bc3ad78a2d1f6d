<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/../lib/summary.php';
require_once __DIR__ . '/../lib/summary_html.php';
require_once __DIR__ . '/../lib/change.php';
require_once __DIR__ . '/../lib/now_html.php';
require_once __DIR__ . '/../lib/timeline.php';
require_once __DIR__ . '/../lib/apps.php';

/** Uses that tell when an app was used first and last: the newest. */
const USES_LATEST = 20000;

/** Of what is rolled up or added up only the day is known, unless there is a use of that day. */
const FIRST_USED = 'CASE WHEN first_use < first_time + 86400000000 THEN first_use ELSE first_time END';

return [
    'title' => 'Apps',
    'order' => 20,
    'icon' => 'apps',
    'params' => ['class' => Param::Word],
    'controls' => [
        'class' => ['Category', static fn (Labels $labels) => $labels->classes() + [NONE => t('Not recognised')]],
    ],
    'columns' => [
        'app' => new Column('App', Kind::Text, 'volume.app'),
        'class' => new Column('Category', Kind::Text, 'catalog.class'),
        'devices' => new Column('Devices', Kind::Count, 'devices'),
        'used' => new Column('Time used', Kind::Secs, 'CASE WHEN volume.app IS NULL THEN NULL ELSE active END'),
        'sessions' => new Column('Sessions', Kind::Count, 'sessions'),
        'bytes_in' => new Column('Received', Kind::Bytes, 'bytes_in'),
        'bytes_out' => new Column('Sent', Kind::Bytes, 'bytes_out'),
        'bytes' => new Column('Total', Kind::Bytes, 'bytes_in + bytes_out'),
        'first' => new Column('First used', Kind::Time, FIRST_USED),
        'last' => new Column('Last used', Kind::Time, 'COALESCE(last_use, last_time)'),
    ],
    'sort' => '-bytes',

    'rows' => static function (Db $db, Filter $filter): Rows {
        // Each by itself, by the sums that have no more than is asked for: of times those of
        // days, of devices those by both.
        [$volumes, $params] = volumes($db, $filter, ['app'], ['bytes_in', 'bytes_out', 'sessions', 'active_seconds']);
        [$times, $timeParams] = volumes($db, $filter, ['app'], ['first_time', 'last_time']);
        [$pairs, $pairParams] = volumes($db, $filter, ['app', 'device'], []);
        $uses = usesWhere($db, $filter);
        $from = 'FROM (SELECT app, SUM(sessions) AS sessions, SUM(bytes_in) AS bytes_in, SUM(bytes_out) AS bytes_out,'
            . " SUM(active_seconds) AS active FROM $volumes GROUP BY app) AS volume"
            . ' JOIN (SELECT COALESCE(app, \'\') AS timed_app, MIN(first_time) AS first_time, MAX(last_time) AS last_time'
            . " FROM $times GROUP BY app) AS times ON timed_app = COALESCE(volume.app, '')"
            . ' JOIN (SELECT COALESCE(app, \'\') AS shared_app, COUNT(DISTINCT device) AS devices'
            . " FROM $pairs GROUP BY app) AS shared ON shared_app = COALESCE(volume.app, '')"
            . ' LEFT JOIN (SELECT app AS used_app, MIN(start) AS first_use, MAX(last) AS last_use'
            . ' FROM ' . latest('app', 'app, start, last', $uses, 'last', USES_LATEST) . ' GROUP BY app) AS uses ON used_app = volume.app'
            . ' LEFT JOIN catalog ON catalog.app = volume.app';
        $params = [...$params, ...$timeParams, ...$pairParams, ...$uses->params];
        return new Rows($db, $filter->page->columns, $from, $params, 'app', isGrouped: true);
    },

    'parts' => static fn (Db $db, Filter $filter): array => [
        'shares' => sharesOfClasses($db, $filter),
        'pairs' => topPairs($db, $filter),
    ],

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $rows = $all->page($filter->sort, $filter->number);
        $pager = pager($all, $rows, $filter);
        $labels->load($rows, $parts['pairs']);
        $classes = $labels->classes();
        echo appsHead($parts, $filter, $classes);
        $largest = max([0.0, ...array_column($rows, 'bytes')]);
        echo table($all->columns, $rows, [
            'app' => static fn (array $row): string =>
                $labels->app($row['app'], $filter->to('app', ['app' => $row['app'] ?? NONE])),
            'class' => static fn (array $row): string => $row['class'] === null
                ? DASH
                : anchor($filter->url(['class' => $row['class']]), h($classes[$row['class']] ?? $row['class'])),
            'devices' => static fn (array $row): string =>
                anchor($filter->to('app', ['app' => $row['app'] ?? NONE]), h(grouped($row['devices']))),
            'used' => null,
            'sessions' => static fn (array $row): string =>
                anchor($filter->to('sessions', ['app' => $row['app'] ?? NONE]), h(grouped($row['sessions']))),
            'bytes_in' => null,
            'bytes_out' => null,
            'bytes' => static fn (array $row): string =>
                h(bytes($row['bytes'])) . shareBar($row['bytes'], $largest),
            'first' => null,
            'last' => null,
        ], 'app', t('Apps that were used within the time'), $filter), $pager, useRule(), pairsCard($parts['pairs'], $filter, $labels);
    },
];
