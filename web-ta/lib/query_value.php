<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Values of queries as people write them: sizes, lengths of time, times, networks.

/** Units by which numbers, sizes in bytes and lengths of time in microseconds are written. */
const QUERY_UNITS = [
    'number' => ['' => 1.0],
    'size' => [
        '' => 1.0, 'b' => 1.0, 'k' => 1e3, 'kb' => 1e3, 'm' => 1e6, 'mb' => 1e6, 'g' => 1e9, 'gb' => 1e9,
        't' => 1e12, 'tb' => 1e12, 'ki' => 1024.0, 'kib' => 1024.0, 'mi' => 1048576.0, 'mib' => 1048576.0,
        'gi' => 1073741824.0, 'gib' => 1073741824.0,
    ],
    'duration' => [
        'us' => 1.0, 'ms' => 1e3, 's' => 1e6, 'm' => 6e7, 'min' => 6e7, 'h' => 3.6e9, 'd' => 8.64e10, 'w' => 6.048e11,
    ],
];

/** No number is larger: up to here a float is exact. */
const QUERY_LARGEST = 1e15;

/** A number of this kind; null for nonsense. */
function queryNumber(string $text, string $kind): ?float
{
    if (preg_match('/^(\d{1,15})(?:\.(\d{1,3}))?([a-z]*)$/Di', $text, $part) !== 1) {
        return null;
    }
    [, $whole, $thousandths, $unit] = $part;
    $factor = QUERY_UNITS[$kind][strtolower($unit)] ?? null;
    if ($factor === null || ($unit === '' && $thousandths !== '')) {
        return null;
    }
    // Thousandths are whole numbers, so that nothing is rounded twice.
    $number = round((float) ($whole . str_pad($thousandths, 3, '0')) * $factor / 1000.0);
    return $number <= QUERY_LARGEST ? $number : null;
}

/** @return ?array{float, float} the first and the last: "443", "8000-8999" */
function queryRange(string $text, string $kind): ?array
{
    [$first, $last] = explode('-', $text, 2) + [1 => null];
    $least = queryNumber($first, $kind);
    $most = $last === null ? $least : queryNumber($last, $kind);
    return $least === null || $most === null ? null : [$least, $most];
}

/**
 * A begin or an end of time: ["ago" => seconds], or ["local" => "2026-11-20 00:00"] by
 * the clock on the wall. A day that something goes on until is in it.
 *
 * @return ?array<string, float|string>
 */
function queryEdge(string $text, bool $isUntil): ?array
{
    $ago = queryNumber($text, 'duration');
    if ($ago !== null) {
        return ['ago' => floor($ago / 1e6)];
    }
    if (preg_match('/^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d))?$/D', $text, $part) !== 1) {
        return null;
    }
    [$year, $month, $day, $hour, $minute] = array_map(intval(...), array_slice($part, 1)) + [3 => 0, 4 => 0];
    if ($year < 1970 || !checkdate($month, $day, $year) || $hour > 23 || $minute > 59) {
        return null;
    }
    $day += $isUntil && !isset($part[4]) ? 1 : 0;
    return ['local' => Clock::utc(0.0)->setDate($year, $month, $day)->setTime($hour, $minute)->format('Y-m-d H:i')];
}

/** The seconds since 1970 of a queryEdge(). @param array<string, float|string> $edge */
function edgeTime(array $edge, Clock $clock): float
{
    return max(0.0, isset($edge['ago']) ? $clock->now() - $edge['ago'] : ($clock->parse($edge['local']) ?? 0.0));
}

function isMac(string $text): bool
{
    return preg_match('/^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$/D', $text) === 1;
}

function isIp(string $text): bool
{
    // Some take 010 for 8.
    return preg_match('/^[0-9A-Fa-f:.]{2,45}$/D', $text) === 1 && @inet_pton($text) !== false
        && preg_match('/(^|[.:])0[0-9]+(\.|$)/', $text) !== 1;
}

/**
 * A prefix: its first address as bytes and its length in bits. Bits behind it do
 * not matter. IPv4 as IPv6 has it (RFC 4291, 2.5.5.2) is IPv4.
 *
 * @return ?array{string, int}
 */
function queryNet(string $text): ?array
{
    [$address, $digits] = explode('/', $text, 2) + [1 => null];
    if (!isIp($address)) {
        return null;
    }
    $bytes = inet_pton($address);
    $most = strlen($bytes) * 8;
    if ($digits !== null && (preg_match('/^\d{1,3}$/D', $digits) !== 1 || (int) $digits > $most)) {
        return null;
    }
    $length = $digits === null ? $most : (int) $digits;
    if ($length >= 96 && str_starts_with($bytes, str_repeat("\0", 10) . "\xff\xff")) {
        [$bytes, $length] = [substr($bytes, 12), $length - 96];
    }
    $mask = str_repeat("\xff", intdiv($length, 8));
    $mask .= $length % 8 === 0 ? '' : chr(0xff << (8 - $length % 8) & 0xff);
    return [$bytes & str_pad($mask, strlen($bytes), "\0"), $length];
}

/** An address as the tables have it: RFC 5952. */
function ipText(string $bytes): string
{
    if (strlen($bytes) === 4) {
        return implode('.', unpack('C4', $bytes));
    }
    $segments = implode(':', array_map(dechex(...), unpack('n8', $bytes)));
    preg_match_all('/\b0(?::0)+\b/', $segments, $runs, PREG_OFFSET_CAPTURE);
    $longest = ['', 0];
    foreach ($runs[0] as $run) {
        $longest = strlen($run[0]) > strlen($longest[0]) ? $run : $longest;
    }
    if ($longest[0] === '') {
        return $segments;
    }
    $before = rtrim(substr($segments, 0, $longest[1]), ':');
    return "$before::" . ltrim(substr($segments, $longest[1] + strlen($longest[0])), ':');
}
