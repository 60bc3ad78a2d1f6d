<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/../lib/dns.php';

/** Names and servers in each list on top. */
const DNS_TOP = 6;

/** They are of the newest rows, this many: there are three of them, and the list itself. */
const DNS_LATEST = 15000;

/** The conditions of the filter that are neither its time nor its search. */
function dnsWhere(Db $db, Filter $filter): Where
{
    return (new Where())
        ->device($db, $filter->device)
        ->equal('qname', $filter->get('name'))
        ->equal('server', $filter->get('server'))
        ->equal('kind', $filter->get('kind'))
        ->equal('qtype', $filter->get('qtype'))
        ->equal('rcode', $filter->get('rcode'));
}

/**
 * The largest groups of the newest rows.
 *
 * @param array<string, Column> $groups
 * @return list<array<string, float|string|null>>
 */
function dnsTop(Db $db, Filter $filter, array $groups, string $key, string $condition): array
{
    $time = (new Where())->begun($filter->span);
    $where = dnsWhere($db, $filter)->add("$key IS NOT NULL AND kind = 'dns' AND $condition");
    $from = 'FROM ' . latest('dns', 'qname, server, device, kind, qtype, rcode, latency_us', $time, most: DNS_LATEST)
        . $where->sql() . " GROUP BY $key";
    $rows = new Rows($db, $groups, $from, [...$time->params, ...$where->params], $key);
    return $rows->top('-' . array_key_last($groups), DNS_TOP);
}

return [
    'title' => 'DNS',
    'order' => 30,
    'icon' => 'dns',
    'params' => [
        'name' => Param::Text,
        'server' => Param::Address,
        'rcode' => Param::Word,
        'qtype' => Param::Word,
        'kind' => Param::Word,
    ],
    'chips' => ['name' => 'Name', 'server' => 'Server'],
    'controls' => [
        'rcode' => ['Result', static function (): array {
            $codes = ['NOERROR', 'NXDOMAIN', 'SERVFAIL', 'REFUSED', 'FORMERR', 'NOTIMP'];
            return [NONE => t('no answer')] + array_combine($codes, $codes);
        }],
        'qtype' => ['Type', static function (): array {
            $types = ['A', 'AAAA', 'HTTPS', 'SVCB', 'CNAME', 'PTR', 'SRV', 'TXT', 'MX', 'NS', 'SOA', 'ANY'];
            return array_combine($types, $types);
        }],
        'kind' => ['Kind', static fn () => ['dns' => 'DNS', 'mdns' => 'mDNS', 'llmnr' => 'LLMNR']],
    ],
    'columns' => dnsColumns(),
    'table' => 'dns',
    'sort' => '-time',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $where = dnsWhere($db, $filter)
            ->begun($filter->span)
            ->contains($db, ['qname', 'client', 'server', 'device', 'answers'], $filter->text);
        return new Listing($db, dnsColumns(), $filter->page->table, $where, $filter);
    },

    // Lists for an overview. Who searches or turns pages looks for rows, and answers are too long to group by.
    'parts' => static function (Db $db, Filter $filter): array {
        if ($filter->text !== null || !$filter->place->isFirst()) {
            return ['is_partial' => false, 'names' => [], 'unknown' => [], 'servers' => []];
        }
        $names = [
            'qname' => new Column('Name', Kind::Text, 'qname'),
            'questions' => new Column('Questions', Kind::Count, 'COUNT(*)'),
        ];
        $servers = [
            'server' => new Column('Server', Kind::Text, 'server'),
            'questions' => new Column('Questions', Kind::Count, 'COUNT(*)'),
            'latency_us' => new Column('Took on average', Kind::Micros, 'ROUND(AVG(latency_us))'),
        ];
        return [
            'is_partial' => isBeyondLatest($db, 'dns', (new Where())->begun($filter->span), DNS_LATEST),
            'names' => dnsTop($db, $filter, $names, 'qname', '1 = 1'),
            'unknown' => dnsTop($db, $filter, $names, 'qname', "rcode = 'NXDOMAIN'"),
            'servers' => dnsTop($db, $filter, $servers, 'server', 'latency_us IS NOT NULL'),
        ];
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $names = static fn (array $list, array $more): string => ranking(array_map(
            static fn (array $row): array => [
                anchor($filter->url(['name' => $row['qname']] + $more), h($row['qname'])) . unpick($filter, 'qname', $row['qname']),
                h(grouped($row['questions'])),
                $row['questions'],
            ],
            $list,
        ), (float) ($list[0]['questions'] ?? 0));
        $servers = array_map(static fn (array $row): array => [
            anchor($filter->url(['server' => $row['server']]), h($row['server'])),
            h(duration($row['latency_us'])) . ' <small>· ' . h(grouped($row['questions'])) . '</small>',
            $row['latency_us'],
        ], $parts['servers']);
        if ($filter->text === null && $filter->place->isFirst()) {
            // On a phone it slides, by the keyboard too.
            echo '<div class="grid three slide" tabindex="0" role="group" aria-label="' . say('Overview') . '">',
                card(t('Names asked for most'), $names($parts['names'], [])),
                card(t('Names that do not exist'), $names($parts['unknown'], ['rcode' => 'NXDOMAIN'])),
                card(t('Slowest servers'), ranking($servers, (float) ($parts['servers'][0]['latency_us'] ?? 0))),
                '</div>', $parts['is_partial'] ? latestHint(DNS_LATEST) : '';
        }
        listed($all, dnsCells($filter, $labels), 'qname', t('Questions to DNS and what came back'), $filter, $labels);
    },
];
