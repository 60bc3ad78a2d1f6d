<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/../lib/session.php';

// What routers and hosts said of packets that they could not deliver, and the like.

/** @return array<string, Column> */
function icmpColumns(): array
{
    return [
        'id' => new Column('Number', Kind::Number, 'id'),
        'time' => new Column('Time', Kind::Time, 'time', order: 'id'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'meaning' => new Column('Message', Kind::Text, 'meaning'),
        'kind' => new Column('Type', Kind::Number, 'kind'),
        'code' => new Column('Code', Kind::Number, 'code'),
        'proto' => new Column('Transport', Kind::Text, 'proto'),
        'src' => new Column('From', Kind::Text, 'src'),
        'dst' => new Column('To', Kind::Text, 'dst'),
        'session' => new Column('Session', Kind::Number, 'session'),
        'about_proto' => new Column('Protocol', Kind::Text, 'about_proto'),
        'about_client' => new Column('Client', Kind::Text, 'about_client'),
        'about_client_port' => new Column('Client port', Kind::Number, 'about_client_port'),
        'about_server' => new Column('Server', Kind::Text, 'about_server'),
        'about_server_port' => new Column('Server port', Kind::Number, 'about_server_port'),
        'count' => new Column('Times', Kind::Count, 'count'),
    ];
}

/** What it is about, with the way to the session. @param array<string, float|string|null> $row */
function icmpAbout(array $row, Filter $filter): string
{
    if ($row['about_server'] === null) {
        return DASH;
    }
    $end = h(endpoint($row['about_server'], $row['about_server_port'] ?? 0.0, $row['about_proto'] ?? ''));
    return ($row['session'] === null ? $end : anchor($filter->to('session', ['id' => digits($row['session'])]), $end))
        . '<small>' . h($row['about_proto'] ?? '') . '</small>';
}

return [
    'title' => 'ICMP',
    'order' => 44,
    'isMore' => true,
    'icon' => 'icmp',
    'params' => ['meaning' => Param::Text, 'src' => Param::Address, 'dst' => Param::Address],
    'chips' => ['meaning' => 'Message', 'src' => 'From', 'dst' => 'To'],
    'columns' => icmpColumns(),
    'table' => 'icmp',
    'sort' => '-time',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = (new Where())
            ->device($db, $filter->device)
            ->filtered($filter, 'meaning', 'src', 'dst')
            ->begun($filter->span)
            ->contains($db, ['meaning', 'src', 'dst', 'device', 'about_client', 'about_server'], $filter->text);
        return new Listing($db, icmpColumns(), $filter->page->table, $where, $filter);
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $cells = [
            'time' => null,
            'device' => static fn (array $row): string =>
                $labels->device($row['device'], $filter->to('icmp', ['device' => $row['device']])),
            'meaning' => static fn (array $row): string =>
                anchor($filter->url(['meaning' => $row['meaning']]), h($row['meaning'])),
            'src' => static fn (array $row): string => anchor($filter->url(['src' => $row['src']]), h($row['src'])),
            'dst' => static fn (array $row): string => anchor($filter->url(['dst' => $row['dst']]), h($row['dst'])),
            'about_server' => static fn (array $row): string => icmpAbout($row, $filter),
            'count' => null,
        ];
        listed($all, $cells, 'meaning', t('Messages of ICMP that are no echo'), $filter, $labels);
    },
];
