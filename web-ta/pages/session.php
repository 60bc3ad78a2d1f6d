<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/../lib/session.php';
require_once __DIR__ . '/../lib/dns.php';

/** Questions to DNS are looked for this long before the session: names are remembered for hours. */
const ASKED_BEFORE = 6 * 3600e6;

/** Questions shown with a session. */
const MOST_QUESTIONS = 20;

/** What is told of a session, and under which title. */
const SESSION_CARDS = [
    'Time' => ['start', 'last', 'duration', 'id'],
    'Client' => ['device', 'client', 'client_port', 'client_mac', 'iface', 'vlan'],
    'Server' => ['host', 'host_source', 'host_confidence', 'names', 'server', 'server_port', 'country', 'asn'],
    'Volume' => ['bytes_in', 'bytes_out', 'packets_in', 'packets_out'],
    'App and protocol' => ['app', 'app_line', 'app_proto', 'proto', 'note'],
    'Connection' => ['state', 'reason', 'rtt_us', 'retransmissions', 'tcp_flags_in', 'tcp_flags_out'],
];

return [
    'title' => 'Session',
    'parent' => 'sessions',
    'filter' => false,
    'needs' => ['id'],
    'params' => ['id' => Param::Id],
    'columns' => sessionColumns(),
    'sort' => 'id',

    'rows' => static function (Db $db, Filter $filter): Rows {
        return new Rows($db, sessionColumns(), 'FROM session WHERE id = ?', [$filter->need('id')], 'id');
    },

    // What this device asked for that name, or of that server where it is DNS itself.
    'parts' => static function (Db $db, Filter $filter): array {
        $sql = 'SELECT start, last, device, host FROM session WHERE id = ?';
        $session = $db->all($sql, [$filter->need('id')])[0]
            ?? throw new Trouble(400, t('There is no such session, or it is deleted by now.'));
        if ($session['host'] === null) {
            return ['dns' => []];
        }
        $where = (new Where())
            ->add('id >= ?', Span::id(max(0.0, (float) $session['start'] - ASKED_BEFORE)))
            ->add('id <= ?', Span::id((float) $session['last'] + 1e6))
            ->equal('device', $session['device'])
            ->equal('qname', $session['host']);
        $questions = new Rows($db, dnsColumns(), 'FROM dns' . $where->sql(), $where->params, 'id');
        return ['dns' => $questions->top('-time', MOST_QUESTIONS)];
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        [$row] = $all->top('id', 1);
        $labels->load([$row], $parts['dns']);
        $shown = [
            'device' => $labels->device($row['device'], $filter->to('sessions', ['device' => $row['device']])),
            'host' => $row['host'] === null ? DASH : anchor($filter->to('sessions', ['host' => $row['host']]), h($row['host'])),
            'host_source' => h(hostSource($row['host_source'])),
            'server' => anchor($filter->to('sessions', ['server' => $row['server']]), h($row['server'])),
            'app' => $row['app'] === null
                ? say('Not recognised')
                : $labels->app($row['app'], $filter->to('app', ['app' => $row['app']])),
            'names' => allNames($row['names']),
            'note' => noteBadge($row['note']),
            'state' => h(stateText($row['state'])),
            'reason' => stateBadge($row['reason']),
            'tcp_flags_in' => h($row['proto'] === 'tcp' ? tcpFlags($row['tcp_flags_in']) : DASH),
            'tcp_flags_out' => h($row['proto'] === 'tcp' ? tcpFlags($row['tcp_flags_out']) : DASH),
        ];
        $packets = (webInfo()['export'] ?? false) !== true || Door::isGuestIn() ? ''
            : ' ' . anchor('packets.php?id=' . digits($row['id']), say('Its packets'), 'more');
        echo '<h2 class="thing">' . h($row['host'] ?? $row['server']) . ' <small>'
            . h($row['app_proto'] ?? $row['proto']) . $packets . '</small></h2><div class="grid three">';
        foreach (SESSION_CARDS as $title => $names) {
            $list = '';
            foreach ($names as $name) {
                $html = $shown[$name] ?? usualCell($all->columns[$name]->kind, $row[$name]);
                $html = sought($filter, 'sessions', $name, $row[$name], $html);
                $list .= '<div><dt>' . say($all->columns[$name]->title) . '</dt><dd>'
                    . ($html === '' ? DASH : $html) . '</dd></div>';
            }
            echo card(t($title), "<dl class=\"pairs\">$list</dl>");
        }
        echo '</div>';
        if ($row['host'] !== null) {
            $cells = dnsCells($filter, $labels);
            $questions = table(dnsColumns(), $parts['dns'], $cells, 'qname', t('The newest before the end of the session'));
            echo card(t('DNS questions of this device for the name'), $questions);
        }
    },
];
