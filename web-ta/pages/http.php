<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Requests that could be read: HTTP without TLS.

/** @return array<string, Column> */
function requestColumns(): array
{
    return [
        'id' => new Column('Number', Kind::Number, 'id'),
        'time' => new Column('Time', Kind::Time, 'time', order: 'id'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'method' => new Column('Method', Kind::Text, 'method'),
        'host' => new Column('Host', Kind::Text, 'host'),
        'uri' => new Column('Address asked for', Kind::Text, 'uri'),
        'status' => new Column('Result', Kind::Number, 'status'),
        'content_type' => new Column('Type', Kind::Text, 'content_type'),
        'response_length' => new Column('Size', Kind::Bytes, 'response_length'),
        'user_agent' => new Column('Client program', Kind::Text, 'user_agent'),
        'server_name' => new Column('Server program', Kind::Text, 'server_name'),
        'referer' => new Column('Came from', Kind::Text, 'referer'),
        'client' => new Column('Client', Kind::Text, 'client'),
        'server' => new Column('Server', Kind::Text, 'server'),
        'server_port' => new Column('Server port', Kind::Number, 'server_port'),
    ];
}

return [
    'title' => 'Requests',
    'order' => 42,
    'isMore' => true,
    'icon' => 'http',
    'params' => ['host' => Param::Text, 'server' => Param::Address, 'method' => Param::Word, 'status' => Param::Port],
    'chips' => ['host' => 'Host', 'server' => 'Server'],
    'controls' => [
        'method' => ['Method', static function (): array {
            $methods = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'CONNECT'];
            return array_combine($methods, $methods);
        }],
        'status' => ['Result', null],
    ],
    'columns' => requestColumns(),
    'table' => 'http',
    'sort' => '-time',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = (new Where())
            ->device($db, $filter->device)
            ->filtered($filter, 'host', 'server', 'method', 'status')
            ->begun($filter->span)
            ->contains($db, ['host', 'uri', 'user_agent', 'server', 'device'], $filter->text);
        return new Listing($db, requestColumns(), $filter->page->table, $where, $filter);
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $cells = [
            'time' => null,
            'device' => static fn (array $row): string =>
                $labels->device($row['device'], $filter->add('device', $row['device'])),
            'host' => static fn (array $row): string => anchor(
                $row['host'] === null ? $filter->add('server', $row['server']) : $filter->add('host', $row['host']),
                h($row['host'] ?? $row['server']),
            ) . '<small>' . h($row['method'] . ' ' . $row['uri']) . '</small>',
            'status' => static fn (array $row): string => $row['status'] === null ? '' : badge(
                (string) $row['status'],
                $row['status'] >= 400 ? 'bad' : 'plain',
            ),
            'content_type' => null,
            'response_length' => null,
        ];
        listed($all, $cells, 'host', t('Requests of HTTP and what came back'), $filter, $labels);
    },
];
