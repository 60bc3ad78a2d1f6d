<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** Everything by which a page can be narrowed down; a form that needs no script. */
function filterBar(Db $db, Filter $filter): string
{
    $labels = new Labels($db);
    // What the form's own fields do not say goes with it unseen.
    $fields = ['router', 'device', 'q', 'from', 'to', ...array_keys($filter->page->controls), 'p'];
    $hidden = '';
    foreach (array_diff_key($filter->state(), array_flip($fields)) as $name => $value) {
        $hidden .= '<input type="hidden" name="' . h($name) . '" value="' . h($value) . '">';
    }
    $isNarrowed = $filter->device !== null || array_intersect_key($filter->page->controls, $filter->state()) !== [];
    return '<form class="filters" method="get" action="./" role="search" aria-label="' . say('Filter') . "\">$hidden"
        . '<div class="when">' . spanLinks($filter) . customSpan($filter) . '</div><div class="fields">'
        . queryBox($filter)
        . '<button type="submit">' . say('Show') . '</button>'
        // On a phone the other fields are folded away, without script.
        . '<input type="checkbox" id="more" class="fold"' . ($isNarrowed ? ' checked' : '') . '>'
        . '<label for="more" class="button fold">' . say('Filter') . '</label>'
        . routers($db)
        . select('device', t('Device'), t('All devices'), $labels->menu($filter->device), $filter->device)
        . controls($filter, $labels)
        . '</div></form>' . queryMistake($filter) . chips($filter, $labels);
}

function spanLinks(Filter $filter): string
{
    $links = '';
    foreach (array_keys(Span::CHOICES) as $choice) {
        $url = $filter->url(['from' => null, 'to' => null, 'range' => $choice === Span::USUAL ? null : $choice]);
        $current = $choice === $filter->span->choice ? ' aria-current="true"' : '';
        $links .= '<a href="' . h($url) . "\"$current>" . h(spanText($choice)) . '</a>';
    }
    return '<div class="spans" role="group" aria-label="' . say('Time') . "\">$links</div>";
}

function spanText(string $choice): string
{
    return match ($choice) {
        '15m' => t('15 min'),
        '1h' => t('1 h'),
        '24h' => t('24 h'),
        '7d' => t('7 days'),
        '30d' => t('30 days'),
        '1y' => t('1 year'),
        default => t('All'),
    };
}

function customSpan(Filter $filter): string
{
    $isCustom = $filter->span->choice === 'custom';
    $field = static function (string $name, string $title, float $time) use ($isCustom): string {
        $value = $isCustom ? Clock::local()->format('Y-m-d\TH:i', $time / 1e6) : '';
        return '<label><span>' . h($title) . "</span><input type=\"datetime-local\" name=\"$name\" value=\"$value\"></label>";
    };
    return '<details class="custom"' . ($isCustom ? ' open' : '') . '><summary>' . say('From … to …') . '</summary><div class="fields">'
        . $field('from', t('From'), $filter->span->from) . $field('to', t('To'), $filter->span->to)
        . '<button type="submit">' . say('Show') . '</button></div></details>';
}

/** Which router's records are shown, where several write to one server. */
function routers(Db $db): string
{
    $names = array_map(
        static fn (array $router): string => $router['name'] . clockText($router['ahead']),
        $db->routers(),
    );
    $own = webInfo()['store']['database'] ?? '';
    $others = array_diff_key($names, [$own => '']);
    return $others === [] ? '' : select('router', t('Router'), $names[$own] ?? $own, $others, chosenRouter());
}

/** How far a router's clock is from the server's, in seconds, where a person could see that. */
function clockText(?float $ahead): string
{
    $seconds = abs($ahead ?? 0);
    if ($seconds < 2) {
        return '';
    }
    $text = ['seconds' => (string) round($seconds)];
    return ' · ' . ($ahead > 0 ? t('clock {seconds} s ahead', $text) : t('clock {seconds} s behind', $text));
}

/** The page's own fields. */
function controls(Filter $filter, Labels $labels): string
{
    $html = '';
    foreach ($filter->page->controls as $name => [$title, $options]) {
        $value = $filter->get($name);
        if ($options === null) {
            $html .= '<label class="short"><span>' . say($title) . "</span><input inputmode=\"numeric\" name=\"$name\""
                . ' size="6" maxlength="15" value="' . h($value ?? '') . '"></label>';
        } elseif ($options === true) {
            $html .= "<label class=\"check\"><input type=\"checkbox\" name=\"$name\" value=\"1\""
                . ($value === '1' ? ' checked' : '') . '><span>' . say($title) . '</span></label>';
        } else {
            $html .= select($name, t($title), t('All'), $options($labels), $value);
        }
    }
    return $html;
}

/** @param array<string, string> $options value => text */
function select(string $name, string $title, string $all, array $options, ?string $chosen): string
{
    if ($chosen !== null && !isset($options[$chosen])) {
        $options[$chosen] = $chosen;
    }
    $html = '<option value="">' . h($all) . '</option>';
    foreach ($options as $value => $text) {
        $mark = (string) $value === $chosen ? ' selected' : '';
        $html .= '<option value="' . h((string) $value) . "\"$mark>" . h((string) $text) . '</option>';
    }
    return '<label><span>' . h($title) . "</span><select name=\"$name\">$html</select></label>";
}

/** What was narrowed down by a link, with a way to take it back. */
function chips(Filter $filter, Labels $labels): string
{
    $html = '';
    foreach ($filter->page->chips as $name => $title) {
        $value = $filter->get($name);
        if ($value !== null) {
            $labels->load([['app' => $value]]);
            $text = $name === 'app' ? $labels->appText($value === NONE ? null : $value) : $value;
            $html .= anchor(
                $filter->url([$name => null]),
                say($title) . ': <b>' . h($text) . '</b><span aria-hidden="true"> ×</span><span class="unseen"> '
                    . say('take away') . '</span>',
                'chip',
            );
        }
    }
    return $html === '' ? '' : "<p class=\"chips\">$html</p>";
}

/** What the reader should know of what was asked for. */
function remarks(Filter $filter): string
{
    $html = '';
    if ($filter->span->isReplay) {
        $html .= notice(t('The newest record is from {time}; the time counts back from there.', [
            'time' => Clock::local()->format('Y-m-d H:i', $filter->span->newest / 1e6),
        ]));
    }
    $details = $filter->span->details;
    if ($details !== null && $filter->span->from < $details - 86400e6) {
        $html .= notice(t('Sessions, names and uses go back to {time}; volumes by device and app go further back.', [
            'time' => Clock::local()->format('Y-m-d H:i', $details / 1e6),
        ]));
    }
    if ($filter->ignored() !== []) {
        $html .= notice(t('Left out, because it makes no sense: {names}.', ['names' => implode(', ', $filter->ignored())]));
    }
    return $html;
}
