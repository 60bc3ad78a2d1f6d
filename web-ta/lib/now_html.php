<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The first look at the overview: what goes on now, what is wrong, what is new.

/** Minutes of the small drawing that needs no script. */
const SPARK_MINUTES = 60;

/**
 * What passes now. static/live.js puts the latest second where data-live is,
 * if a daemon runs that knows it.
 *
 * @param array<string, mixed> $parts with those of summaryNow(), summaryMinutes() and summaryBusy()
 */
function nowCard(array $parts, Filter $filter, Labels $labels): string
{
    $now = $parts['now'];
    $number = static fn (string $way, string $title): string => "<div class=\"$way\"><dt>" . h($title)
        . "</dt><dd data-live=\"$way\">" . h(bitrate($now["bytes_$way"], 60)) . '</dd></div>';
    $url = $filter->url(['format' => null], 'live.php');
    $html = '<dl class="speeds">' . $number('in', t('Receiving')) . $number('out', t('Sending')) . '</dl>'
        . '<figure class="spark">' . spark($parts['minutes'], $now['minute'])
        . '<figcaption data-live="caption">' . say('in the last hour, by minutes') . '</figcaption></figure>'
        . '<p class="unseen" role="status" data-live="words"></p>'
        . '<p class="busy">' . busyLine($parts['busy'], $filter, $labels) . '</p>';
    $texts = jsonAttribute(['caption' => t('in the last {n} minutes'), 'words' => t('Receiving {in}, sending {out}'),
        'each' => t('in the last {n} s'), 'now' => t('now')]);
    return '<section class="card now" aria-labelledby="card-now" data-module="' . asset('live.js') . "\" data-from=\"live.php\""
        . ($filter->device === null && $filter->text === null && chosenRouter() === null ? '' : ' data-is-part="1"')
        . " data-texts=\"$texts\"><header><h2 id=\"card-now\">" . say('Now') . '</h2><span class="asof" data-live="when">'
        . nowText($now) . '</span></header>' . $html . '</section>';
}

/** A value as JSON in an attribute. @param array<string, mixed> $value */
function jsonAttribute(array $value): string
{
    return h(json_encode($value, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE));
}

/**
 * Minutes as two lines, received and sent.
 *
 * @param list<array<string, float|string|null>> $minutes
 */
function spark(array $minutes, float $last): string
{
    $most = max([1.0, ...array_column($minutes, 'bytes_in'), ...array_column($minutes, 'bytes_out')]);
    $paths = '';
    foreach (['in', 'out'] as $way) {
        $heights = array_fill(0, SPARK_MINUTES, 0.0);
        foreach ($minutes as $row) {
            $place = SPARK_MINUTES - 1 - (int) round(($last - $row['time']) / 60e6);
            if (isset($heights[$place])) {
                $heights[$place] = $row["bytes_$way"];
            }
        }
        $points = [];
        foreach ($heights as $place => $bytes) {
            $points[] = $place . ',' . number_format(100 - $bytes / $most * 100, 1, '.', '');
        }
        $paths .= "<path class=\"$way\" data-live=\"line-$way\" d=\"M" . implode('L', $points) . '"/>';
    }
    return '<svg width="100%" height="64" viewBox="0 0 ' . (SPARK_MINUTES - 1)
        . ' 100" preserveAspectRatio="none" aria-hidden="true">' . $paths . '</svg>';
}

/** Who uses the line, and for what. @param array{devices: list<mixed>, apps: list<mixed>} $busy */
function busyLine(array $busy, Filter $filter, Labels $labels): string
{
    if ($busy['devices'] === []) {
        return say('Nobody uses the line.');
    }
    $devices = array_map(static fn (array $row): string =>
        deviceLink($row['device'], $filter, $labels), $busy['devices']);
    $apps = array_map(static fn (array $row): string => anchor(
        $filter->to('app', ['app' => $row['app'] ?? NONE]),
        h($labels->appText($row['app'])),
    ), $busy['apps']);
    return '<span>' . say('Most of it by') . ' ' . implode(', ', $devices) . '</span><span>'
        . say('for') . ' ' . implode(', ', $apps) . '</span>';
}

/** A device by its name alone, as a link to its page. */
function deviceLink(string $device, Filter $filter, Labels $labels): string
{
    $text = h($labels->deviceText($device));
    // What is left over of too many has no page.
    return $device === '' ? $text : anchor($filter->to('device', ['device' => $device]), $text, 'device');
}

/**
 * What somebody should look at.
 *
 * @param array<string, mixed> $parts
 */
function openCard(array $parts, Filter $filter, Labels $labels): string
{
    $html = '';
    foreach ($parts['open_alerts'] as $row) {
        $severity = (int) $row['severity'];
        $html .= '<li>' . badge(alertSeverities()[$severity] ?? (string) $severity, [1 => 'bad', 2 => 'warn'][$severity] ?? 'plain')
            . ' <b>' . h(alertKinds()[$row['kind']] ?? $row['kind']) . '</b> '
            . ($row['device'] === null ? '' : deviceLink($row['device'], $filter, $labels) . ' ')
            . timeTag($row['time']) . '<small>' . h($row['text']) . '</small></li>';
    }
    $lost = array_sum(array_column($parts['health'], 'lost'));
    if ($lost > 0) {
        $html .= '<li>' . badge(t('Something was lost'), 'warn') . ' ' . anchor('#' . cardId(t('Losses')), say('which stage')) . '</li>';
    }
    if ($parts['flash']['held']) {
        $html .= '<li>' . badge(t('Writing is put off'), 'warn') . '</li>';
    }
    $all = $filter->to('alerts', ['range' => '24h', 'from' => null, 'to' => null]);
    return card(
        t('Is anything wrong?'),
        $html === '' ? '<p class="none">' . say('Nothing that is known.') . '</p>' : "<ul class=\"news\">$html</ul>",
        anchor($all, say('{n} in a day', ['n' => grouped($parts['alerts'])]) . ' ›', 'more'),
    );
}

/** @param array<string, mixed> $parts with those of summaryNew() */
function newCard(array $parts, Filter $filter, Labels $labels): string
{
    $html = '';
    foreach ($parts['new_devices'] as $row) {
        $html .= '<li>' . deviceLink($row['device'], $filter, $labels) . ' ' . timeTag($row['first'])
            . ($row['vendor'] === null ? '' : '<small>' . h($row['vendor']) . '</small>') . '</li>';
    }
    $more = $parts['new_device_count'] - count($parts['new_devices']);
    $html .= $more > 0 ? '<li>' . anchor($filter->to('devices', ['sort' => '-first']), say('{n} more', ['n' => grouped($more)])) . '</li>' : '';
    return card(
        t('New devices'),
        $html === '' ? '<p class="none">' . say('None in this time.') . '</p>' : "<ul class=\"news\">$html</ul>",
        allOf($filter, 'devices'),
    );
}

/**
 * The largest with their change, and what is gone.
 *
 * @param list<array<string, float|string|null>> $rows as of topOf()
 * @param list<array<string, float|string|null>> $gone
 * @param callable(array<string, float|string|null>): string $name as HTML
 */
function changes(array $rows, array $gone, float $whole, callable $name): string
{
    $items = array_map(static fn (array $row): array => [
        $name($row),
        changeMark($row['before'], $row['bytes']) . h(bytes($row['bytes'])) . ' <small>' . h(percent($row['bytes'], $whole)) . '</small>',
        $row['bytes'],
    ], $rows);
    $list = array_map(static fn (array $row): string => $name($row) . ' <small>' . h(bytes($row['before'])) . '</small>', $gone);
    return ranking($items, $whole)
        . ($list === [] ? '' : '<p class="gone"><span class="change gone">' . say('gone') . '</span> ' . implode(', ', $list) . '</p>');
}

/** A country by its code; the script puts its name there. */
function country(string $code): string
{
    return '<span data-country="' . h($code) . '">' . h($code) . '</span>';
}
