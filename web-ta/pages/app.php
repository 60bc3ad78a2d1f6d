<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/../lib/summary.php';
require_once __DIR__ . '/../lib/summary_html.php';
require_once __DIR__ . '/../lib/change.php';
require_once __DIR__ . '/../lib/chart.php';
require_once __DIR__ . '/../lib/timeline.php';
require_once __DIR__ . '/../lib/app.php';
require_once __DIR__ . '/../lib/now_html.php';
require_once __DIR__ . '/../lib/session.php';

/** Devices in the list of one app. */
const MOST_DEVICES = 100;

/** @return array<string, Column> */
function deviceColumns(): array
{
    return [
        'device' => new Column('Device', Kind::Text, 'device'),
        'used' => new Column('Time used', Kind::Secs, 'used'),
        'uses' => new Column('Uses', Kind::Count, 'uses'),
        'sessions' => new Column('Sessions', Kind::Count, 'sessions'),
        'bytes_in' => new Column('Received', Kind::Bytes, 'bytes_in'),
        'bytes_out' => new Column('Sent', Kind::Bytes, 'bytes_out'),
        'bytes' => new Column('Total', Kind::Bytes, 'bytes_in + bytes_out'),
        'last' => new Column('Last used', Kind::Time, 'COALESCE(last_use, last_time)'),
    ];
}

return [
    'title' => 'App',
    'parent' => 'apps',
    'needs' => ['app'],
    'params' => ['app' => Param::Text],
    'columns' => [
        'id' => new Column('Number', Kind::Number, 'id'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'app' => new Column('App', Kind::Text, 'app'),
        'start' => new Column('Start', Kind::Time, 'start', order: 'id'),
        'last' => new Column('Last', Kind::Time, 'last'),
        'ended' => new Column('End', Kind::Time, 'ended'),
        'active_seconds' => new Column('Active', Kind::Secs, 'active_seconds'),
        'sessions' => new Column('Sessions', Kind::Count, 'sessions'),
        'bytes_in' => new Column('Received', Kind::Bytes, 'bytes_in'),
        'bytes_out' => new Column('Sent', Kind::Bytes, 'bytes_out'),
    ],
    'sort' => '-start',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = usesWhere($db, $filter)->equal('app', $filter->need('app'));
        return new Rows($db, $filter->page->columns, 'FROM app' . $where->sql(), $where->params, 'id');
    },

    // Who uses it, with the times.
    'parts' => static function (Db $db, Filter $filter): array {
        $columns = ['bytes_in', 'bytes_out', 'sessions', 'active_seconds', 'last_time'];
        [$volumes, $params] = volumes($db, $filter, ['device'], $columns);
        $uses = usesWhere($db, $filter)->equal('app', $filter->need('app'));
        // What has no name is in use whenever anything is.
        $used = $filter->need('app') === NONE ? 'NULL' : 'SUM(active_seconds)';
        $from = 'FROM (SELECT device, SUM(sessions) AS sessions, SUM(bytes_in) AS bytes_in,'
            . " SUM(bytes_out) AS bytes_out, $used AS used, MAX(last_time) AS last_time"
            . " FROM $volumes GROUP BY device) AS volume"
            . ' LEFT JOIN (SELECT device AS used_device, COUNT(*) AS uses, MAX(last) AS last_use'
            . ' FROM app' . $uses->sql() . ' GROUP BY device) AS uses ON used_device = device';
        $params = [...$params, ...$uses->params];
        $class = $db->value('SELECT class FROM catalog WHERE app = ?', [$filter->need('app')]);
        $before = filterBefore($db, $filter);
        return [
            'class' => $class,
            'devices' => (new Rows($db, deviceColumns(), $from, $params, 'device'))->top('-bytes', MOST_DEVICES),
            'bytes_before' => $before === null ? null : volumeBytes($db, $before),
            'bars' => appBars($db, $filter),
            'shares' => sharesOf($db, $filter, 'device'),
            'uses' => $filter->need('app') === NONE ? [] : appUses($db, $filter),
            ...appFinds($db, $filter),
        ];
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $name = $filter->need('app');
        $app = $name === NONE ? null : $name;
        $rows = $all->page($filter->sort, $filter->number);
        $pager = pager($all, $rows, $filter);
        $devices = $parts['devices'];
        $names = array_map(static fn (string $device): array => ['device' => $device], $parts['shares']['names']);
        $labels->load($rows, $devices, $names, [['app' => $app]]);
        $largest = (float) ($devices[0]['bytes'] ?? 0);
        $sum = static fn (string $column): float => array_sum(array_column($devices, $column));
        $class = $parts['class'] === null ? '' : ($labels->classes()[$parts['class']] ?? $parts['class']);

        echo '<section class="card hero">' . mark($app ?? '', $app === null ? '' : $labels->appText($app)) . '<div><h2>' . h($labels->appText($app)) . '</h2><p>'
            . h($class) . '</p></div><dl class="tiles">'
            . tile(t('Devices'), h(grouped(count($devices))))
            . tile(t('Time used'), h($app === null ? DASH : duration($sum('used') * 1e6)))
            . tile(t('Received'), h(bytes($sum('bytes_in'))), changeMark($parts['bytes_before'], $sum('bytes')))
            . tile(t('Sent'), h(bytes($sum('bytes_out'))))
            . '</dl></section>';
        echo trafficCard($parts['bars'], $filter, t('Traffic'));
        $device = static fn (string $device): string => deviceLink($device, $filter, $labels);
        echo '<div class="grid three loose"><div class="stack">', card(t('Shares of devices'), shares($parts['shares'], $filter, $device)),
            $app === null ? '' : card(t('Uses over time'), useLines($parts['uses'], 'device', $filter->span, $device, SHARES)),
            '</div>', findsCard($parts, $app), hostsCard($parts, $filter), '</div>';
        echo card(t('Devices'), table(deviceColumns(), $devices, [
            'device' => static fn (array $row): string =>
                $labels->device($row['device'], $filter->to('device', ['device' => $row['device'], 'app' => $name])),
            'used' => null,
            'uses' => null,
            'sessions' => static fn (array $row): string => anchor(
                $filter->to('sessions', ['app' => $name, 'device' => $row['device']]),
                h(grouped($row['sessions'])),
            ),
            'bytes_in' => null,
            'bytes_out' => null,
            'bytes' => static fn (array $row): string => h(bytes($row['bytes'])) . shareBar($row['bytes'], $largest),
            'last' => null,
        ], 'device', t('Devices that used it, the largest volume first')) . useRule());
        if ($app === null) {
            return; // what has no name is not counted in uses
        }
        echo card(t('Uses'), table($all->columns, $rows, [
            'device' => static fn (array $row): string =>
                $labels->device($row['device'], $filter->url(['device' => $row['device']])),
            'start' => null,
            'last' => null,
            'ended' => static fn (array $row): string => $row['ended'] === null
                ? badge(t('going on'), 'ok')
                : timeTag($row['ended']),
            'active_seconds' => null,
            'sessions' => null,
            'bytes_in' => null,
            'bytes_out' => null,
        ], 'start', t('From the first session to the last with no long pause between them'), $filter) . $pager);
    },
];
