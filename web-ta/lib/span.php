<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * The time that a page shows: the last hours, or from one time to another.
 * Microseconds since 1970 as floats, on whole minutes, for that is how finely
 * volumes are kept.
 */
final class Span
{
    /** The choices in seconds; null for everything. */
    public const CHOICES = [
        '15m' => 900, '1h' => 3600, '24h' => 86400, '7d' => 604800, '30d' => 2592000, '1y' => 31536000, 'all' => null,
    ];
    public const USUAL = '24h';

    /** Lengths of a bar in the chart, in seconds. */
    private const STEPS = [60, 600, 3600, 86400];

    /** A bar of months, which are not equally long. */
    private const MONTH = 2592000;

    /** Bars that a chart may have. */
    private const MOST_BARS = 200;

    private const MINUTE = 60e6;

    /** @var list<string> the tables of ROLLED that reach into it */
    public readonly array $rolled;

    /** @param ?float $newest when the newest record is from; null when there is none */
    private function __construct(
        /** One of CHOICES, "custom", or "query" for since and until. */
        public readonly string $choice,
        public readonly float $from,
        public readonly float $to,
        public readonly ?float $newest,
        /** The data is older than the range, which counts back from its end. */
        public readonly bool $isReplay,
        /** @var array<string, float> the end of what each table has, of those that reach into it; in minutes */
        private readonly array $ends,
        /** When the oldest session is from that is kept, where it matters. */
        public readonly ?float $details,
        /** It ends where another begins, which has what lies in both: see before(). */
        public readonly bool $isBefore = false,
    ) {
        $this->rolled = array_keys($ends);
    }

    private static function of(Db $db, string $choice, float $from, float $to, ?float $newest, bool $isReplay): Span
    {
        $ends = self::ends($db, $from);
        $details = $ends === [] ? null : $db->value('SELECT MIN(last) FROM session');
        return new Span($choice, $from, $to, $newest, $isReplay, $ends, $details === null ? null : (float) $details);
    }

    public static function read(Db $db, Request $request): Span
    {
        $now = Clock::local()->now() * 1e6;
        $newest = self::edge($db, 'MAX');
        $query = Query::of($request, null);
        if ($query->from !== null || $query->to !== null) {
            $to = $query->to ?? self::nextMinute($now);
            return self::of($db, 'query', $query->from ?? 0.0, $to, $newest, false);
        }
        $custom = self::custom($request, $now);
        if ($custom !== null) {
            return self::of($db, 'custom', $custom[0], $custom[1], $newest, false);
        }
        $choice = $request->text('range') ?? self::USUAL;
        if (!array_key_exists($choice, self::CHOICES)) {
            $request->ignore('range');
            $choice = self::USUAL;
        }
        $length = self::CHOICES[$choice];
        if ($length === null) {
            $from = self::minute(self::edge($db, 'MIN') ?? $now);
            return self::of($db, $choice, $from, self::nextMinute($newest ?? $now), $newest, false);
        }
        $isReplay = $newest !== null && $newest < $now - $length * 1e6;
        $end = $isReplay ? $newest : $now;
        $from = self::minute($end - $length * 1e6);
        return self::of($db, $choice, $from, self::nextMinute($end), $newest, $isReplay);
    }

    /**
     * The time of the same length that ends where this one begins, to compare
     * with; null where the records do not reach back to all of it.
     */
    public function before(Db $db): ?Span
    {
        $from = 2 * $this->from - $this->to;
        $oldest = $this->choice === 'all' ? null : self::edge($db, 'MIN');
        if ($oldest === null || $oldest > $from) {
            return null;
        }
        $ends = self::ends($db, $from);
        return new Span('before', $from, $this->from, $this->newest, $this->isReplay, $ends, null, true);
    }

    /**
     * The tables of what is rolled up that have anything after $from, with its end.
     *
     * @return array<string, float>
     */
    private static function ends(Db $db, float $from): array
    {
        $ends = [];
        foreach (ROLLED as $table => $length) {
            $last = $db->value("SELECT MAX(time) FROM $table");
            if ($last !== null && ((float) $last + $length) * ROLLED_UNIT > $from) {
                $ends[$table] = (float) $last + $length;
            }
        }
        return $ends;
    }

    /**
     * Those of $rolled that have anything after $minute.
     *
     * @return list<string>
     */
    public function rolledAfter(float $minute): array
    {
        return array_keys(array_filter($this->ends, static fn (float $end): bool => $end > $minute));
    }

    /** Seconds of the longest time that a volume within it stands for. */
    private function grain(): float
    {
        return match ($this->rolled[count($this->rolled) - 1] ?? null) {
            'traffic_month' => self::MONTH,
            'traffic_day' => 86400.0,
            'traffic_hour' => 3600.0,
            default => 60.0,
        };
    }

    /**
     * From and to by the parameters of those names; null when they are not given.
     *
     * @return ?array{float, float}
     */
    private static function custom(Request $request, float $now): ?array
    {
        $times = [];
        foreach (['from', 'to'] as $name) {
            $text = $request->text($name);
            $times[$name] = $text === null ? null : Clock::local()->parse($text);
            if ($text !== null && $times[$name] === null) {
                $request->ignore($name);
            }
        }
        if ($times['from'] === null && $times['to'] === null) {
            return null;
        }
        $from = ($times['from'] ?? 0) * 1e6;
        $to = $times['to'] === null ? self::nextMinute($now) : $times['to'] * 1e6;
        if ($from >= $to) {
            $request->ignore('from');
            $request->ignore('to');
            return null;
        }
        return [$from, $to];
    }

    /** When the newest ($function MAX) or oldest (MIN) record is from; each table has an index for it. */
    private static function edge(Db $db, string $function): ?float
    {
        $times = [];
        foreach (['session' => 'last', 'app' => 'last', 'dns' => 'id', 'traffic' => 'id'] as $table => $column) {
            $found = $db->value("SELECT $function($column) FROM $table");
            if ($found !== null) {
                $times[] = $column === 'id' ? self::timeOfId((float) $found) : (float) $found;
            }
        }
        foreach (array_keys(ROLLED) as $table) {
            $found = $db->value("SELECT $function(time) FROM $table");
            if ($found !== null) {
                $times[] = (float) $found * ROLLED_UNIT;
            }
        }
        return $times === [] ? null : ($function === 'MAX' ? max($times) : min($times));
    }

    public function isEmpty(): bool
    {
        return $this->newest === null;
    }

    /** Whether there is anything newer. */
    public function hasEnd(): bool
    {
        return $this->newest !== null && $this->newest >= $this->to;
    }

    /** Seconds of one bar, so that the chart has neither too many nor too few. */
    public function step(): float
    {
        $secs = ($this->to - $this->from) / 1e6;
        $grain = $this->grain();
        foreach (self::STEPS as $step) {
            if ($step >= $grain && $secs / $step <= self::MOST_BARS) {
                return (float) $step;
            }
        }
        $least = max(86400.0, $grain);
        return $least * ceil($secs / $least / self::MOST_BARS);
    }

    /** The smallest id of a row that begins at $time or later, as digits. */
    public static function id(float $time): string
    {
        return digits(floor($time / 1000) * 2048);
    }

    public static function timeOfId(float $id): float
    {
        return floor($id / 2048) * 1000;
    }

    public static function minute(float $time): float
    {
        return floor($time / self::MINUTE) * self::MINUTE;
    }

    private static function nextMinute(float $time): float
    {
        return self::minute($time) + self::MINUTE;
    }
}
