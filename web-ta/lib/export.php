<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Rows as JSON, CSV and EVE, written as they come from the database.

/** Bytes that are sent at once. */
const CHUNK = 65536;

require __DIR__ . '/eve.php';

/**
 * What is told besides the rows.
 *
 * @param ?array<string, mixed> $parts where they were read already
 * @return array<string, mixed>
 */
function jsonHead(Page $page, Db $db, Filter $filter, string $sorted, ?array $parts = null): array
{
    return [
        'page' => $page->id,
        'from' => $filter->span->from,
        'to' => $filter->span->to,
        'filter' => (object) $filter->state(),
        'sorted' => $sorted,
        'ignored' => $filter->ignored(),
        'parts' => (object) ($parts ?? $page->parts($db, $filter)),
    ];
}

/** @param Rows $rows with all that the filter lets through */
function sendJson(Page $page, Rows $rows, Db $db, Filter $filter): void
{
    $parts = $page->parts($db, $filter);
    // Too many to be sorted come in the order that they are kept in. Asked before the rows take the connection.
    $sorted = !$rows instanceof Listing || $rows->isSorted($filter->sort) ? $filter->sort : "-$rows->by";
    $first = startRows($rows, $filter, 'application/json; charset=utf-8', 'json');
    $head = jsonHead($page, $db, $filter, $sorted, $parts);
    echo substr(jsonValue($head), 0, -1), ',"rows":[';
    $comma = "\n";
    foreach ($first as $row) {
        echo $comma, jsonValue($row);
        $comma = ",\n";
    }
    echo "\n]}\n";
}

function sendCsv(Page $page, Rows $rows, Filter $filter): void
{
    $first = startRows($rows, $filter, 'text/csv; charset=utf-8', 'csv');
    $out = fopen('php://output', 'w');
    csvLine($out, array_keys($rows->columns));
    foreach ($first as $row) {
        $cells = [];
        foreach ($rows->columns as $name => $column) {
            $cells[] = csvCell($column->kind, $row[$name]);
        }
        csvLine($out, $cells);
    }
}

/** Lines of EVE, of all columns that the table has. */
function sendEve(Page $page, Rows $rows, Filter $filter): void
{
    if (!$rows instanceof Listing) {
        throw new Trouble(400, t('There is no EVE of this page.'));
    }
    $every = $rows->with(allColumns($rows->table));
    foreach (startRows($every, $filter, 'application/x-ndjson; charset=utf-8', 'ndjson') as $row) {
        foreach (eveLines($rows->table, $row) as $line) {
            echo jsonValue($line), "\n";
        }
    }
}

/**
 * The rows, with the first one fetched already: what is wrong with the query
 * shows while there can still be an error page. From here on nothing is kept.
 *
 * @return Iterator<int, array<string, float|string|null>>
 */
function startRows(Rows $rows, Filter $filter, string $type, string $extension): Iterator
{
    set_time_limit(0);
    $all = $rows->all($filter->sort);
    $isAny = $all->valid();
    header("Content-Type: $type");
    $name = 'weir-' . $filter->page->id . '-' . Clock::local()->format('Ymd-Hi', $filter->span->to / 1e6);
    header("Content-Disposition: inline; filename=\"$name.$extension\"");
    while (ob_get_level() > 0) {
        ob_end_clean();
    }
    ob_start(null, CHUNK);
    if ($_SERVER['REQUEST_METHOD'] === 'HEAD') {
        exit;
    }
    return $isAny ? $all : new EmptyIterator();
}

/**
 * A value as JSON. Whole numbers are written with all their digits, which
 * PHP's own json_encode() does not do for floats.
 */
function jsonValue(mixed $value): string
{
    if (is_float($value)) {
        return digits($value);
    }
    if (!is_array($value) && !is_object($value)) {
        $flags = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE | JSON_HEX_TAG;
        return json_encode($value, $flags);
    }
    $isList = is_array($value) && array_is_list($value);
    $members = [];
    foreach ((array) $value as $name => $member) {
        $members[] = ($isList ? '' : jsonValue((string) $name) . ':') . jsonValue($member);
    }
    return $isList ? '[' . implode(',', $members) . ']' : '{' . implode(',', $members) . '}';
}

function csvCell(Kind $kind, float|string|null $value): string
{
    return match (true) {
        $value === null => '',
        $kind === Kind::Time => fullMoment($value),
        is_float($value) => digits($value),
        // A spreadsheet would take it for a formula; strangers choose these names.
        preg_match('/^[=+\-@\t\r]/', $value) === 1 => "'" . $value,
        default => $value,
    };
}

/**
 * @param resource $out
 * @param list<string> $cells
 */
function csvLine($out, array $cells): void
{
    fputcsv($out, $cells, ',', '"', '', "\r\n");
}
