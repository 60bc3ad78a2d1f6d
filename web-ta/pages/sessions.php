<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/../lib/session.php';

return [
    'title' => 'Sessions',
    'order' => 40,
    'icon' => 'sessions',
    'params' => [
        'app' => Param::Text,
        'host' => Param::Text,
        'server' => Param::Address,
        'proto' => Param::Word,
        'port' => Param::Port,
        'min' => Param::Size,
        'open' => Param::Flag,
    ],
    'chips' => ['app' => 'App', 'host' => 'Host', 'server' => 'Server'],
    'controls' => [
        'proto' => ['Protocol', static fn () => ['tcp' => 'TCP', 'udp' => 'UDP', 'icmp' => 'ICMP', 'icmp6' => 'ICMPv6']],
        'port' => ['Server port', null],
        'min' => ['At least', static function (): array {
            $sizes = ['10000', '100000', '1000000', '10000000', '100000000', '1000000000'];
            return array_combine($sizes, array_map(static fn ($size) => bytes((float) $size), $sizes));
        }],
        'open' => ['Going on only', true],
    ],
    'columns' => sessionColumns(),
    'table' => 'session',
    'sort' => '-last',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = (new Where())
            ->seen($filter->span)
            ->device($db, $filter->device)
            ->filtered($filter, 'app', 'host', 'server', 'proto')
            ->equal('server_port', $filter->get('port'))
            ->contains($db, SESSION_SEARCH, $filter->text);
        if ($filter->get('open') !== null) {
            $where->add('reason IS NULL');
        }
        if ($filter->get('min') !== null) {
            // A sum has no type of its own: adding makes a number of the parameter.
            $where->add('bytes_in + bytes_out >= ? + 0', $filter->get('min'));
        }
        return new Listing($db, sessionColumns(), $filter->page->table, $where, $filter, 'last');
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $cells = [
            'last' => null,
            // With its start below, which needs no column of its own.
            'duration' => static fn (array $row): string => match (true) {
                $row['reason'] === null => h(duration($row['duration'])) . '<small>' . say('until now') . '</small>',
                $row['duration'] > 0 => h(duration($row['duration'])),
                default => DASH, // a single packet
            } . '<small>' . say('since') . ' ' . timeTag($row['start']) . '</small>',
            'device' => static fn (array $row): string => deviceOfSession($row, $filter, $labels),
            'host' => static fn (array $row): string => serverOfSession($row, $filter),
            'app_proto' => static fn (array $row): string => $row['app_proto'] === null
                ? pick($filter, 'proto', $row['proto'], h($row['proto']))
                : pick($filter, 'protocol', $row['app_proto'], h($row['app_proto'])) . '<small>'
                    . pick($filter, 'proto', $row['proto'], h($row['proto'])) . '</small>' . noteBadge($row['note']),
            'app' => static fn (array $row): string => $row['app'] === null
                ? DASH
                : $labels->app($row['app'], $filter->add('app', $row['app']))
                    . ($row['app_proto'] === 'dns' ? '<small>' . say('asked for') . '</small>' : ''),
            'bytes_in' => static fn (array $row): string => volume($row['bytes_in'], $row['packets_in']),
            'bytes_out' => static fn (array $row): string => volume($row['bytes_out'], $row['packets_out']),
            'rtt_us' => static fn (array $row): string => h(shown(Kind::Micros, $row['rtt_us']))
                . ($row['retransmissions'] > 0 ? '<small>' . resent($row['retransmissions']) . '</small>' : ''),
            'reason' => static fn (array $row): string =>
                stateBadge($row['reason']) . '<small>' . h(stateText($row['state'])) . '</small>',
        ];
        listed($all, $cells, 'host', t('Sessions that were going on within the time'), $filter, $labels);
    },
];
