<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What a person should know.

/**
 * The kinds of alerts, as people read them.
 *
 * @return array<string, string>
 */
function alertKinds(): array
{
    return [
        'threat' => t('on a threat list'),
        'logins' => t('refused log-ins'),
        'scan' => t('scan'),
        'flood' => t('flood'),
        'arp_conflict' => t('address claimed twice'),
        'dns_tunnel' => t('data in DNS'),
        'quota' => t('quota used up'),
        'new_device' => t('new device'),
    ];
}

/**
 * …and how grave they are.
 *
 * @return array<int, string>
 */
function alertSeverities(): array
{
    return [1 => t('grave'), 2 => t('to be looked at'), 3 => t('news')];
}

/** @return array<string, Column> */
function alertColumns(): array
{
    return [
        'id' => new Column('Number', Kind::Number, 'id'),
        'time' => new Column('Time', Kind::Time, 'time', order: 'id'),
        'last' => new Column('Latest', Kind::Time, 'last'),
        'severity' => new Column('Severity', Kind::Number, 'severity'),
        'kind' => new Column('Kind', Kind::Text, 'kind'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'text' => new Column('What happened', Kind::Text, 'text'),
        'src' => new Column('From', Kind::Text, 'src'),
        'dst' => new Column('To', Kind::Text, 'dst'),
        'port' => new Column('Port', Kind::Number, 'port'),
        'what' => new Column('What', Kind::Text, 'what'),
        'list' => new Column('List', Kind::Text, 'list'),
        'entry' => new Column('Entry', Kind::Text, 'entry'),
        'list_version' => new Column('Version of the list', Kind::Time, 'list_version'),
        'count' => new Column('Times', Kind::Count, 'count'),
    ];
}

return [
    'title' => 'Alerts',
    'order' => 15,
    'icon' => 'alerts',
    'params' => ['kind' => Param::Word, 'severity' => Param::Word, 'list' => Param::Text],
    'chips' => ['list' => 'List'],
    'controls' => [
        'kind' => ['Kind', alertKinds(...)],
        'severity' => ['Severity', alertSeverities(...)],
    ],
    'columns' => alertColumns(),
    'table' => 'alert',
    'sort' => '-time',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = (new Where())
            ->device($db, $filter->device)
            ->filtered($filter, 'kind', 'severity', 'list')
            ->begun($filter->span)
            ->contains($db, ['text', 'what', 'entry', 'device', 'src', 'dst'], $filter->text);
        return new Listing($db, alertColumns(), $filter->page->table, $where, $filter);
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $cells = [
            'time' => null,
            'severity' => static fn (array $row): string => badge(
                alertSeverities()[(int) $row['severity']] ?? (string) $row['severity'],
                [1 => 'bad', 2 => 'warn'][(int) $row['severity']] ?? 'plain',
            ),
            'kind' => static fn (array $row): string => anchor(
                $filter->add('kind', $row['kind']),
                h(alertKinds()[$row['kind']] ?? $row['kind']),
            ),
            'device' => static fn (array $row): string => $row['device'] === null
                ? ''
                : $labels->device($row['device'], $filter->add('device', $row['device'])),
            'text' => static fn (array $row): string => h($row['text'])
                . ($row['list'] === null ? '' : '<small>' . h(implode(' · ', array_filter([$row['list'], $row['entry']]))) . '</small>'),
            'count' => null,
        ];
        listed($all, $cells, 'text', t('What should be known, and about whom'), $filter, $labels);
    },
];
