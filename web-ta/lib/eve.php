<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require_once __DIR__ . '/eve_dns.php';
require_once __DIR__ . '/eve_web.php';

// Rows as lines in the shape of Suricata's EVE: the same lines that the daemon
// writes (src/store/eve), of all columns of a table. A row may make several
// lines, or none.

/** EVE has flows of these protocols. */
const EVE_FLOWS = ['tcp', 'udp', 'icmp', 'icmp6', 'esp', 'sctp'];

/** The first columns of what is read in sessions, which the head of a line tells. */
const EVE_EVENT = ['id', 'time', 'proto', 'client', 'client_port', 'server', 'server_port', 'device'];

/**
 * @param array<string, float|string|null> $row all columns
 * @return list<array<string, mixed>>
 */
function eveLines(string $table, array $row): array
{
    return match ($table) {
        'session' => match (true) {
            // EVE tells of a flow once, when it is over.
            $row['reason'] === null => [],
            in_array($row['proto'], EVE_FLOWS, true) => [eveFlow($row)],
            default => [eveOwn('carrier', 'last', $row)],
        },
        'dns' => eveDns($row),
        'tls' => [eveTls($row)],
        'http' => [eveHttp($row)],
        'auth' => [eveOf('auth', $row) + ['auth' => (object) array_diff_key(eveColumns($row), array_flip(EVE_EVENT))]],
        'icmp' => [eveIcmp($row)],
        'service' => [eveOwn($table, 'last', $row)],
        'alert', 'stop' => [eveOwn($table, 'time', $row)],
    };
}

/** "2015-10-22T06:29:04.123456+0000" */
function eveTime(float $micros): string
{
    return Clock::utc($micros / 1e6)->format('Y-m-d\TH:i:s') . sprintf('.%06.0f+0000', fmod($micros, 1e6));
}

/** What EVE has no word for: the columns under their own type. @param array<string, float|string|null> $row */
function eveOwn(string $type, string $time, array $row): array
{
    return ['timestamp' => eveTime($row[$time]), 'event_type' => $type, $type => (object) eveColumns($row)];
}

/** The columns that are known. @param array<string, float|string|null> $row */
function eveColumns(array $row): array
{
    $times = ['time', 'start', 'last', 'ended', 'first', 'list_version'];
    $columns = [];
    foreach ($row as $name => $value) {
        if ($value !== null) {
            $columns[$name] = in_array($name, $times, true) ? eveTime($value) : $value;
        }
    }
    return $columns;
}

/** @param array<string, mixed> $members without those that are null */
function eveKnown(array $members): array
{
    return array_filter($members, static fn (mixed $value): bool => $value !== null);
}

function eveJson(?string $text): mixed
{
    return $text === null ? null : json_decode($text);
}

/** @param array<string, float|string|null> $row */
function eveHead(string $type, float $time, array $row): array
{
    return [
        'timestamp' => eveTime($time),
        'flow_id' => $row['id'],
        'event_type' => $type,
        'proto' => $row['proto'] === 'icmp6' ? 'IPv6-ICMP' : strtoupper($row['proto']),
    ];
}

/** The head of a line about what happened in a session. @param array<string, float|string|null> $row */
function eveOf(string $type, array $row): array
{
    return eveHead($type, $row['time'], $row) + eveEnds($row, false) + ['device' => $row['device']];
}

/** @param array<string, float|string|null> $row */
function eveEnds(array $row, bool $isIcmp): array
{
    $ends = ['src_ip' => $row['client'], 'dest_ip' => $row['server']];
    if ($isIcmp) {
        return $ends;
    }
    $ends += ['src_port' => $row['client_port'], 'dest_port' => $row['server_port']];
    $number = ['tcp' => 6, 'udp' => 17][$row['proto']] ?? null;
    return $number === null ? $ends : $ends + ['community_id' => communityId($number, $row)];
}

/** Community ID v1, seed 0: the same for a session in every tool. @param array<string, float|string|null> $row */
function communityId(int $proto, array $row): string
{
    $ends = [];
    foreach (['client', 'server'] as $side) {
        $ends[] = [isIp((string) $row[$side]) ? inet_pton($row[$side]) : '', pack('n', (int) $row["{$side}_port"])];
    }
    $isSwapped = [strcmp($ends[0][0], $ends[1][0]), strcmp($ends[0][1], $ends[1][1])] > [0, 0];
    [$low, $high] = $isSwapped ? array_reverse($ends) : $ends;
    return '1:' . base64_encode(sha1("\0\0" . $low[0] . $high[0] . chr($proto) . "\0" . $low[1] . $high[1], true));
}

/** @param array<string, float|string|null> $row */
function eveFlow(array $row): array
{
    $isIcmp = in_array($row['proto'], ['icmp', 'icmp6'], true);
    $line = eveHead('flow', $row['last'], $row) + eveEnds($row, $isIcmp) + eveKnown([
        'icmp_type' => $isIcmp ? floor($row['server_port'] / 256) : null,
        'icmp_code' => $isIcmp ? fmod($row['server_port'], 256) : null,
        'in_iface' => $row['iface'] === '' ? null : $row['iface'],
        'vlan' => $row['vlan'] === null ? null : [$row['vlan']],
        'app_proto' => $row['app_proto'],
        'app' => $row['app'],
        'host' => $row['host'],
        'host_source' => $row['host_source'],
        'names' => eveJson($row['names']),
        'app_line' => $row['app_line'],
        'note' => $row['note'],
        'geoip' => $row['country'] === null && $row['asn'] === null
            ? null
            : ['country_iso_code' => $row['country'], 'asn' => $row['asn']],
        'device' => $row['device'],
        'client_mac' => $row['client_mac'],
    ]);
    $line += $row['host_source'] === null ? [] : ['host_confidence' => $row['host_confidence']];
    $line['flow'] = [
        'pkts_toserver' => $row['packets_out'],
        'pkts_toclient' => $row['packets_in'],
        'bytes_toserver' => $row['bytes_out'],
        'bytes_toclient' => $row['bytes_in'],
        'start' => eveTime($row['start']),
        'end' => eveTime($row['last']),
        'age' => floor($row['last'] / 1e6) - floor($row['start'] / 1e6),
        'state' => match ($row['state']) {
            'new', 'syn_sent', 'syn_recv' => 'new',
            'closed' => 'closed',
            default => 'established',
        },
        'reason' => ['shutdown' => 'shutdown', 'evicted' => 'forced', 'reused' => 'tcp_reuse'][$row['reason']] ?? 'timeout',
        // Why it ended, in Weir's own words: EVE does not tell FIN from silence.
        'ended' => $row['reason'],
    ];
    return $row['proto'] === 'tcp' ? $line + ['tcp' => eveTcp($row)] : $line;
}

/** @param array<string, float|string|null> $row */
function eveTcp(array $row): array
{
    [$out, $back] = [(int) $row['tcp_flags_out'], (int) $row['tcp_flags_in']];
    $tcp = [
        'tcp_flags' => sprintf('%02x', $out | $back),
        'tcp_flags_ts' => sprintf('%02x', $out),
        'tcp_flags_tc' => sprintf('%02x', $back),
    ];
    foreach (['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ecn', 'cwr'] as $bit => $name) {
        if ((($out | $back) & 1 << $bit) !== 0) {
            $tcp[$name] = true;
        }
    }
    return $tcp + eveKnown([
        'state' => $row['state'] === 'closing' ? 'fin_wait1' : $row['state'],
        'rtt_us' => $row['rtt_us'],
        'retransmissions' => $row['retransmissions'],
    ]);
}

/** @param array<string, float|string|null> $row */
function eveIcmp(array $row): array
{
    return eveHead('icmp', $row['time'], $row) + [
        'src_ip' => $row['src'],
        'dest_ip' => $row['dst'],
        'icmp_type' => $row['kind'],
        'icmp_code' => $row['code'],
        'icmp' => (object) eveColumns($row),
    ];
}
