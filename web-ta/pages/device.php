<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/../lib/session.php';
require_once __DIR__ . '/../lib/summary.php';
require_once __DIR__ . '/../lib/summary_names.php';
require_once __DIR__ . '/../lib/summary_html.php';
require_once __DIR__ . '/../lib/change.php';
require_once __DIR__ . '/../lib/chart.php';
require_once __DIR__ . '/../lib/timeline.php';
require_once __DIR__ . '/../lib/device.php';
require_once __DIR__ . '/../lib/device_html.php';
require_once __DIR__ . '/../lib/said.php';

return [
    'title' => 'Device',
    'parent' => 'devices',
    'needs' => ['device'],
    'params' => ['app' => Param::Text],
    'chips' => ['app' => 'App'],
    'columns' => [
        'time' => new Column('Time', Kind::Time, 'bar'),
        'bytes_in' => new Column('Received', Kind::Bytes, 'SUM(bytes_in)'),
        'bytes_out' => new Column('Sent', Kind::Bytes, 'SUM(bytes_out)'),
        'sessions' => new Column('Sessions', Kind::Count, 'SUM(sessions)'),
        'used' => new Column('Time used', Kind::Secs, 'SUM(active_seconds)'),
    ],
    'sort' => 'time',

    // The bars of the chart.
    'rows' => static function (Db $db, Filter $filter): Rows {
        deviceRow($db, $filter);
        [$volumes, $params] = volumes($db, $filter, ['bar'], ['bytes_in', 'bytes_out', 'sessions', 'active_seconds']);
        $start = digits(barStart($filter->span));
        $from = 'FROM (SELECT CASE WHEN bar - ? < 0 THEN ? + 0 ELSE bar END AS bar, bytes_in, bytes_out, sessions, active_seconds'
            . " FROM $volumes) AS volume GROUP BY bar";
        return new Rows($db, $filter->page->columns, $from, [$start, $start, ...$params], 'bar');
    },

    'parts' => static function (Db $db, Filter $filter): array {
        $before = filterBefore($db, $filter);
        return [
            'thing' => deviceRow($db, $filter),
            'said' => saidOf($db, $filter->device ?? ''),
            'apps' => deviceApps($db, $filter),
            'bytes_before' => $before === null ? null : volumeBytes($db, $before),
            'week' => weekHours($db, $filter),
            'uses' => latestUses($db, $filter),
            'sessions' => deviceSessions($db, $filter),
            ...deviceDns($db, $filter),
            'alerts' => deviceRows($db, $filter, 'alert', alertColumns(), (new Where())->begun($filter->span)),
            'services' => deviceRows($db, $filter, 'service', serviceColumns(), new Where(), 'service'),
            'stops' => deviceRows($db, $filter, 'stop', stopColumns(), (new Where())->begun($filter->span)),
            'dhcp' => deviceRows($db, $filter, 'dhcp', dhcpColumns(), new Where()),
        ];
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $labels->load([$parts['thing']], $parts['apps'], $parts['uses'], $parts['sessions'], $parts['stops']);
        echo deviceHead($parts, $filter, $labels);
        echo trafficCard($all->top('time', 1000), $filter, t('Traffic'));
        echo '<div class="grid two">',
            card(t('Apps'), deviceAppTable($parts['apps'], $filter, $labels) . useRule(), allOf($filter, 'apps')),
            '<div class="stack">',
            card(t('Hours of the week'), weekMap($parts['week']['cells'])
                . ($parts['week']['is_whole'] ? '' : '<p class="hint">' . say('What is older than is kept by hour is not in it.') . '</p>')),
            card(t('Apps over time'), useLines($parts['uses'], 'app', $filter->span, static fn (string $app): string =>
                $labels->app($app, $filter->to('app', ['app' => $app])), DEVICE_APPS)),
            '</div></div>';
        echo card(t('Latest sessions'), deviceSessionTable($parts['sessions'], $filter, $labels), allOf($filter, 'sessions'));
        echo saidCard($filter->device ?? '', $parts['said'], $labels);
        echo '<div class="grid three loose">',
            '<div class="stack">', identityCard($parts, $filter, $labels), dhcpCard($parts['dhcp']), '</div>',
            '<div class="stack">', dnsCard($parts, $filter), '</div>',
            '<div class="stack">', alertsCard($parts['alerts'], $filter), stopsCard($parts['stops'], $filter, $labels),
            servicesCard($parts['services']), '</div></div>';
    },
];
