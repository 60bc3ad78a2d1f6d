<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require __DIR__ . '/posix_zone.php';

/**
 * The router's time zone. Times are seconds since 1970 as floats: on a 32-bit
 * router an int ends in 2038, and microseconds never fit into one.
 */
final class Clock
{
    /** Where OpenWrt keeps its zone, as POSIX writes them. */
    private const POSIX_FILE = '/etc/TZ';

    private function __construct(private readonly DateTimeZone|PosixZone $zone)
    {
    }

    public static function local(): Clock
    {
        static $clock = null;
        return $clock ??= new Clock(self::zone());
    }

    private static function zone(): DateTimeZone|PosixZone
    {
        // PHP on OpenWrt knows no zones by name unless they are installed, and
        // does not look at the system's.
        $posix = (string) ini_get('date.timezone') === '' ? @file_get_contents(self::POSIX_FILE) : false;
        $zone = $posix === false ? null : PosixZone::parse(trim($posix));
        return $zone ?? new DateTimeZone(date_default_timezone_get());
    }

    public function now(): float
    {
        return microtime(true);
    }

    /** Seconds that local time is ahead of UTC at $secs. */
    public function offset(float $secs): int
    {
        return $this->zone instanceof PosixZone
            ? $this->zone->offset($secs)
            : $this->zone->getOffset(self::utc($secs));
    }

    /** Local time at $secs; $format as of date(). */
    public function format(string $format, float $secs): string
    {
        return self::utc($secs + $this->offset($secs))->format($format);
    }

    /** "+08:00" */
    public function offsetName(float $secs): string
    {
        $minutes = (int) ($this->offset($secs) / 60);
        return sprintf('%s%02d:%02d', $minutes < 0 ? '-' : '+', (int) (abs($minutes) / 60), abs($minutes) % 60);
    }

    /** Seconds since 1970 of a local time like 2026-11-20T18:30; null for nonsense. */
    public function parse(string $text): ?float
    {
        if (preg_match('/^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?$/D', $text, $part) !== 1) {
            return null;
        }
        [$year, $month, $day, $hour, $minute] = array_map(intval(...), array_slice($part, 1, 5));
        if (!checkdate($month, $day, $year) || $hour > 23 || $minute > 59) {
            return null;
        }
        $local = (float) self::utc(0.0)->setDate($year, $month, $day)->setTime($hour, $minute)->format('U');
        // Between two offsets the one that holds at the result decides.
        return $local - $this->offset($local - $this->offset($local));
    }

    public static function utc(float $secs): DateTimeImmutable
    {
        return new DateTimeImmutable('@' . sprintf('%.0f', floor($secs)));
    }
}
