<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// How the page of one device shows its parts.

/** Who it is, and how much it had. @param array<string, mixed> $parts */
function deviceHead(array $parts, Filter $filter, Labels $labels): string
{
    $thing = $parts['thing'];
    $sum = static fn (string $column): float => array_sum(array_map(floatval(...), array_column($parts['apps'], $column)));
    $name = $labels->deviceText((string) $thing['device']);
    $what = array_filter([$thing['vendor'], $thing['os'], $thing['kind'] === null ? null : deviceKinds()[$thing['kind']] ?? $thing['kind']]);
    $seen = match (true) {
        $thing['last'] === null => say('Only its volumes are known.'),
        $thing['last'] > (Clock::local()->now() - ACTIVE_MINUTES * 60) * 1e6 => badge(t('on the network'), 'ok'),
        default => say('last seen') . ' ' . timeTag($thing['last']),
    };
    return '<section class="card hero" aria-label="' . h($name) . '">' . mark((string) $thing['device'], $name) . '<div><h2>' . h($name) . '</h2><p>'
        . h(implode(' · ', $what)) . '</p><p>' . $seen . '</p></div><dl class="tiles">'
        . tile(t('Received'), h(bytes($sum('bytes_in'))), changeMark($parts['bytes_before'], $sum('bytes')))
        . tile(t('Sent'), h(bytes($sum('bytes_out'))))
        . tile(t('Apps'), h(grouped(count(array_filter(array_column($parts['apps'], 'app'))))))
        . tile(t('Sessions'), anchor($filter->to('sessions'), h(grouped($sum('sessions')))))
        . '</dl></section>';
}

/** @param list<array<string, float|string|null>> $apps */
function deviceAppTable(array $apps, Filter $filter, Labels $labels): string
{
    $columns = [
        'app' => new Column('App', Kind::Text, ''),
        'used' => new Column('Time used', Kind::Secs, ''),
        'sessions' => new Column('Sessions', Kind::Count, ''),
        'bytes' => new Column('Total', Kind::Bytes, ''),
    ];
    $most = max([0.0, ...array_column($apps, 'bytes')]);
    return table($columns, array_slice($apps, 0, DEVICE_APPS), [
        'app' => static fn (array $row): string => $labels->app($row['app'], $filter->to('app', ['app' => $row['app'] ?? NONE])),
        'used' => null,
        'sessions' => static fn (array $row): string =>
            anchor($filter->to('sessions', ['app' => $row['app'] ?? NONE]), h(grouped($row['sessions']))),
        'bytes' => static fn (array $row): string => h(bytes($row['bytes'])) . shareBar($row['bytes'], $most),
    ], 'app', t('Apps that were used within the time'));
}

/** @param list<array<string, float|string|null>> $rows */
function deviceSessionTable(array $rows, Filter $filter, Labels $labels): string
{
    return table(sessionColumns(), $rows, [
        'last' => static fn (array $row): string => timeTag($row['last']),
        'host' => static fn (array $row): string => anchor(
            $filter->to('session', ['id' => digits($row['id'])]),
            h($row['host'] ?? endpoint($row['server'], $row['server_port'], $row['proto'])),
        ),
        'app' => static fn (array $row): string => $row['app'] === null
            ? DASH
            : $labels->app($row['app'], $filter->to('app', ['app' => $row['app']])),
        'bytes_in' => null,
        'bytes_out' => null,
    ], 'host', t('Sessions that were going on within the time'));
}

/** What it is known by. @param array<string, mixed> $parts */
function identityCard(array $parts, Filter $filter, Labels $labels): string
{
    $thing = $parts['thing'];
    $known = static fn (string $what, string $by, array $sources): ?string => $thing[$what] === null
        ? null
        : h($thing[$what]) . '<small>' . h($sources[$thing[$by]] ?? $thing[$by] ?? '') . '</small>';
    return card(t('What it is known by'), pairs([
        t('Called') => $known('name', 'name_source', nameSources()),
        t('System') => $known('os', 'os_source', systemSources()),
        t('Maker') => match (true) {
            $thing['vendor'] !== null => h($thing['vendor']),
            $thing['is_random'] > 0 => say('made-up address'),
            default => null,
        },
        t('Kind') => $thing['kind'] === null ? null : h(deviceKinds()[$thing['kind']] ?? $thing['kind']),
        t('MAC address') => $thing['mac'] === null ? null : '<span class="mac">' . h($thing['mac']) . '</span>',
        t('IPv4') => $thing['ipv4'] === null ? null : h($thing['ipv4']),
        t('IPv6') => $thing['ipv6'] === null ? null : h($thing['ipv6']),
        t('First seen') => $thing['first'] === null ? null : timeTag($thing['first']),
        t('Last seen') => $thing['last'] === null ? null : timeTag($thing['last']),
        t('May be') => $thing['merge_with'] === null ? null
            : anchor($filter->to('device', ['device' => $thing['merge_with']]), h($thing['merge_with'])),
    ]));
}

/** @param array<string, mixed> $parts with those of deviceDns() */
function dnsCard(array $parts, Filter $filter): string
{
    $dns = $parts['dns'];
    $list = static fn (array $names): string => dnsRanking($names, $filter);
    $share = static fn (string $rcode, string $count): string =>
        anchor($filter->to('dns', ['rcode' => $rcode, 'kind' => 'dns']), h(grouped($dns[$count])));
    return card(t('Names asked for'), pairs([
        t('Questions') => h(grouped($dns['questions'])),
        t('Names that do not exist') => $share('NXDOMAIN', 'nxdomain'),
        t('Refused') => $share('REFUSED', 'refused'),
        t('Without an answer') => $share(NONE, 'unanswered'),
    ]) . $list($parts['dns_names'])
        . ($parts['dns_refused'] === [] ? '' : '<h3>' . say('Refused, or not there') . '</h3>' . $list($parts['dns_refused']))
        . ($parts['is_dns_partial'] ? latestHint(SUMMARY_LATEST) : ''), allOf($filter, 'dns'));
}

/** @param list<array<string, float|string|null>> $rows */
function alertsCard(array $rows, Filter $filter): string
{
    $html = '';
    foreach ($rows as $row) {
        $severity = (int) $row['severity'];
        $html .= '<li>' . badge(alertSeverities()[$severity] ?? (string) $severity, [1 => 'bad', 2 => 'warn'][$severity] ?? 'plain')
            . ' <b>' . h(alertKinds()[$row['kind']] ?? $row['kind']) . '</b> ' . timeTag($row['time']) . '<small>' . h($row['text']) . '</small></li>';
    }
    return newsCard(t('Alerts'), $html, allOf($filter, 'alerts'));
}

/** @param list<array<string, float|string|null>> $rows */
function stopsCard(array $rows, Filter $filter, Labels $labels): string
{
    $html = '';
    foreach ($rows as $row) {
        $html .= '<li>' . badge(stopActions()[$row['action']] ?? $row['action'], $row['action'] === 'stopped' ? 'bad' : 'plain')
            . ' <b>' . h($row['app'] === null ? ($row['host'] ?? t('Not recognised')) : $labels->appText($row['app'])) . '</b> ' . timeTag($row['time'])
            . '<small>' . h($row['policy'] . ' · ' . (stopReasons()[$row['reason']] ?? $row['reason'])) . '</small></li>';
    }
    return newsCard(t('Stopped by policies'), $html, allOf($filter, 'stops'));
}

/** @param list<array<string, float|string|null>> $rows */
function servicesCard(array $rows): string
{
    $html = '';
    foreach ($rows as $row) {
        $what = array_filter([$row['product'], $row['version'], $row['title']]);
        $html .= '<li><b>' . h($row['app_proto'] ?? $row['proto']) . '</b> ' . h(endpoint((string) $row['ip'], (float) $row['port'], (string) $row['proto']))
            . ' ' . timeTag($row['last']) . ($what === [] ? '' : '<small>' . h(implode(' · ', $what)) . '</small>') . '</li>';
    }
    return newsCard(t('Services it offers'), $html);
}

/** @param list<array<string, float|string|null>> $rows */
function dhcpCard(array $rows): string
{
    $html = '';
    foreach ($rows as $row) {
        $what = array_filter([$row['hostname'], $row['vendor_class'], $row['assigned'] ?? $row['requested']]);
        $html .= '<li><b>' . h($row['kind']) . '</b> ' . timeTag($row['time']) . '<small>' . h(implode(' · ', $what)) . '</small></li>';
    }
    return $html === '' ? '' : newsCard(t('What it told DHCP'), $html);
}

function newsCard(string $title, string $items, string $more = ''): string
{
    return card($title, $items === '' ? '<p class="none">' . say('None in this time.') . '</p>' : "<ul class=\"news\">$items</ul>", $more);
}
