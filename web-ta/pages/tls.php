<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// How sessions of TLS and QUIC began: what the client asked for, what it got.

/** @return array<string, Column> */
function tlsColumns(): array
{
    return [
        'id' => new Column('Number', Kind::Number, 'id'),
        'time' => new Column('Time', Kind::Time, 'time', order: 'id'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'kind' => new Column('Kind', Kind::Text, 'kind'),
        'client' => new Column('Client', Kind::Text, 'client'),
        'client_port' => new Column('Client port', Kind::Number, 'client_port'),
        'server' => new Column('Address of the server', Kind::Text, 'server'),
        'server_port' => new Column('Server port', Kind::Number, 'server_port'),
        'sni' => new Column('Name asked for', Kind::Text, 'sni'),
        'version' => new Column('Version', Kind::Text, 'version'),
        'version_offered' => new Column('Highest version offered', Kind::Text, 'version_offered'),
        'quic_version' => new Column('Version of QUIC', Kind::Text, 'quic_version'),
        'alpn' => new Column('ALPN', Kind::Text, 'alpn'),
        'alpn_offered' => new Column('ALPN offered', Kind::Json, 'alpn_offered', sortable: false),
        'cipher' => new Column('Cipher suite', Kind::Number, 'cipher'),
        'ja4' => new Column('JA4', Kind::Text, 'ja4'),
        'ja3' => new Column('JA3', Kind::Text, 'ja3'),
        'ja3s' => new Column('JA3S', Kind::Text, 'ja3s'),
        'ech' => new Column('Encrypted hello', Kind::Number, 'ech'),
        'resumed' => new Column('Resumed', Kind::Number, 'resumed'),
        'subject' => new Column('Certificate', Kind::Text, 'subject'),
        'issuer' => new Column('Signed by', Kind::Text, 'issuer'),
        'not_before' => new Column('Valid from', Kind::Time, 'not_before'),
        'not_after' => new Column('Valid until', Kind::Time, 'not_after'),
    ];
}

/** The certificate, in one cell. @param array<string, float|string|null> $row */
function certificateCell(array $row): string
{
    if ($row['subject'] === null) {
        return DASH;
    }
    $isOver = $row['not_after'] !== null && $row['not_after'] < $row['time'];
    return h($row['subject']) . ($row['issuer'] === null ? '' : '<small>' . h($row['issuer']) . '</small>')
        . ($isOver ? badge(t('expired'), 'bad') : '');
}

return [
    'title' => 'TLS',
    'order' => 43,
    'isMore' => true,
    'icon' => 'tls',
    'params' => [
        'sni' => Param::Text, 'server' => Param::Address, 'version' => Param::Text, 'kind' => Param::Word, 'ja4' => Param::Word,
    ],
    'chips' => ['sni' => 'Name asked for', 'server' => 'Server', 'ja4' => 'JA4'],
    'controls' => [
        'version' => ['Version', static function (): array {
            $versions = ['TLS 1.3', 'TLS 1.2', 'TLS 1.1', 'TLS 1.0', 'SSL 3.0'];
            return array_combine($versions, $versions);
        }],
        'kind' => ['Kind', static fn () => ['tls' => 'TLS', 'quic' => 'QUIC']],
    ],
    'columns' => tlsColumns(),
    'table' => 'tls',
    'sort' => '-time',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = (new Where())
            ->device($db, $filter->device)
            ->filtered($filter, 'sni', 'server', 'version', 'kind', 'ja4')
            ->begun($filter->span)
            ->contains($db, ['sni', 'client', 'server', 'device', 'ja4', 'subject', 'issuer'], $filter->text);
        return new Listing($db, tlsColumns(), $filter->page->table, $where, $filter);
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $small = static fn (?string $text): string => $text === null ? '' : '<small>' . h($text) . '</small>';
        $cells = [
            'time' => null,
            'device' => static fn (array $row): string =>
                $labels->device($row['device'], $filter->to('tls', ['device' => $row['device']])),
            'sni' => static fn (array $row): string => anchor(
                $filter->url($row['sni'] === null ? ['server' => $row['server']] : ['sni' => $row['sni']]),
                h($row['sni'] ?? $row['server']),
                'host',
            ) . ($row['ech'] === 2.0 ? badge(t('name encrypted'), 'plain') : ''),
            'version' => static fn (array $row): string => h($row['version'] ?? DASH)
                . $small($row['kind'] === 'quic' ? 'QUIC' : null) . $small($row['resumed'] > 0 ? t('resumed') : null),
            'alpn' => null,
            'ja4' => static fn (array $row): string => $row['ja4'] === null
                ? DASH
                : anchor($filter->url(['ja4' => $row['ja4']]), h($row['ja4']), 'mac'),
            'subject' => certificateCell(...),
        ];
        listed($all, $cells, 'sni', t('Handshakes of TLS and QUIC'), $filter, $labels);
    },
];
