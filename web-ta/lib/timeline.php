<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Drawings from the server: hours of a week, uses from begin to end, and shares over time.

/** Shades of the hours of a week, from the least. */
const SHADES = 5;

/** Uses that a time line is drawn of: more are a black bar. */
const USES_DRAWN = 1000;

/** Names in a drawing of shares; what is left is one more. */
const SHARES = 7;

/** Days of the week, from Monday. @return list<string> */
function weekdays(): array
{
    return [t('Mon'), t('Tue'), t('Wed'), t('Thu'), t('Fri'), t('Sat'), t('Sun')];
}

/**
 * The hours of a week as a field of 7 × 24, with a table for who does not see it.
 *
 * @param list<float> $cells bytes, from Monday 0:00
 */
function weekMap(array $cells): string
{
    $most = max(1.0, ...$cells);
    $svg = '';
    foreach (weekdays() as $day => $name) {
        $svg .= '<text x="0" y="' . ($day * 22 + 15) . '">' . h($name) . '</text><svg x="38" y="' . ($day * 22)
            . '" width="100%" height="20" class="hours">';
        for ($hour = 0; $hour < 24; $hour++) {
            $bytes = $cells[$day * 24 + $hour];
            $svg .= sprintf(
                '<rect class="s%d" x="%.3F%%" width="3.7%%" height="20" rx="2"><title>%s %02d:00 · %s</title></rect>',
                shade($bytes, $most), $hour / 24 * 100, h($name), $hour, h(bytes($bytes)),
            );
        }
        $svg .= '</svg>';
    }
    $times = '';
    foreach ([0, 6, 12, 18] as $hour) {
        $times .= sprintf('<text x="%.3F%%" y="12">%02d:00</text>', $hour / 24 * 100, $hour);
    }
    $svg .= "<svg x=\"38\" y=\"154\" width=\"100%\" height=\"16\">$times</svg>";
    return '<div class="week"><svg width="100%" height="172" aria-hidden="true">' . $svg . '</svg></div>' . weekTable($cells);
}

/** Large volumes are far from small ones: the root brings them nearer. */
function shade(float $bytes, float $most): int
{
    return $bytes <= 0 ? 0 : max(1, (int) ceil(sqrt($bytes / $most) * SHADES));
}

/** @param list<float> $cells */
function weekTable(array $cells): string
{
    $heads = '<th scope="col" class="text">' . say('Hour') . '</th>';
    foreach (weekdays() as $name) {
        $heads .= '<th scope="col" class="num">' . h($name) . '</th>';
    }
    $body = '';
    for ($hour = 0; $hour < 24; $hour++) {
        $title = sprintf('%02d:00', $hour);
        $body .= "<tr><td class=\"text main\">$title</td>";
        foreach (weekdays() as $day => $name) {
            $bytes = $cells[$day * 24 + $hour];
            $body .= '<td class="num" data-label="' . h($name) . '"><div>' . h($bytes > 0 ? bytes($bytes) : DASH) . '</div></td>';
        }
        $body .= '</tr>';
    }
    return '<details><summary>' . say('As a table') . '</summary><div class="table hours-table"><table><caption>'
        . say('Volume by hour and day of the week') . "</caption><thead><tr>$heads</tr></thead><tbody>$body</tbody></table></div></details>";
}

/**
 * Uses from begin to end, a line for each name.
 *
 * @param list<array<string, float|string|null>> $uses with start, last and active_seconds
 * @param string $key their column of the name
 * @param callable(string): string $name a name as HTML
 */
function useLines(array $uses, string $key, Span $span, callable $name, int $most): string
{
    [$lines, $active, $counts] = [[], [], []];
    $length = max(1.0, $span->to - $span->from);
    foreach ($uses as $use) {
        $line = (string) $use[$key];
        $from = max($span->from, $use['start']);
        $to = min($span->to, max($use['last'], $use['start'] + 1e6));
        if ($to <= $from) {
            continue;
        }
        $active[$line] = ($active[$line] ?? 0.0) + $use['active_seconds'];
        $counts[$line] = ($counts[$line] ?? 0) + 1;
        $lines[$line] = ($lines[$line] ?? '') . sprintf(
            '<rect x="%.3F%%" width="%.3F%%" height="14" rx="2"><title>%s – %s</title></rect>',
            ($from - $span->from) / $length * 100, max(0.15, ($to - $from) / $length * 100), h(moment($use['start'])), h(moment($use['last'])),
        );
    }
    if ($lines === []) {
        return '<p class="none">' . say('Nothing was found in this time.') . '</p>';
    }
    $html = '';
    // The most used first. A use may have begun before the time: how long it was is no number of this time.
    foreach (array_keys(largest($active, $most)) as $line) {
        $times = $counts[$line] === 1 ? t('once') : t('{n} times', ['n' => grouped($counts[$line])]);
        $html .= '<li><div class="row"><span class="name">' . $name((string) $line) . '</span><span class="num">'
            . h($times) . '</span></div>'
            . "<svg class=\"uses\" width=\"100%\" height=\"14\" aria-hidden=\"true\"><rect class=\"track\" width=\"100%\" height=\"14\" rx=\"3\"/>$lines[$line]</svg></li>";
    }
    return "<ol class=\"ranking lines\">$html</ol>" . timeAxis($span);
}

/** Times below lines that are as wide as all there is. */
function timeAxis(Span $span): string
{
    $days = ($span->to - $span->from) / 86400e6;
    $format = $days > 3 ? 'm-d' : ($days > 1.5 ? 'm-d H:i' : 'H:i');
    $svg = '';
    foreach ([0, 0.25, 0.5, 0.75] as $place) {
        $time = $span->from + ($span->to - $span->from) * $place;
        $svg .= '<text x="' . $place * 100 . '%" y="14">' . h(Clock::local()->format($format, $time / 1e6)) . '</text>';
    }
    return "<svg class=\"chart axis\" width=\"100%\" height=\"18\" aria-hidden=\"true\">$svg</svg>";
}

/** Bars of shares: more of them would be too thin for so many colours. */
const SHARE_BARS = 60;

/** Seconds of such a bar: a few of the chart's. */
function shareStep(Span $span): float
{
    $bars = ($span->to - barStart($span)) / 1e6 / $span->step();
    return $span->step() * max(1.0, ceil($bars / SHARE_BARS));
}

/**
 * Volumes by bar and name, for shares(): the largest names, and the rest as one.
 *
 * @param string $key "device" or "app"
 * @param ?callable(string): string $group what a name is counted as; null for itself
 * @return array{names: list<string>, totals: list<float>, used: list<float>, bars: array<string, list<float>>}
 *     bytes and seconds in use of each name, bars by their begin; the last of each is the rest
 */
function sharesOf(Db $db, Filter $filter, string $key, ?callable $group = null): array
{
    [$volumes, $params] = volumes($db, $filter, ['bar', $key], ['bytes_in', 'bytes_out', 'active_seconds'], shareStep($filter->span));
    $sql = "SELECT bar, $key AS name, SUM(bytes_in + bytes_out) AS bytes, SUM(active_seconds) AS used FROM $volumes GROUP BY bar, $key";
    [$sums, $used, $bars] = [[], [], []];
    foreach ($db->each($sql, $params) as $row) {
        $name = $group === null ? (string) $row['name'] : $group((string) $row['name']);
        $sums[$name] = ($sums[$name] ?? 0.0) + (float) $row['bytes'];
        $used[$name] = ($used[$name] ?? 0.0) + (float) $row['used'];
        $bar = digits((float) $row['bar']);
        $bars[$bar][$name] = ($bars[$bar][$name] ?? 0.0) + (float) $row['bytes'];
    }
    $names = array_map(strval(...), array_keys(largest($sums, SHARES)));
    ksort($bars, SORT_NUMERIC);
    $split = static function (array $of) use ($names): array {
        $parts = array_map(static fn (string $name): float => $of[$name] ?? 0.0, $names);
        return [...$parts, max(0.0, array_sum($of) - array_sum($parts))];
    };
    return ['names' => $names, 'totals' => $split($sums), 'used' => $split($used), 'bars' => array_map($split, $bars)];
}

/**
 * Shares over time as columns.
 *
 * @param array{names: list<string>, totals: list<float>, bars: array<string, list<float>>} $shares as of sharesOf()
 * @param callable(string): string $title a name as HTML, for the legend
 */
function shares(array $shares, Filter $filter, callable $title): string
{
    if ($shares['bars'] === []) {
        return '<p class="none">' . say('Nothing was found in this time.') . '</p>';
    }
    $span = $filter->span;
    $step = shareStep($span);
    $start = barStart($span, $step);
    $step *= 1e6;
    $count = max(1, (int) ceil(($span->to - $start) / $step));
    $most = max(1.0, ...array_map(array_sum(...), array_values($shares['bars'])));
    $svg = '';
    foreach ($shares['bars'] as $begin => $parts) {
        $bar = max(0, (int) floor(((float) $begin - $start) / $step));
        $y = 1000.0;
        foreach ($parts as $n => $bytes) {
            $height = $bytes / $most * 1000;
            $y -= $height;
            if ($bytes > 0 && $bar < $count) {
                $svg .= sprintf('<rect class="p%d" x="%.2F" y="%.1F" width="0.86" height="%.1F"/>', partClass($n, $parts), $bar + 0.07, $y, $height);
            }
        }
    }
    $legend = '';
    foreach ($shares['totals'] as $n => $bytes) {
        if ($bytes > 0) {
            $name = $n < count($shares['names']) ? $title($shares['names'][$n]) : say('Others');
            $legend .= '<li class="p' . partClass($n, $shares['totals']) . "\">$name <b>" . h(bytes($bytes)) . '</b></li>';
        }
    }
    return '<svg class="chart shares" width="100%" height="160" aria-hidden="true" viewBox="0 0 ' . $count
        . ' 1000" preserveAspectRatio="none">' . $svg . '</svg>' . timeAxis($span) . "<ul class=\"key\">$legend</ul>";
}

/** The colour of a part; what is left has its own. @param list<float> $parts */
function partClass(int $part, array $parts): int
{
    return $part === count($parts) - 1 ? SHARES : $part;
}
