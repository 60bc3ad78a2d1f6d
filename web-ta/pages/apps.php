<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

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
        'used' => new Column('Time used', Kind::Secs, 'used'),
        'sessions' => new Column('Sessions', Kind::Count, 'sessions'),
        'bytes_in' => new Column('Received', Kind::Bytes, 'bytes_in'),
        'bytes_out' => new Column('Sent', Kind::Bytes, 'bytes_out'),
        'bytes' => new Column('Total', Kind::Bytes, 'bytes_in + bytes_out'),
        'first' => new Column('First used', Kind::Time, 'COALESCE(first_use, first_minute)'),
        'last' => new Column('Last used', Kind::Time, 'COALESCE(last_use, last_minute)'),
    ],
    'sort' => '-bytes',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $traffic = trafficWhere($db, $filter);
        $uses = usesWhere($db, $filter);
        foreach ([$traffic, $uses] as $where) {
            match ($filter->get('class')) {
                null => null,
                NONE => $where->add('app IS NULL'),
                default => $where->add('app IN (SELECT app FROM catalog WHERE class = ?)', $filter->get('class')),
            };
        }
        [$used, $usedParams] = usedSeconds($filter->span);
        $from = 'FROM (SELECT app, COUNT(DISTINCT device) AS devices, SUM(sessions) AS sessions,'
            . ' SUM(bytes_in) AS bytes_in, SUM(bytes_out) AS bytes_out,'
            . ' MIN(time) AS first_minute, MAX(time) AS last_minute'
            . ' FROM traffic' . $traffic->sql() . ' GROUP BY app) AS volume'
            . " LEFT JOIN (SELECT app AS used_app, $used AS used, MIN(start) AS first_use, MAX(last) AS last_use"
            . ' FROM app' . $uses->sql() . ' GROUP BY app) AS uses ON used_app = volume.app'
            . ' LEFT JOIN catalog ON catalog.app = volume.app';
        $params = [...$traffic->params, ...$usedParams, ...$uses->params];
        return new Rows($db, $filter->page->columns, $from, $params, 'app', isGrouped: true);
    },

    'parts' => static fn (): array => [],

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $rows = $all->page($filter->sort, $filter->number);
        $pager = pager($all, $rows, $filter);
        $labels->load($rows);
        $classes = $labels->classes();
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
        ], 'app', t('Apps that were used within the time'), $filter), $pager;
    },
];
