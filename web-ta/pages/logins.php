<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Who tried to log in where, and what came of it. What proved it is nowhere.

/**
 * What came of it, as people read it.
 *
 * @return array<string, string>
 */
function loginOutcomes(): array
{
    return ['accepted' => t('accepted'), 'refused' => t('refused'), NONE => t('not seen')];
}

/** @return array<string, Column> */
function loginColumns(): array
{
    return [
        'id' => new Column('Number', Kind::Number, 'id'),
        'time' => new Column('Time', Kind::Time, 'time', order: 'id'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'service' => new Column('Protocol', Kind::Text, 'service'),
        'user' => new Column('User', Kind::Text, 'user'),
        'outcome' => new Column('Result', Kind::Text, 'outcome'),
        'estimated' => new Column('Estimated', Kind::Number, 'estimated'),
        'method' => new Column('Method', Kind::Text, 'method'),
        'encrypted' => new Column('Encrypted', Kind::Number, 'encrypted'),
        'client' => new Column('Client', Kind::Text, 'client'),
        'client_port' => new Column('Client port', Kind::Number, 'client_port'),
        'server' => new Column('Server', Kind::Text, 'server'),
        'server_port' => new Column('Server port', Kind::Number, 'server_port'),
        'client_version' => new Column('Client program', Kind::Text, 'client_version'),
        'server_version' => new Column('Server program', Kind::Text, 'server_version'),
    ];
}

return [
    'title' => 'Log-ins',
    'order' => 45,
    'isMore' => true,
    'icon' => 'logins',
    'params' => [
        'service' => Param::Word,
        'outcome' => Param::Word,
        'user' => Param::Text,
        'server' => Param::Address,
    ],
    'chips' => ['user' => 'User', 'server' => 'Server', 'service' => 'Protocol'],
    'controls' => [
        'outcome' => ['Result', loginOutcomes(...)],
    ],
    'columns' => loginColumns(),
    'table' => 'auth',
    'sort' => '-time',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = (new Where())
            ->device($db, $filter->device)
            ->filtered($filter, 'service', 'outcome', 'user', 'server')
            ->begun($filter->span)
            ->contains($db, ['user', 'client', 'server', 'device', 'service'], $filter->text);
        return new Listing($db, loginColumns(), $filter->page->table, $where, $filter);
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $small = static fn (?string $text): string => $text === null ? '' : '<small>' . h($text) . '</small>';
        $cells = [
            'time' => null,
            'device' => static fn (array $row): string =>
                $labels->device($row['device'], $filter->add('device', $row['device'])),
            'service' => static fn (array $row): string =>
                anchor($filter->add('service', $row['service']), h($row['service'])) . $small($row['method']),
            'user' => static fn (array $row): string =>
                $row['user'] === null ? '' : anchor($filter->add('user', $row['user']), h($row['user'])),
            'outcome' => static fn (array $row): string => badge(
                loginOutcomes()[$row['outcome'] ?? NONE] ?? $row['outcome'],
                $row['outcome'] === 'refused' ? 'bad' : 'plain',
            ) . ($row['estimated'] > 0 ? $small(t('an estimate')) : '')
                . ($row['encrypted'] > 0 || $row['user'] === null ? '' : $small(t('in the clear'))),
            'server' => static fn (array $row): string =>
                pick($filter, 'server', $row['server'], h($row['server'])) . ':' . h((string) $row['server_port'])
                . $small($row['server_version']),
        ];
        listed($all, $cells, 'service', t('Log-ins and what came of them'), $filter, $labels);
    },
];
