<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What is more or less than in the time before.

/** More than this many percent is told as so many times as much. */
const MOST_PERCENT = 900;

/** The filter of a page for the time before that of $filter; null where there is none to compare with. */
function filterBefore(Db $db, Filter $filter): ?Filter
{
    $before = $filter->span->before($db);
    return $before === null ? null : new Filter($filter->page, Request::get(), $before);
}

/**
 * What became of a number.
 *
 * @return array{string, float} new, gone, up, down or same, and by how many percent
 */
function change(float $before, float $now): array
{
    if ($before <= 0 || $now <= 0) {
        return [$before > 0 ? 'gone' : ($now > 0 ? 'new' : 'same'), 0.0];
    }
    $percent = ($now - $before) / $before * 100;
    return match (true) {
        // What would be shown as 0 % is no change.
        abs($percent) < 0.5 => ['same', 0.0],
        $percent > 0 => ['up', $percent],
        default => ['down', -$percent],
    };
}

/** The same as a mark, with words for who does not see it; nothing where there is nothing to compare with. */
function changeMark(?float $before, float $now): string
{
    if ($before === null) {
        return '';
    }
    [$kind, $percent] = change($before, $now);
    if ($kind === 'new' || $kind === 'gone') {
        return '<span class="change ' . $kind . '">' . ($kind === 'new' ? say('new') : say('gone')) . '</span>';
    }
    $text = $percent > MOST_PERCENT
        ? t('× {n}', ['n' => grouped($now / $before)])
        // 99.9 % less is not all of it.
        : t('{n} %', ['n' => digits($kind === 'down' ? min(99, round($percent)) : round($percent))]);
    [$sign, $words] = match ($kind) {
        'up' => ['▲', t('more than before: {change}', ['change' => $text])],
        'down' => ['▼', t('less than before: {change}', ['change' => $text])],
        default => ['=', t('as much as before')],
    };
    return "<span class=\"change $kind\"><span aria-hidden=\"true\">$sign" . ($kind === 'same' ? '' : ' ' . h($text))
        . '</span><span class="unseen"> ' . h($words) . '</span></span>';
}

/**
 * The largest of sums, each with what it was before, and the largest of those
 * that are gone.
 *
 * @param array<string, float> $now name => sum; "" for what has no name
 * @param ?array<string, float> $before null where there is nothing to compare with
 * @return array{list<array<string, float|string|null>>, list<array<string, float|string|null>>}
 */
function topOf(array $now, ?array $before, string $key, int $most): array
{
    $row = static fn (string $name, float $bytes, ?float $was): array =>
        [$key => $name === '' ? null : $name, 'bytes' => $bytes, 'before' => $was];
    $top = [];
    foreach (largest($now, $most) as $name => $bytes) {
        $top[] = $row((string) $name, $bytes, $before === null ? null : $before[$name] ?? 0.0);
    }
    $gone = [];
    foreach (largest(array_diff_key($before ?? [], $now), GONE_SHOWN) as $name => $was) {
        $gone[] = $row((string) $name, 0.0, $was);
    }
    return [$top, $gone];
}

/** Names in a list of what is gone. */
const GONE_SHOWN = 3;

/**
 * @param array<string, float> $sums
 * @return array<string, float> the largest; equals by their names, so that all databases say the same
 */
function largest(array $sums, int $most): array
{
    // What carried nothing is no use of anything.
    $sums = array_filter($sums, static fn (float $sum): bool => $sum > 0);
    uksort($sums, static fn (int|string $a, int|string $b): int =>
        [$sums[$b], (string) $a] <=> [$sums[$a], (string) $b]);
    return array_slice($sums, 0, $most, true);
}
