<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What the policies of config.toml stopped, or would have.

/**
 * What the daemon did, as people read it.
 *
 * @return array<string, string>
 */
function stopActions(): array
{
    return ['stopped' => t('stopped'), 'dry run' => t('only tried'), 'not stopped' => t('could not be stopped')];
}

/**
 * …and why.
 *
 * @return array<string, string>
 */
function stopReasons(): array
{
    return ['always' => t('always'), 'schedule' => t('at this time'), 'quota' => t('used up')];
}

/** @return array<string, Column> */
function stopColumns(): array
{
    return [
        'id' => new Column('Number', Kind::Number, 'id'),
        'time' => new Column('Time', Kind::Time, 'time', order: 'id'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'policy' => new Column('Policy', Kind::Text, 'policy'),
        'action' => new Column('Done', Kind::Text, 'action'),
        'reason' => new Column('Why', Kind::Text, 'reason'),
        'app' => new Column('App', Kind::Text, 'app'),
        'host' => new Column('Host', Kind::Text, 'host'),
        'sessions' => new Column('Sessions', Kind::Count, 'sessions'),
    ];
}

return [
    'title' => 'Stopped',
    'order' => 50,
    'isMore' => true,
    'icon' => 'stops',
    'params' => ['policy' => Param::Text, 'action' => Param::Text, 'reason' => Param::Word],
    'chips' => ['policy' => 'Policy'],
    'controls' => [
        'action' => ['Done', stopActions(...)],
        'reason' => ['Why', stopReasons(...)],
    ],
    'columns' => stopColumns(),
    'table' => 'stop',
    'sort' => '-time',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = (new Where())
            ->device($db, $filter->device)
            ->filtered($filter, 'policy', 'action', 'reason')
            ->begun($filter->span)
            ->contains($db, ['policy', 'device', 'app', 'host'], $filter->text);
        return new Listing($db, stopColumns(), $filter->page->table, $where, $filter);
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $cells = [
            'time' => null,
            'device' => static fn (array $row): string =>
                $labels->device($row['device'], $filter->add('device', $row['device'])),
            'app' => static fn (array $row): string =>
                $labels->app($row['app'], $filter->to('sessions', ['app' => $row['app'] ?? NONE, 'device' => $row['device']]))
                . ($row['host'] === null ? '' : '<small>' . h($row['host']) . '</small>'),
            'policy' => static fn (array $row): string =>
                anchor($filter->add('policy', $row['policy']), h($row['policy'])),
            'action' => static fn (array $row): string => badge(
                stopActions()[$row['action']] ?? $row['action'],
                $row['action'] === 'stopped' ? 'bad' : 'plain',
            ) . '<small>' . h(stopReasons()[$row['reason']] ?? $row['reason']) . '</small>',
            'sessions' => null,
        ];
        listed($all, $cells, 'app', t('What policies stopped, and why'), $filter, $labels);
    },
];
