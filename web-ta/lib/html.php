<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Pieces of HTML. What these functions return is HTML; what they are given as
// $html is HTML already, all else is text that they escape.

/**
 * Text as HTML. Names come from strangers: characters that turn the direction
 * of writing or that nobody sees are spelled out.
 */
function h(string $text): string
{
    $html = htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
    if (preg_match('/[\p{Cc}\p{Cf}]/u', $html) !== 1) {
        return $html;
    }
    return preg_replace_callback(
        '/[\p{Cc}\p{Cf}]/u',
        // JSON has a name for all of them but one.
        static fn (array $found) => $found[0] === "\x7f" ? '\u007f' : trim(json_encode($found[0]), '"'),
        $html,
    );
}

/** t() as HTML. @param array<string, string> $with text, not HTML */
function say(string $text, array $with = []): string
{
    return h(t($text, $with));
}

function anchor(string $url, string $html, string $class = ''): string
{
    return '<a href="' . h($url) . '"' . ($class === '' ? '' : " class=\"$class\"") . ">$html</a>";
}

function notice(string $text): string
{
    return '<p class="notice">' . h($text) . '</p>';
}

function troubleCard(Trouble $trouble): string
{
    $hint = $trouble->hint === '' ? '' : '<p class="hint">' . h($trouble->hint) . '</p>';
    return '<section class="card trouble"><h2>' . h($trouble->getMessage()) . "</h2>$hint<p>"
        . anchor('./', say('To the overview'), 'button') . '</p></section>';
}

function timeTag(float $micros): string
{
    return '<time datetime="' . h(isoMoment($micros)) . '" title="' . h(fullMoment($micros)) . '">'
        . h(moment($micros)) . '</time>';
}

function badge(string $text, string $class): string
{
    return "<span class=\"badge $class\">" . h($text) . '</span>';
}

/** A square with the first letter of $name, in a colour by $key, to find it again. */
function mark(string $key, string $name): string
{
    $letter = preg_match('/[\p{L}\p{N}]/u', $name, $found) === 1 ? $found[0] : '?';
    $colour = hexdec(md5($key)[0]) % 8;
    return "<span class=\"mark c$colour\" aria-hidden=\"true\">" . h(strtoupper($letter)) . '</span>';
}

/** How much of the whole, as a bar. The number stands beside it. */
function shareBar(float $part, float $whole): string
{
    $width = $whole > 0 ? number_format(min(100, $part / $whole * 100), 2, '.', '') : '0';
    return '<svg class="share" width="100%" height="6" aria-hidden="true">'
        . "<rect class=\"track\" width=\"100%\" height=\"6\" rx=\"3\"/>"
        . "<rect class=\"fill\" width=\"$width%\" height=\"6\" rx=\"3\"/></svg>";
}

/**
 * Parts of a whole side by side in one bar, with a legend.
 *
 * @param list<array{string, string, float}> $parts class, name as HTML, and size
 */
function stackedBar(array $parts): string
{
    $whole = array_sum(array_column($parts, 2));
    [$bar, $legend, $x] = ['', '', 0.0];
    foreach ($parts as [$class, $name, $size]) {
        $width = $whole > 0 ? $size / $whole * 100 : 0.0;
        $bar .= sprintf('<rect class="%s" x="%.2F%%" width="%.2F%%" height="10"/>', $class, $x, $width);
        $legend .= "<li class=\"$class\">$name <b>" . h(grouped($size)) . '</b></li>';
        $x += $width;
    }
    return '<svg class="stacked" width="100%" height="10" aria-hidden="true">' . $bar . "</svg><ul class=\"key\">$legend</ul>";
}

/** A number with what it is. */
function tile(string $title, string $html, string $below = '', string $class = ''): string
{
    return "<div class=\"tile $class\"><dt>" . h($title) . "</dt><dd><strong>$html</strong>"
        . ($below === '' ? '' : "<small>$below</small>") . '</dd></div>';
}

/**
 * Pairs of what and its value as HTML.
 *
 * @param array<string, ?string> $pairs title => HTML; null is left out
 */
function pairs(array $pairs): string
{
    $html = '';
    foreach (array_filter($pairs, is_string(...)) as $title => $value) {
        $html .= '<div><dt>' . h($title) . "</dt><dd>$value</dd></div>";
    }
    return "<dl class=\"pairs\">$html</dl>";
}

/** The name of a card's title, for links to it. */
function cardId(string $title): string
{
    return 'card-' . substr(md5($title), 0, 6);
}

/** @param string $more HTML at the right of the title */
function card(string $title, string $html, string $more = '', string $class = ''): string
{
    $id = cardId($title);
    return "<section class=\"card $class\" aria-labelledby=\"$id\"><header><h2 id=\"$id\">" . h($title)
        . "</h2>$more</header>$html</section>";
}

/**
 * Names with a share each, the largest first.
 *
 * @param list<array{string, string, float}> $items the name and the number as HTML, and its size
 */
function ranking(array $items, float $whole): string
{
    if ($items === []) {
        return '<p class="none">' . say('Nothing was found in this time.') . '</p>';
    }
    $html = '';
    foreach ($items as [$name, $number, $size]) {
        $html .= "<li><div class=\"row\"><span class=\"name\">$name</span><span class=\"num\">$number</span></div>"
            . shareBar($size, $whole) . '</li>';
    }
    return "<ol class=\"ranking\">$html</ol>";
}

/**
 * Rows as a table that becomes cards on a narrow screen.
 *
 * @param array<string, Column> $columns
 * @param list<array<string, float|string|null>> $rows
 * @param array<string, ?callable(array<string, float|string|null>): string> $cells which columns
 *     are shown, and how: a function that gives HTML, or null for the usual way
 * @param string $main the column that names the row; it heads the card
 * @param ?Filter $filter to sort by; null for a table that is not sorted by its reader
 * @param ?Listing $list whose rows they are, where its reader chooses columns and looks at single rows
 */
function table(
    array $columns,
    array $rows,
    array $cells,
    string $main,
    string $caption,
    ?Filter $filter = null,
    ?Listing $list = null,
): string {
    if ($rows === []) {
        return '<p class="card none">' . say('Nothing was found in this time.') . '</p>';
    }
    $cells = $list === null ? $cells : chosenCells($filter, $cells, $main);
    $tools = $list === null ? '' : listTools($list, $filter, array_keys($cells));
    $first = array_key_first($cells);
    $heads = '';
    $titles = [];
    foreach ($cells as $name => $cell) {
        $titles[$name] = say($columns[$name]->title);
        $heads .= heading($name, $columns[$name], $filter);
    }
    $body = '';
    foreach ($rows as $row) {
        $body .= $list === null ? '<tr>' : '<tr data-key="' . h($list->cursorOf($row)) . '">';
        foreach ($cells as $name => $cell) {
            $html = $cell === null ? usualCell($columns[$name]->kind, $row[$name]) : $cell($row);
            $html = picked($filter, $name, $row[$name], $html);
            $html .= $list !== null && $name === $first ? rowLink($list, $row, $filter) : '';
            $class = $columns[$name]->kind->isNumber() ? 'num' : 'text';
            $class .= ($name === $main ? ' main' : '') . ($html === DASH ? ' void' : '');
            $body .= "<td class=\"$class col-$name\" data-label=\"$titles[$name]\"><div>$html</div></td>";
        }
        $body .= "</tr>\n";
    }
    return $tools . '<div class="table"><table><caption>' . h($caption) . "</caption><thead><tr>$heads</tr></thead>"
        . "<tbody>$body</tbody></table></div>";
}

function usualCell(Kind $kind, float|string|null $value): string
{
    return $kind === Kind::Time && $value !== null ? timeTag($value) : h(shown($kind, $value));
}

function heading(string $name, Column $column, ?Filter $filter): string
{
    $class = $column->kind->isNumber() ? 'num' : 'text';
    $title = say($column->title);
    if ($filter === null || !$column->sortable) {
        return "<th scope=\"col\" class=\"$class\">$title</th>";
    }
    $sorted = match ($filter->sort) {
        $name => 'ascending',
        "-$name" => 'descending',
        default => 'none',
    };
    // Of numbers and times the largest are asked for first, of names the first.
    $next = match ($sorted) {
        'ascending' => "-$name",
        'descending' => $name,
        default => $column->kind->isText() ? $name : "-$name",
    };
    return "<th scope=\"col\" class=\"$class\" aria-sort=\"$sorted\">"
        . anchor($filter->url(['sort' => $next]), "$title<span class=\"arrow\" aria-hidden=\"true\"></span>") . '</th>';
}

/**
 * Which rows these are, and the way to the others.
 *
 * @param list<array<string, float|string|null>> $rows as of Rows::page(); leaves those that are shown
 */
function pager(Rows $all, array &$rows, Filter $filter): string
{
    if ($all instanceof Listing) {
        return listingPager($all, $rows, $filter);
    }
    $isMore = count($rows) > Filter::PAGE_ROWS;
    $rows = array_slice($rows, 0, Filter::PAGE_ROWS);
    $number = $filter->number;
    $step = static fn (int $to): array => ['p' => $to === 1 ? null : (string) $to];
    $before = ($number - 1) * Filter::PAGE_ROWS;
    return pagerSteps($all, count($rows), $before, $number > 1 ? $step($number - 1) : null, $isMore ? $step($number + 1) : null, $filter);
}

/**
 * @param ?array<string, ?string> $back parameters of the page before; null where there is none
 * @param ?array<string, ?string> $next
 */
function pagerSteps(Rows $all, int $shown, int $before, ?array $back, ?array $next, Filter $filter): string
{
    if ($shown === 0 && $back === null) {
        return '';
    }
    $count = $next === null && $shown > 0 ? $before + $shown : $all->count();
    $total = $count > Rows::COUNTED ? t('more than {n}', ['n' => grouped(Rows::COUNTED)]) : grouped($count);
    $where = $shown === 0 ? $total : t('{first}–{last} of {total}', [
        'first' => grouped($before + 1),
        'last' => grouped($before + $shown),
        'total' => $total,
    ]);
    $step = static fn (?array $to, string $text): string => $to !== null
        ? anchor($filter->url($to), h($text), 'button')
        : '<span class="button off" aria-hidden="true">' . h($text) . '</span>';
    return '<nav class="pager" aria-label="' . say('Pages of rows') . '">' . $step($back, '‹ ' . t('Back'))
        . '<span>' . h($where) . '</span>' . $step($next, t('Next') . ' ›') . '</nav>';
}
