<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/../lib/summary.php';
require_once __DIR__ . '/../lib/summary_names.php';
require_once __DIR__ . '/../lib/summary_html.php';
require_once __DIR__ . '/../lib/change.php';
require_once __DIR__ . '/../lib/now_html.php';
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

    'parts' => static function (Db $db, Filter $filter): array {
        $before = filterBefore($db, $filter);
        $now = summaryNow($db, $filter);
        return [
            'now' => $now,
            'busy' => summaryBusy($db, $filter, $now['minute']),
            'minutes' => summaryMinutes($db, $filter, $now['minute']),
            'alerts' => summaryAlerts($db, $filter),
            'open_alerts' => summaryOpen($db, $filter),
            ...summaryNew($db, $filter),
            'before' => $before === null ? null : ['from' => $before->span->from, 'to' => $before->span->to],
            ...summaryVolumes($db, $filter, $before),
            ...summaryNames($db, $filter, $before),
            ...summaryDns($db, $filter),
            'health' => summaryHealth($db, $filter->span),
            'coverage' => summaryCoverage($db, $filter->span),
            'flash' => summaryFlash($db),
        ];
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $bars = $all->top('time', 1000);
        $sum = static fn (string $column): float => array_sum(array_column($bars, $column));
        $bytes = $sum('bytes_in') + $sum('bytes_out');
        $labels->load(
            $parts['top_devices'], $parts['top_apps'], $parts['gone_device'], $parts['gone_app'], $parts['new_devices'],
            $parts['open_alerts'], $parts['busy']['devices'], $parts['busy']['apps'],
        );
        $classes = $labels->classes();
        $now = $parts['now'];

        echo '<div class="grid first">', nowCard($parts, $filter, $labels), openCard($parts, $filter, $labels),
            newCard($parts, $filter, $labels), '</div>';

        echo trafficCard($bars, $filter, t('Traffic'));

        echo '<dl class="tiles strip">',
            tile(t('Volume'), h(bytes($bytes)), changeMark($parts['bytes_before'], $bytes) . h(packets($sum('packets')))),
            tile(t('Sessions'), anchor($filter->to('sessions'), h(grouped($parts['sessions']))), anchor(
                $filter->to('sessions', ['open' => '1', 'range' => OPEN_MINUTES . 'm', 'from' => null, 'to' => null]),
                say('{n} going on', ['n' => grouped($now['sessions'])]),
            )),
            tile(t('Devices'), anchor($filter->to('devices'), h(grouped($parts['devices']))), say('{n} active in {m} minutes', [
                'n' => grouped($now['devices']),
                'm' => (string) ACTIVE_MINUTES,
            ])),
            tile(t('Apps'), anchor($filter->to('apps'), h(grouped($parts['apps'])))),
            '</dl><p class="hint">', $parts['before'] === null
                ? say('The records do not reach back far enough to compare with the time before.')
                : say('Changes are against the time from {from} to {to}.', [
                    'from' => moment($parts['before']['from']),
                    'to' => moment($parts['before']['to']),
                ]), '</p>';

        $hint = $parts['is_hosts_partial'] ? latestHint(SUMMARY_LATEST) : '';
        echo '<div class="grid three">',
            card(t('Devices'), changes($parts['top_devices'], $parts['gone_device'], $bytes, static fn (array $row): string =>
                deviceLink((string) $row['device'], $filter, $labels)), allOf($filter, 'devices')),
            card(t('Apps'), changes($parts['top_apps'], $parts['gone_app'], $bytes, static fn (array $row): string =>
                $labels->app($row['app'], $filter->to('app', ['app' => $row['app'] ?? NONE]))), allOf($filter, 'apps')),
            card(t('Categories'), changes($parts['classes'], $parts['gone_class'], $bytes, static fn (array $row): string => anchor(
                $filter->to('apps', ['class' => $row['class'] ?? NONE]),
                h($row['class'] === null ? t('Not recognised') : ($classes[$row['class']] ?? $row['class'])),
            )), allOf($filter, 'apps')),
            card(t('Hosts'), changes($parts['hosts'], [], $parts['named_bytes'], static fn (array $row): string =>
                anchor($filter->to('sessions', ['host' => $row['host']]), h($row['host']))) . $hint, allOf($filter, 'sessions')),
            $parts['countries'] === [] ? '' : card(t('Countries of servers'), changes($parts['countries'], [], $parts['named_bytes'],
                static fn (array $row): string =>
                    anchor($filter->to('sessions', ['q' => Query::written('country', $row['country'])]), country($row['country']))) . $hint),
            card(t('Names asked for'), dnsRanking($parts['dns_names'], $filter)
                . ($parts['is_dns_partial'] ? latestHint(SUMMARY_LATEST) : ''), allOf($filter, 'dns')),
            card(t('DNS'), dnsFacts($parts, $filter), allOf($filter, 'dns')),
            card(t('Coverage'), coverageList($parts['coverage'])),
            card(
                t('Losses'),
                healthList($parts['health']) . flashLine($parts['flash']),
                healthBadge($parts['health']),
            ),
            '</div>';
    },
];
