<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * A time zone as POSIX writes it (IEEE 1003.1, 8.3, TZ): "CST-8" or
 * "CET-1CEST,M3.5.0,M10.5.0/3". Summer time by month, week and day only,
 * which is what all zones of today use.
 */
final class PosixZone
{
    private const NAME = '(?:<[^>]+>|[A-Za-z]{3,})';
    private const TIME = '([+-]?\d{1,3}(?::\d\d){0,2})';
    private const RULE = ',M(\d{1,2})\.([1-5])\.([0-6])(?:\/' . self::TIME . ')?';

    /**
     * @param int $standard seconds ahead of UTC
     * @param int $summer the same in summer
     * @param list<array{int, int, int, int}> $changes to summer and back: month, week, day, seconds
     */
    private function __construct(
        private readonly int $standard,
        private readonly int $summer,
        private readonly array $changes,
    ) {
    }

    public static function parse(string $text): ?PosixZone
    {
        $pattern = '/^' . self::NAME . self::TIME
            . '(?:' . self::NAME . self::TIME . '?' . self::RULE . self::RULE . ')?$/D';
        if (preg_match($pattern, $text, $part, PREG_UNMATCHED_AS_NULL) !== 1) {
            return null;
        }
        // POSIX counts westwards.
        $standard = -self::seconds($part[1]);
        if (!isset($part[3])) {
            return new PosixZone($standard, $standard, []);
        }
        $summer = isset($part[2]) ? -self::seconds($part[2]) : $standard + 3600;
        $changes = [];
        foreach ([3, 7] as $at) {
            $seconds = self::seconds($part[$at + 3] ?? '2');
            $changes[] = [(int) $part[$at], (int) $part[$at + 1], (int) $part[$at + 2], $seconds];
        }
        return new PosixZone($standard, $summer, $changes);
    }

    /** Seconds that local time is ahead of UTC at $secs. */
    public function offset(float $secs): int
    {
        if ($this->changes === []) {
            return $this->standard;
        }
        $year = (int) Clock::utc($secs + $this->standard)->format('Y');
        $begin = self::moment($year, $this->changes[0]) - $this->standard;
        $end = self::moment($year, $this->changes[1]) - $this->summer;
        // South of the equator summer time goes over the turn of the year.
        $isSummer = $begin < $end ? $secs >= $begin && $secs < $end : $secs >= $begin || $secs < $end;
        return $isSummer ? $this->summer : $this->standard;
    }

    /**
     * When a change is in $year, as if local time were UTC.
     *
     * @param array{int, int, int, int} $change
     */
    private static function moment(int $year, array $change): float
    {
        [$month, $week, $weekday, $seconds] = $change;
        $first = Clock::utc(0.0)->setDate($year, $month, 1);
        $day = 1 + ($weekday - (int) $first->format('w') + 7) % 7 + ($week - 1) * 7;
        // The fifth week stands for the last one.
        while ($day > (int) $first->format('t')) {
            $day -= 7;
        }
        return (float) $first->setDate($year, $month, $day)->format('U') + $seconds;
    }

    private static function seconds(string $text): int
    {
        [$hours, $minutes, $seconds] = array_map(intval(...), explode(':', ltrim($text, '+-') . ':0:0'));
        return ($text[0] === '-' ? -1 : 1) * ($hours * 3600 + $minutes * 60 + $seconds);
    }
}
