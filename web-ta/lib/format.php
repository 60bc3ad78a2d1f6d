<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Numbers as text for people. What comes out still goes through h().

/** Stands for "nothing to show". */
const DASH = '–';

/** A whole number as its digits. PHP's own way turns large ones into 1.0E+15. */
function digits(float $number): string
{
    return sprintf('%.0f', $number);
}

/** 1234567 as "1,234,567" */
function grouped(float $number): string
{
    return number_format($number);
}

/** "1 packet", "1,234 packets" */
function packets(float $number): string
{
    return $number === 1.0 ? t('1 packet') : t('{n} packets', ['n' => grouped($number)]);
}

/** "1 session", "1,234 sessions" */
function sessionsText(float $number): string
{
    return $number === 1.0 ? t('1 session') : t('{n} sessions', ['n' => grouped($number)]);
}

/** "1.23 MB" */
function bytes(float $bytes): string
{
    return scaled($bytes, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

/** "1.23 Mbit/s" */
function bitrate(float $bytes, float $secs): string
{
    return scaled($bytes * 8 / $secs, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
}

/** @param list<string> $units each a thousand times the one before */
function scaled(float $number, array $units): string
{
    $unit = 0;
    // 999.5 would be shown as 1000.
    while ($number >= 999.5 && $unit < count($units) - 1) {
        $number /= 1000;
        $unit++;
    }
    $decimals = $unit === 0 || $number >= 99.95 ? 0 : ($number >= 9.995 ? 1 : 2);
    return number_format($number, $decimals) . ' ' . $units[$unit];
}

/** A length of time: "3.9 ms", "42 s", "2 h 05 min", "3 d 4 h". */
function duration(float $micros): string
{
    if ($micros < 999.5e3) {
        return $micros < 999.5 ? grouped($micros) . ' µs' : scaled($micros, ['µs', 'ms']);
    }
    $secs = floor($micros / 1e6);
    if ($secs < 60) {
        return t('{s} s', ['s' => $secs < 10 ? number_format($micros / 1e6, 1) : digits($secs)]);
    }
    $minutes = floor($secs / 60);
    if ($minutes < 60) {
        return t('{m} min {s} s', ['m' => digits($minutes), 's' => sprintf('%02.0f', $secs - $minutes * 60)]);
    }
    $hours = floor($minutes / 60);
    return $hours < 48
        ? t('{h} h {m} min', ['h' => digits($hours), 'm' => sprintf('%02.0f', $minutes - $hours * 60)])
        : t('{d} d {h} h', ['d' => digits(floor($hours / 24)), 'h' => digits(fmod($hours, 24))]);
}

/** "12.3 %"; a little is never shown as nothing. */
function percent(float $part, float $whole): string
{
    if ($whole <= 0) {
        return DASH;
    }
    $percent = $part / $whole * 100;
    if ($percent > 0 && $percent < 0.1) {
        return '< 0.1 %';
    }
    return number_format($percent, $percent < 99.95 ? 1 : 0) . ' %';
}

/** Local time: the clock alone for today, otherwise with its date. */
function moment(float $micros): string
{
    $clock = Clock::local();
    $secs = $micros / 1e6;
    $now = $clock->now();
    $date = match (true) {
        $clock->format('Y-m-d', $secs) === $clock->format('Y-m-d', $now) => '',
        $clock->format('Y', $secs) === $clock->format('Y', $now) => 'm-d ',
        default => 'Y-m-d ',
    };
    return $clock->format($date . 'H:i:s', $secs);
}

/** Local time with everything, for a file: "2026-11-20 18:30:05.123". */
function fullMoment(float $micros): string
{
    $millis = fmod(floor($micros / 1000), 1000);
    return Clock::local()->format('Y-m-d H:i:s', $micros / 1e6) . sprintf('.%03.0f', $millis);
}

/** ISO 8601 with the offset. */
function isoMoment(float $micros): string
{
    $clock = Clock::local();
    return $clock->format('Y-m-d\TH:i:s', $micros / 1e6) . $clock->offsetName($micros / 1e6);
}

/** A value of a column as text. */
function shown(Kind $kind, float|string|null $value): string
{
    return match (true) {
        $value === null => DASH,
        $kind->isText() => $value,
        $kind === Kind::Bytes => bytes($value),
        $kind === Kind::Time => moment($value),
        $kind === Kind::Micros => duration($value),
        $kind === Kind::Secs => duration($value * 1e6),
        $kind === Kind::Count => grouped($value),
        $kind === Kind::Number => digits($value),
    };
}
