<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The rows of a Listing, and what is around them: the pager, and what was looked at.

/**
 * A page of rows as a table, with the way to the others.
 *
 * @param array<string, ?Closure> $cells see table()
 * @param string $main the column that a phone shows first
 */
function listed(Listing $all, array $cells, string $main, string $caption, Filter $filter, Labels $labels): void
{
    $rows = $all->page($filter->sort, $filter->number);
    $labels->load($rows);
    echo table($all->columns, $rows, $cells, $main, $caption, $filter, $all), pager($all, $rows, $filter);
}

/** @param list<array<string, float|string|null>> $rows those that are shown */
function listingPager(Listing $all, array $rows, Filter $filter): string
{
    return pagerSteps($all, count($rows), $all->skipped, $all->back, $all->next, $filter) . lookedAt($all, $filter);
}

/** How far back was looked, where that is not all, and the way further back. */
function lookedAt(Listing $all, Filter $filter): string
{
    $until = $filter->place->until;
    if ($all->edge === null && $until === null) {
        return '';
    }
    $html = '';
    if ($all->edge !== null) {
        $time = $all->by === 'id' ? Span::timeOfId((float) $all->edge) : (float) $all->edge;
        $html = say('Looked at: {n} rows, back to {time}.', ['n' => grouped(Listing::LOOKED), 'time' => moment($time)])
            . ' ' . anchor($filter->url(['until' => $all->edge]), say('Look further back'));
    }
    return "<p class=\"hint looked\">$html" . ($until === null ? '' : ' ' . anchor($filter->url(), say('From the newest on'))) . '</p>';
}
