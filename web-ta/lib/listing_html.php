<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What is around the rows of a Listing: the pager, and what was looked at.

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
