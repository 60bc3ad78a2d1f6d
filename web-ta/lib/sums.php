<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Hours, days and months that are over are added up in traffic_sum: by device, by app
// and by both. What a time has of them is read there, and only the rest of it in the
// tables of volumes. Times are minutes since 1970.

/** Kinds of sums. */
const BY_DEVICE = 1;
const BY_APP = 2;
const BY_BOTH = 4;

/** Steps of sums, the longest first, with their table and minutes. */
const SUM_STEPS = [3 => ['traffic_month', null], 2 => ['traffic_day', 1440.0], 1 => ['traffic_hour', 60.0]];

/** The schema from which on there are any. */
const SUMS_SINCE = 2;

/**
 * Divides a time into parts that are added up and parts that are not.
 *
 * @param list<int> $steps those that may be used, the longest first
 * @param ?float $offset of bars, which sums have to begin with; null where there are none
 * @return array{list<array{int, float, float}>, list<array{float, float}>} step, begin and end of each sum; begin and end of the rest
 */
function summedParts(Db $db, float $from, float $to, int $kind, array $steps, ?float $offset): array
{
    $rest = [[$from, $to]];
    if ($steps === [] || $db->version() < SUMS_SINCE || isChanging($db, $from, $to)) {
        return [[], $rest];
    }
    $sums = [];
    foreach ($steps as $step) {
        $left = [];
        foreach ($rest as [$begin, $end]) {
            $run = summedRun($db, $begin, $end, $kind, $step);
            if ($run === null || ($offset !== null && !isAtBar($run[0] + $offset, SUM_STEPS[$step][1]))) {
                $left[] = [$begin, $end];
                continue;
            }
            $sums[] = [$step, ...$run];
            array_push($left, ...array_filter([[$begin, $run[0]], [$run[1], $end]], static fn (array $part): bool => $part[0] < $part[1]));
        }
        $rest = $left;
    }
    return [$sums, $rest];
}

/**
 * Whether a bar begins then. Days may do so an hour before or after it, where clocks
 * change; in another zone than the daemon's they do not.
 */
function isAtBar(float $time, float $length): bool
{
    $behind = fmod($time, $length);
    return min($behind, $length - $behind) <= ($length > 60 ? 60 : 0);
}

/** Something within the time was written late, and its sums are still to be made. */
function isChanging(Db $db, float $from, float $to): bool
{
    $sql = 'SELECT 1 FROM traffic_summed WHERE kinds = 0 AND time < ? AND ends > ? LIMIT 1';
    return $db->value($sql, [digits(ceil($to)), digits(floor($from))]) !== null;
}

/**
 * Begin and end of what is added up between two times. Between sums that follow each
 * other there is nothing.
 *
 * @return ?array{float, float}
 */
function summedRun(Db $db, float $begin, float $end, int $kind, int $step): ?array
{
    [$table] = SUM_STEPS[$step];
    $within = 'step = ? AND time >= ? AND ends <= ?';
    $range = [$step, digits(ceil($begin)), digits(floor($end))];
    $lacking = $db->value("SELECT MAX(time) FROM traffic_summed WHERE $within AND (kinds & ?) = 0", [...$range, $kind]);
    // What the table has itself is not added up by both, and of hours not at all.
    $own = $kind === BY_BOTH || $step === 1 ? $db->value("SELECT MAX(time) FROM $table") : null;
    foreach ([$lacking, $own] as $last) {
        $begin = $last === null ? $begin : max($begin, (float) $last + 1);
    }
    $range[1] = digits(ceil($begin));
    $run = $db->all("SELECT MIN(time) AS begin, MAX(ends) AS end FROM traffic_summed WHERE $within", $range)[0];
    return $run['begin'] === null ? null : [(float) $run['begin'], (float) $run['end']];
}
