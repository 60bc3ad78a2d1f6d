<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Which columns of a list its reader wants to see: by the address, which is
// remembered for the page, or by what is remembered.

/** Instead of names: the usual ones again. */
const USUAL_COLUMNS = '-';

/**
 * The columns that the address asks for, each once or in one list with commas; null if it does not.
 *
 * @return ?list<string>
 */
function askedColumns(Request $request, string $query): ?array
{
    $text = $request->text('cols');
    if ($text === null) {
        return null;
    }
    // A form's boxes have one name, of which PHP keeps the last value only.
    preg_match_all('/(?:^|&)cols=([^&]{1,1000})/', $query, $found);
    $names = explode(',', rawurldecode(implode(',', $found[1])));
    if (preg_grep('/^[a-z0-9_]{1,32}$|^-$/D', $names, PREG_GREP_INVERT) !== []) {
        $request->ignore('cols');
        return null;
    }
    return array_values(array_unique($names));
}

/**
 * The columns that are shown, in their order.
 *
 * @param list<string> $usual
 * @return list<string>
 */
function shownColumns(Filter $filter, array $usual): array
{
    $cookie = 'cols-' . $filter->page->id;
    $asked = $filter->columns;
    if ($asked !== null) {
        $isUsual = in_array(USUAL_COLUMNS, $asked, true);
        $text = $isUsual ? '' : implode(',', $asked);
        setcookie($cookie, $text, ['expires' => $isUsual ? 1 : time() + REMEMBER_SECS, 'samesite' => 'Lax']);
    } else {
        $remembered = $_COOKIE[$cookie] ?? '';
        $asked = is_string($remembered) ? explode(',', $remembered) : [];
    }
    $known = array_keys($filter->page->columns);
    // First those that the page has by itself, in its order.
    $shown = array_values(array_intersect([...$usual, ...array_diff($known, $usual)], $asked));
    return $shown === [] ? $usual : $shown;
}

/**
 * How the columns that were chosen are shown.
 *
 * @param array<string, ?callable> $cells those of the page, see table()
 * @param string $main the one that names a row, which is always there
 * @return array<string, ?callable>
 */
function chosenCells(Filter $filter, array $cells, string $main): array
{
    $chosen = [];
    $shown = shownColumns($filter, array_keys($cells));
    foreach (in_array($main, $shown, true) ? $shown : [$main, ...$shown] as $name) {
        $chosen[$name] = $cells[$name] ?? null;
    }
    return $chosen;
}

/**
 * The form to choose by.
 *
 * @param list<string> $shown
 */
function columnsForm(Filter $filter, array $shown): string
{
    $html = '';
    foreach ($filter->page->columns as $name => $column) {
        $checked = in_array($name, $shown, true) ? ' checked' : '';
        $html .= "<label class=\"check\"><input type=\"checkbox\" name=\"cols\" value=\"$name\"$checked><span>"
            . say($column->title) . '</span></label>';
    }
    $hidden = '';
    foreach (array_diff_key($filter->state(), Place::none(), ['cols' => 1]) as $name => $value) {
        $hidden .= '<input type="hidden" name="' . h($name) . '" value="' . h($value) . '">';
    }
    return '<details class="choose"><summary>' . say('Columns') . "</summary><form method=\"get\" action=\"./\">$hidden<div>$html</div>"
        . '<button type="submit">' . say('Show') . '</button> '
        . anchor($filter->url(['cols' => USUAL_COLUMNS]), say('The usual ones')) . '</form></details>';
}

/** What stands above a list: the choice of columns, and a button that the script makes work. */
function listTools(Listing $all, Filter $filter, array $shown): string
{
    $isNewestFirst = $filter->sort === $filter->page->sort && array_diff_key($filter->place->state(), ['p' => 1]) === [];
    $follow = !$isNewestFirst ? '' : '<button type="button" class="follow" hidden data-on="' . say('Following')
        . '" data-paused="' . say('Following, paused while you read') . '">' . say('Follow') . '</button>';
    return '<div class="list-tools">' . $follow . columnsForm($filter, $shown) . '</div>';
}
