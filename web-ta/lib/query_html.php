<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The box that queries are typed into, and links that write into it.

/** The box; static/query.js suggests in it what its data say. */
function queryBox(Filter $filter): string
{
    $fields = array_map(
        static fn (array $field): array => [$field['names'][0], queryExample($field['kind'])],
        Query::fields($filter->page->id),
    );
    array_push($fields, ['since', '2d'], ['until', Clock::local()->format('Y-m-d', Clock::local()->now())]);
    $wrong = $filter->mistake === null ? '' : ' aria-invalid="true" aria-describedby="mistake"';
    return '<label class="search"><span>' . say('Search') . '</span><input type="search" name="q" id="query" maxlength="'
        . Query::known()['longest'] . '" value="' . h($filter->asked) . '" placeholder="' . say('Name, address, app …')
        . '" autocomplete="off" autocapitalize="off" spellcheck="false" data-fields="'
        . h(json_encode($fields, JSON_UNESCAPED_UNICODE)) . "\"$wrong></label>";
}

/** What stands behind a field of this kind. */
function queryExample(string $kind): string
{
    return match ($kind) {
        'number' => '443',
        'size' => '>10M',
        'duration' => '>5min',
        'address' => '192.0.2.0/24',
        default => '…',
    };
}

/** What is wrong with the query, with the place. */
function queryMistake(Filter $filter): string
{
    if ($filter->mistake === null) {
        return '';
    }
    $chars = preg_split('//u', $filter->asked, -1, PREG_SPLIT_NO_EMPTY) ?: [];
    $part = static fn (int $from, ?int $length = null): string => h(implode('', array_slice($chars, $from, $length)));
    [$begin, $length] = [$filter->mistake->column - 1, $filter->mistake->length];
    $marked = $chars === [] ? '' : '<code>' . $part(0, $begin) . '<mark>' . $part($begin, $length) . '</mark>'
        . $part($begin + $length) . '</code>';
    return "<p class=\"mistake\" id=\"mistake\" role=\"alert\">$marked" . h($filter->mistake->getMessage()) . '</p>';
}

/**
 * The name of the field that a column is compared by; null where there is none, or
 * where nobody looks for the same value again.
 */
function queryFieldOf(string $page, string $column): ?string
{
    foreach (Query::fields($page) as $field) {
        if ($field['columns'][0] === $column && !in_array($field['kind'], ['class', 'size', 'duration'], true)) {
            return $field['names'][0];
        }
    }
    return null;
}

/** A value that a click adds to the query, and a small second link that excludes it. */
function pick(Filter $filter, string $field, float|string|null $value, string $html): string
{
    $text = is_float($value) ? digits($value) : $value;
    $add = $filter->with($field, $text);
    return ($add === null ? $html : anchor($add, $html)) . unpick($filter, $field, $value);
}

/** The second link alone. */
function unpick(Filter $filter, string $field, float|string|null $value, string $class = ''): string
{
    $text = is_float($value) ? digits($value) : $value;
    $url = $filter->with($field, $text, isExcluded: true);
    return $url === null ? '' : minus($url, "$field:" . ($text ?? '-'), $class);
}

function minus(string $url, string $what, string $class): string
{
    $title = say('Without {value}', ['value' => $what]);
    return "<a class=\"not$class\" href=\"" . h($url) . "\" title=\"$title\" aria-label=\"$title\" rel=\"nofollow\">−</a>";
}

/** A value on a page of one row, with links to the list of all that have it, or have it not. */
function sought(Filter $filter, string $page, string $column, float|string|null $value, string $html): string
{
    $field = $value === null || $html === '' || $html === DASH ? null : queryFieldOf($page, $column);
    $text = is_float($value) ? digits($value) : $value;
    $term = $field === null ? null : Query::written($field, $text);
    if ($term === null) {
        return $html;
    }
    $link = str_contains($html, '<a ') ? $html : anchor($filter->to($page, ['q' => $term]), $html);
    $minus = minus($filter->to($page, ['q' => "-$term"]), $term, ' always');
    // What is small stands below.
    $below = strpos($link, '<small');
    return $below === false ? $link . $minus : substr_replace($link, $minus, $below, 0);
}

/** A cell of a table with such links, where the column is one to search by. */
function picked(?Filter $filter, string $column, float|string|null $value, string $html): string
{
    $field = $filter === null || $value === null || $html === '' || $html === DASH ? null : queryFieldOf($filter->page->id, $column);
    return match (true) {
        $field === null => $html,
        // It has them already, where they belong to one of several values.
        str_contains($html, 'class="not"') => $html,
        str_contains($html, '<a ') || str_contains($html, '<details') => $html . unpick($filter, $field, $value, ' end'),
        default => pick($filter, $field, $value, $html),
    };
}
