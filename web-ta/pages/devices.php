<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What is in the LAN: names, makers, systems, as far as they give themselves away.

/**
 * Where a name comes from, as people read it.
 *
 * @return array<string, string>
 */
function nameSources(): array
{
    return [
        'lease' => t('given by DHCP'),
        'dhcp' => t('told DHCP'),
        'mdns' => t('announced by mDNS'),
        'netbios' => t('announced by NetBIOS'),
    ];
}

/**
 * What a guess at a system is made by.
 *
 * @return array<string, string>
 */
function systemSources(): array
{
    return [
        'mdns' => t('guessed by its model'),
        'dhcp class' => t('guessed by what it told DHCP'),
        'user agent' => t('guessed by its browser'),
        'dhcp options' => t('guessed by what it asks DHCP for'),
        'ttl' => t('guessed by its packets'),
    ];
}

/**
 * What a device is for.
 *
 * @return array<string, string>
 */
function deviceKinds(): array
{
    return [
        'router' => t('router'),
        'printer' => t('printer'),
        'media player' => t('media player'),
        'speaker' => t('speaker'),
        'smart home' => t('smart home'),
        'camera' => t('camera'),
    ];
}

/** @return array<string, Column> */
function thingColumns(): array
{
    return [
        'device' => new Column('Device', Kind::Text, 'device'),
        'alias' => new Column('Name given', Kind::Text, '(SELECT alias FROM label WHERE label.device = device.device)'),
        'grp' => new Column('Group', Kind::Text, '(SELECT grp FROM label WHERE label.device = device.device)'),
        'name' => new Column('Called', Kind::Text, 'name'),
        'name_source' => new Column('Called by', Kind::Text, 'name_source'),
        'vendor' => new Column('Maker', Kind::Text, 'vendor'),
        'is_random' => new Column('Made-up address', Kind::Number, 'is_random'),
        'os' => new Column('System', Kind::Text, 'os'),
        'os_source' => new Column('System by', Kind::Text, 'os_source'),
        'kind' => new Column('Kind', Kind::Text, 'kind'),
        'merge_with' => new Column('May be', Kind::Text, 'merge_with'),
        'mac' => new Column('MAC address', Kind::Text, 'mac'),
        'ipv4' => new Column('IPv4', Kind::Text, 'ipv4'),
        'ipv6' => new Column('IPv6', Kind::Text, 'ipv6'),
        'first' => new Column('First seen', Kind::Time, 'first'),
        'last' => new Column('Last seen', Kind::Time, 'last'),
    ];
}

/**
 * What is known, with where that is from below; each may be missing.
 *
 * @param array<string, string> $sources
 */
function withSource(?string $text, ?string $source, array $sources): string
{
    return $text === null ? DASH : h($text) . '<small>' . h($sources[$source] ?? $source ?? '') . '</small>';
}

return [
    'title' => 'Devices',
    'order' => 15,
    'icon' => 'devices',
    'params' => ['vendor' => Param::Text],
    'chips' => ['vendor' => 'Maker'],
    'columns' => thingColumns(),
    'sort' => '-last',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = (new Where())
            ->device($db, $filter->device)
            ->equal('vendor', $filter->get('vendor'))
            ->contains($db, ['device', 'name', 'vendor', 'os', 'kind', 'ipv4', 'ipv6', ['device', 'label', ['alias', 'grp']]], $filter->text);
        if ($filter->span->choice !== 'all') {
            $where->add('last >= ?', digits($filter->span->from));
        }
        if ($filter->span->hasEnd()) {
            $where->add('first < ?', digits($filter->span->to));
        }
        return new Rows($db, thingColumns(), 'FROM device' . $where->sql(), $where->params, 'device');
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $rows = $all->page($filter->sort, $filter->number);
        $pager = pager($all, $rows, $filter);
        $labels->load($rows);
        echo table($all->columns, $rows, [
            // Names have a column of their own here.
            'device' => static fn (array $row): string =>
                anchor($filter->to('device', ['device' => $row['device']]), h($row['ipv4'] ?? $row['device']), 'device')
                . ($row['mac'] === null ? '' : '<small class="mac">' . h($row['mac']) . '</small>'),
            'name' => static fn (array $row): string => ($row['alias'] === null
                ? withSource($row['name'], $row['name_source'], nameSources())
                : $labels->sign($row['device']) . h($row['alias']) . ($row['name'] === null ? '' : '<small>' . h($row['name']) . '</small>'))
                . ($row['grp'] === null ? '' : '<small>' . h($row['grp']) . '</small>')
                . ($row['merge_with'] === null ? '' : '<small>' . say('may be') . ' '
                    . anchor($filter->to('devices', ['device' => $row['merge_with']]), h($row['merge_with'])) . '</small>'),
            'vendor' => static fn (array $row): string => match (true) {
                $row['vendor'] !== null => anchor($filter->add('vendor', $row['vendor']), h($row['vendor'])),
                $row['is_random'] > 0 => '<small>' . say('made-up address') . '</small>',
                default => DASH,
            },
            'os' => static fn (array $row): string => withSource($row['os'], $row['os_source'], systemSources()),
            'kind' => static fn (array $row): string => $row['kind'] === null
                ? DASH
                : h(deviceKinds()[$row['kind']] ?? $row['kind']),
            'first' => null,
            'last' => null,
        ], 'name', t('Devices that were seen within the time'), $filter), $pager;
    },
];
