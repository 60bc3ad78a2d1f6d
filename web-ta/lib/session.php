<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What the list of sessions and the page of one have in common.

/** @return array<string, Column> */
function sessionColumns(): array
{
    return [
        'id' => new Column('Number', Kind::Number, 'id'),
        'start' => new Column('Start', Kind::Time, 'start'),
        'last' => new Column('Last', Kind::Time, 'last'),
        'duration' => new Column('Duration', Kind::Micros, 'last - start'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'client' => new Column('Client', Kind::Text, 'client'),
        'client_port' => new Column('Client port', Kind::Number, 'client_port'),
        'client_mac' => new Column('MAC of the client', Kind::Text, 'client_mac'),
        'server' => new Column('Address of the server', Kind::Text, 'server'),
        'server_port' => new Column('Server port', Kind::Number, 'server_port'),
        'host' => new Column('Server', Kind::Text, 'host'),
        'country' => new Column('Country', Kind::Text, 'country'),
        'asn' => new Column('Autonomous system', Kind::Number, 'asn'),
        'host_source' => new Column('Name known by', Kind::Text, 'host_source'),
        'host_confidence' => new Column('How sure, of 100', Kind::Number, 'host_confidence'),
        'names' => new Column('All names', Kind::Json, 'names', sortable: false),
        'proto' => new Column('Transport', Kind::Text, 'proto'),
        'app_proto' => new Column('Protocol', Kind::Text, 'app_proto'),
        'app' => new Column('App', Kind::Text, 'app'),
        'app_line' => new Column('Line of features.txt', Kind::Number, 'app_line'),
        'note' => new Column('Remark', Kind::Text, 'note'),
        'packets_in' => new Column('Packets to the client', Kind::Count, 'packets_in'),
        'packets_out' => new Column('Packets from the client', Kind::Count, 'packets_out'),
        'bytes_in' => new Column('To client', Kind::Bytes, 'bytes_in'),
        'bytes_out' => new Column('From client', Kind::Bytes, 'bytes_out'),
        'rtt_us' => new Column('Round trip', Kind::Micros, 'rtt_us'),
        'retransmissions' => new Column('Resent', Kind::Count, 'retransmissions'),
        'tcp_flags_out' => new Column('TCP flags of the client', Kind::Number, 'tcp_flags_out'),
        'tcp_flags_in' => new Column('TCP flags of the server', Kind::Number, 'tcp_flags_in'),
        'state' => new Column('State', Kind::Text, 'state'),
        'reason' => new Column('End', Kind::Text, 'reason'),
        'iface' => new Column('Interface', Kind::Text, 'iface'),
        'vlan' => new Column('VLAN', Kind::Number, 'vlan'),
    ];
}

/** "192.0.2.1:443", "[2001:db8::1]:443"; ICMP has no ports. */
function endpoint(string $address, float $port, string $proto): string
{
    if (str_starts_with($proto, 'icmp')) {
        return $address;
    }
    return (str_contains($address, ':') ? "[$address]" : $address) . ':' . digits($port);
}

/** @param array<string, float|string|null> $row */
function deviceOfSession(array $row, Filter $filter, Labels $labels): string
{
    $name = $labels->deviceText($row['device']);
    $end = endpoint($row['client'], $row['client_port'], $row['proto']);
    // The address is not worth telling twice.
    $rest = str_starts_with($end, $name) ? substr($end, strlen($name)) : $end;
    return anchor($filter->add('device', $row['device']), h($name)) . '<small>' . h($rest) . '</small>';
}

/** @param array<string, float|string|null> $row */
function serverOfSession(array $row, Filter $filter): string
{
    $end = h(endpoint($row['server'], $row['server_port'], $row['proto']));
    $server = pick($filter, 'server', $row['server'], $end);
    $place = $row['country'] === null ? '' : pick($filter, 'country', $row['country'], h($row['country']));
    $country = $place === '' ? '' : " · $place";
    if ($row['host'] === null) {
        return $server . ($place === '' ? '' : "<small>$place</small>");
    }
    return anchor($filter->add('host', $row['host']), h($row['host']), 'host') . unpick($filter, 'host', $row['host'])
        . '<small>' . $server . $country . ' · ' . h(hostSource($row['host_source'])) . '</small>';
}

/** How the name of a server is known. */
function hostSource(?string $source): string
{
    return match ($source) {
        null => '',
        'dns' => t('by DNS'),
        'cert' => t('by its certificate'),
        'ech' => t('shown in place of the encrypted name'),
        'reverse' => t('by the name of its address'),
        default => t('by {source}', ['source' => strtoupper($source)]),
    };
}

/** The state as a person says it; what is no TCP is new or established. */
function stateText(string $state): string
{
    return match ($state) {
        'new' => t('one way'),
        'syn_sent' => t('asked'),
        'syn_recv' => t('answered'),
        'established' => t('established'),
        'closing' => t('closing'),
        'closed' => t('closed'),
        default => $state,
    };
}

/** What is remarkable about it. */
function noteBadge(?string $note): string
{
    return match ($note) {
        null => '',
        'doh', 'dot', 'doq' => badge(t('encrypted DNS'), 'warn'),
        'ech' => badge(t('name encrypted'), 'plain'),
        'unasked' => badge(t('not asked in DNS'), 'plain'),
        default => badge($note, 'plain'),
    };
}

/** All names of a server. @param ?string $json an array of {name, source, confidence} */
function allNames(?string $json): string
{
    $names = $json === null ? null : json_decode($json, true);
    if (!is_array($names)) {
        return '';
    }
    $lines = [];
    foreach ($names as $name) {
        $lines[] = '<span class="answer">' . h(field($name, 'name')) . ' <small>'
            . h(hostSource(field($name, 'source'))) . ' · ' . h(field($name, 'confidence')) . '</small></span>';
    }
    return implode('', $lines);
}

function volume(float $bytes, float $packets): string
{
    return h(bytes($bytes)) . '<small>' . h(packets($packets)) . '</small>';
}

function resent(float $segments): string
{
    return say('{n} resent', ['n' => grouped($segments)]);
}

/** How it ended, if it did. */
function stateBadge(?string $reason): string
{
    [$text, $class] = match ($reason) {
        null => [t('going on'), 'ok'],
        'fin' => [t('closed'), 'plain'],
        'rst' => [t('reset'), 'bad'],
        'timeout' => [t('fell silent'), 'plain'],
        'evicted' => [t('evicted'), 'warn'],
        'reused' => [t('ports reused'), 'plain'],
        'shutdown' => [t('cut off'), 'plain'],
        default => [$reason, 'plain'],
    };
    return badge($text, $class);
}

/** TCP flags by their names (RFC 9293, 3.1). */
function tcpFlags(float $flags): string
{
    $names = [];
    foreach (['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as $bit => $name) {
        // One byte: small enough for an int anywhere.
        if (((int) $flags & 1 << $bit) !== 0) {
            $names[] = $name;
        }
    }
    return $names === [] ? DASH : implode(' ', $names);
}
