<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/../lib/summary.php';
require_once __DIR__ . '/../lib/summary_html.php';
require_once __DIR__ . '/../lib/chart.php';

return [
    'title' => 'Overview',
    'order' => 10,
    'icon' => 'overview',
    'refresh' => 30,
    'columns' => [
        'time' => new Column('Time', Kind::Time, 'bar'),
        'bytes_in' => new Column('Received', Kind::Bytes, 'SUM(bytes_in)'),
        'bytes_out' => new Column('Sent', Kind::Bytes, 'SUM(bytes_out)'),
        'packets' => new Column('Packets', Kind::Count, 'SUM(packets)'),
        'sessions' => new Column('Sessions', Kind::Count, 'SUM(sessions)'),
    ],
    'sort' => 'time',

    // The bars of the chart.
    'rows' => static function (Db $db, Filter $filter): Rows {
        [$volumes, $params] = volumes($db, $filter, ['bar'], ['bytes_in', 'bytes_out', 'packets', 'sessions']);
        // What begins before the first bar and reaches into the time belongs to it.
        $start = digits(barStart($filter->span));
        $from = 'FROM (SELECT CASE WHEN bar - ? < 0 THEN ? + 0 ELSE bar END AS bar, bytes_in, bytes_out, packets, sessions'
            . " FROM $volumes) AS volume GROUP BY bar";
        return new Rows($db, $filter->page->columns, $from, [$start, $start, ...$params], 'bar');
    },

    'parts' => static fn (Db $db, Filter $filter): array => [
        'now' => summaryNow($db, $filter),
        'alerts' => summaryAlerts($db, $filter),
        'sessions' => summarySessions($db, $filter),
        ...summaryDevices($db, $filter),
        ...summaryApps($db, $filter),
        'is_hosts_partial' => isBeyondLatest($db, 'session', (new Where())->seen($filter->span)),
        'hosts' => summaryHosts($db, $filter),
        ...summaryDns($db, $filter),
        'health' => summaryHealth($db, $filter->span),
        'coverage' => summaryCoverage($db, $filter->span),
        'flash' => summaryFlash($db),
    ],

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $bars = $all->top('time', 1000);
        $sum = static fn (string $column): float => array_sum(array_column($bars, $column));
        $bytes = $sum('bytes_in') + $sum('bytes_out');
        $labels->load($parts['top_devices'], $parts['top_apps']);
        $classes = $labels->classes();
        $now = $parts['now'];

        echo '<dl class="tiles now">',
            tile(
                t('Sessions going on'),
                anchor(
                    $filter->to('sessions', ['open' => '1', 'range' => OPEN_MINUTES . 'm', 'from' => null, 'to' => null]),
                    h(grouped($now['sessions'])),
                ),
                say('latest packet within {n} minutes', ['n' => (string) OPEN_MINUTES]),
                'live',
            ),
            tile(t('Receiving'), h(bitrate($now['bytes_in'], 60)), nowText($now), 'in'),
            tile(t('Sending'), h(bitrate($now['bytes_out'], 60)), nowText($now), 'out'),
            tile(t('Devices active'), h(grouped($now['devices'])), say('in the last {n} minutes', ['n' => (string) ACTIVE_MINUTES])),
            '</dl>';

        $chart = new Chart($bars, $filter, barStart($filter->span));
        echo card(
            t('Traffic') . ' ' . Chart::stepText($filter->span->step()),
            $chart->svg(),
            '<p class="legend"><span class="in">' . say('received') . ' <b>' . h(bytes($sum('bytes_in')))
                . '</b></span><span class="out">' . say('sent') . ' <b>' . h(bytes($sum('bytes_out'))) . '</b></span></p>',
        );

        echo '<dl class="tiles strip">',
            tile(t('Volume'), h(bytes($bytes)), h(packets($sum('packets')))),
            tile(t('Sessions'), anchor($filter->to('sessions'), h(grouped($parts['sessions'])))),
            tile(t('Devices'), h(grouped($parts['devices']))),
            tile(t('Apps'), anchor($filter->to('apps'), h(grouped($parts['apps'])))),
            tile(
                t('Alerts'),
                anchor($filter->to('alerts', ['range' => '24h', 'from' => null, 'to' => null]), h(grouped($parts['alerts']))),
                say('in the last day'),
            ),
            '</dl>';

        $volume = static fn (array $row): string => h(bytes($row['bytes']))
            . ' <small>' . h(percent($row['bytes'], $bytes)) . '</small>';
        $list = static fn (array $rows, callable $name): string => ranking(array_map(
            static fn (array $row): array => [$name($row), $volume($row), $row['bytes']],
            $rows,
        ), $bytes);
        echo '<div class="grid three">',
            card(t('Devices'), $list($parts['top_devices'], static fn (array $row): string =>
                $labels->device($row['device'], $filter->to('sessions', ['device' => $row['device']])))),
            card(t('Apps'), $list($parts['top_apps'], static fn (array $row): string =>
                $labels->app($row['app'], $filter->to('app', ['app' => $row['app'] ?? NONE]))), allOf($filter, 'apps')),
            card(t('Categories'), $list($parts['classes'], static fn (array $row): string => anchor(
                $filter->to('apps', ['class' => $row['class'] ?? NONE]),
                h($row['class'] === null ? t('Not recognised') : ($classes[$row['class']] ?? $row['class'])),
            )), allOf($filter, 'apps')),
            card(t('Hosts'), $list($parts['hosts'], static fn (array $row): string =>
                anchor($filter->to('sessions', ['host' => $row['host']]), h($row['host']))), allOf($filter, 'sessions')),
            card(t('Names asked for'), dnsRanking($parts['dns_names'], $filter), allOf($filter, 'dns')),
            '<div class="stack">',
            card(t('DNS'), dnsFacts($parts, $filter), allOf($filter, 'dns')),
            card(t('Coverage'), coverageList($parts['coverage'])),
            card(
                t('Losses'),
                healthList($parts['health']) . flashLine($parts['flash']),
                healthBadge($parts['health']),
            ),
            '</div></div>', $parts['is_hosts_partial'] || $parts['is_dns_partial'] ? latestHint() : '';
    },
];
