<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Hosts, countries and questions of the overview. Only sessions and questions
// have them, and there are too many to look at all.

/** The overview looks at the newest of them only: this many take no longer than its volumes. */
const SUMMARY_LATEST = 10000;

/** Where a question is searched. */
const DNS_SEARCH = ['qname', 'client', 'server', 'device'];

/** Sessions of the time of $filter; of the time before, those that its own list has not. */
function namedTime(Filter $filter): Where
{
    $span = $filter->span;
    return $span->isBefore
        ? (new Where())->add('last >= ? AND last < ?', digits($span->from), digits($span->to))
        : (new Where())->seen($span);
}

/**
 * The newest sessions' sums by host and by country.
 *
 * @return array{host: array<string, float>, country: array<string, float>, all: array<string, float>}
 */
function namedSums(Db $db, Filter $filter): array
{
    $time = namedTime($filter);
    $where = (new Where())->device($db, $filter->device)->contains($db, SESSION_SEARCH, $filter->text);
    $sums = ['host' => [], 'country' => [], 'all' => ['' => 0.0]];
    $columns = ['host', 'country', 'bytes_in', 'bytes_out'];
    foreach (eachLatest($db, 'session', $columns, $time, $where, SESSION_SEARCH, 'last', SUMMARY_LATEST) as $row) {
        $row['bytes'] = (float) $row['bytes_in'] + (float) $row['bytes_out'];
        $sums['all'][''] += $row['bytes'];
        foreach (['host', 'country'] as $key) {
            if ($row[$key] !== null) {
                $sums[$key][$row[$key]] = ($sums[$key][$row[$key]] ?? 0.0) + $row['bytes'];
            }
        }
    }
    return $sums;
}

/** The filter of the time before, if all sessions of both times are looked at: parts of them can't be compared. */
function comparedNames(Db $db, Filter $filter, ?Filter $before): ?Filter
{
    $oldest = $before === null ? null : $db->value('SELECT MIN(last) FROM session');
    $isWhole = $oldest !== null && (float) $oldest <= $before->span->from
        && !isBeyondLatest($db, 'session', namedTime($filter), SUMMARY_LATEST)
        && !isBeyondLatest($db, 'session', namedTime($before), SUMMARY_LATEST);
    return $isWhole ? $before : null;
}

/**
 * @return array{is_hosts_partial: bool, named_bytes: float, hosts: list<mixed>, countries: list<mixed>}
 */
function summaryNames(Db $db, Filter $filter, ?Filter $before): array
{
    $before = comparedNames($db, $filter, $before);
    $now = namedSums($db, $filter);
    // As many names as strangers like to make: of the time before only those that are shown are kept.
    $shown = array_map(static fn (array $sums): array => largest($sums, SUMMARY_TOP), $now);
    $named = $now['all'][''];
    unset($now);
    $then = $before === null ? null : namedSums($db, $before);
    $top = static fn (string $key): array => topOf($shown[$key], $then === null ? null : $then[$key], $key, SUMMARY_TOP)[0];
    return [
        'is_hosts_partial' => $before === null && isBeyondLatest($db, 'session', namedTime($filter), SUMMARY_LATEST),
        'named_bytes' => $named,
        'hosts' => $top('host'),
        'countries' => $top('country'),
    ];
}

/**
 * Questions and how they ended, and the names asked for most.
 *
 * @return array{dns: array<string, float>, is_dns_partial: bool, dns_names: list<array<string, float|string|null>>}
 */
function summaryDns(Db $db, Filter $filter): array
{
    $where = (new Where())->device($db, $filter->device)->contains($db, DNS_SEARCH, $filter->text);
    $time = (new Where())->begun($filter->span);
    $sums = ['questions' => 0.0, 'unanswered' => 0.0, 'nxdomain' => 0.0, 'refused' => 0.0, 'noerror' => 0.0, 'latency' => 0.0, 'timed' => 0.0];
    $names = [];
    $columns = ['qname', 'kind', 'rcode', 'latency_us'];
    foreach (eachLatest($db, 'dns', $columns, $time, $where, DNS_SEARCH, 'id', SUMMARY_LATEST) as $row) {
        if ($row['kind'] !== 'dns') {
            continue;
        }
        $sums['questions']++;
        $key = match ($row['rcode']) {
            null => 'unanswered',
            'NXDOMAIN', 'REFUSED', 'NOERROR' => strtolower($row['rcode']),
            default => null,
        };
        if ($key !== null) {
            $sums[$key]++;
        }
        if ($row['latency_us'] !== null) {
            $sums['latency'] += (float) $row['latency_us'];
            $sums['timed']++;
        }
        if ($row['qname'] !== null) {
            $names[$row['qname']] = ($names[$row['qname']] ?? 0.0) + 1;
        }
    }
    $top = [];
    foreach (largest($names, SUMMARY_TOP) as $name => $count) {
        $top[] = ['qname' => (string) $name, 'questions' => $count];
    }
    return [
        'dns' => $sums,
        'is_dns_partial' => isBeyondLatest($db, 'dns', $time, SUMMARY_LATEST),
        'dns_names' => $top,
    ];
}
