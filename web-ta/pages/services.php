<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/../lib/session.php';

// What answers at which address and port, as it says itself.

/** @return array<string, Column> */
function serviceColumns(): array
{
    return [
        'service' => new Column('Service', Kind::Text, 'service'),
        'ip' => new Column('Address', Kind::Text, 'ip'),
        'port' => new Column('Port', Kind::Number, 'port'),
        'proto' => new Column('Transport', Kind::Text, 'proto'),
        'app_proto' => new Column('Protocol', Kind::Text, 'app_proto'),
        'product' => new Column('Program', Kind::Text, 'product'),
        'version' => new Column('Version', Kind::Text, 'version'),
        'host' => new Column('Host', Kind::Text, 'host'),
        'title' => new Column('Title of its page', Kind::Text, 'title'),
        'banner' => new Column('Greeting', Kind::Text, 'banner'),
        'url' => new Column('Address asked for', Kind::Text, 'url'),
        'code' => new Column('Result', Kind::Number, 'code'),
        'content_type' => new Column('Type', Kind::Text, 'content_type'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'first' => new Column('First seen', Kind::Time, 'first'),
        'last' => new Column('Last seen', Kind::Time, 'last'),
    ];
}

return [
    'title' => 'Services',
    'order' => 46,
    'isMore' => true,
    'icon' => 'services',
    'params' => ['ip' => Param::Address, 'port' => Param::Port, 'app_proto' => Param::Word, 'product' => Param::Text],
    'chips' => ['ip' => 'Address', 'app_proto' => 'Protocol', 'product' => 'Program'],
    'controls' => ['port' => ['Port', null]],
    'columns' => serviceColumns(),
    'table' => 'service',
    'sort' => '-last',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = (new Where())
            ->device($db, $filter->device)
            ->filtered($filter, 'ip', 'port', 'app_proto', 'product')
            ->contains($db, ['ip', 'app_proto', 'product', 'version', 'host', 'title', 'banner', 'device'], $filter->text);
        // Seen within the time; there are few, so the index by the latest need not help.
        if ($filter->span->choice !== 'all') {
            $where->add('last >= ?', digits($filter->span->from));
        }
        if ($filter->span->hasEnd()) {
            $where->add('first < ?', digits($filter->span->to));
        }
        return new Listing($db, serviceColumns(), $filter->page->table, $where, $filter, 'last', 'service');
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $cells = [
            'ip' => static fn (array $row): string => anchor(
                $filter->to('sessions', ['server' => $row['ip'], 'port' => digits($row['port'])]),
                h(endpoint($row['ip'], $row['port'], $row['proto'])),
            ) . ($row['device'] === null ? '' : '<small>' . h($labels->deviceText($row['device'])) . '</small>'),
            'app_proto' => static fn (array $row): string => $row['app_proto'] === null
                ? h($row['proto'])
                : anchor($filter->url(['app_proto' => $row['app_proto']]), h($row['app_proto'])) . '<small>' . h($row['proto']) . '</small>',
            'product' => static fn (array $row): string => $row['product'] === null
                ? DASH
                : anchor($filter->url(['product' => $row['product']]), h($row['product'])),
            'version' => null,
            'host' => null,
            'title' => null,
            'first' => null,
            'last' => null,
        ];
        listed($all, $cells, 'ip', t('What answers where, as it says itself'), $filter, $labels);
    },
];
