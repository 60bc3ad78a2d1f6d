<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What a table has beyond the columns that a page shows: by schema.json.

/** Tables of rows that have a page, with that page. */
const PAGE_OF_TABLE = [
    'session' => 'sessions', 'dns' => 'dns', 'tls' => 'tls', 'http' => 'http', 'auth' => 'logins', 'icmp' => 'icmp',
    'service' => 'services', 'alert' => 'alerts', 'stop' => 'stops',
];

/** Columns of whole numbers that are times. */
const TIMES = ['time', 'start', 'last', 'ended', 'first', 'list_version', 'not_before', 'not_after'];

/** Columns that are lengths in microseconds… */
const LENGTHS = ['latency_us', 'rtt_us'];

/** …or bytes. */
const SIZES = ['bytes_in', 'bytes_out', 'request_length', 'response_length'];

/**
 * What the schema says of a table.
 *
 * @return array{doc: string, columns: list<array{name: string, kind: string, doc: string}>}
 */
function tableSchema(string $table): array
{
    $schema = json_decode(file_get_contents(__DIR__ . '/../schema.json'), true);
    return $schema['tables'][$table];
}

/**
 * All columns of a table.
 *
 * @return array<string, Column>
 */
function allColumns(string $table): array
{
    $columns = [];
    foreach (tableSchema($table)['columns'] as ['name' => $name, 'kind' => $kind]) {
        $columns[$name] = new Column($name, match (true) {
            $kind !== 'int' => Kind::Text,
            in_array($name, TIMES, true) => Kind::Time,
            in_array($name, LENGTHS, true) => Kind::Micros,
            in_array($name, SIZES, true) => Kind::Bytes,
            default => Kind::Number,
        }, "`$name`");
    }
    return $columns;
}

/** A link to all that is known of a row, below what stands in a cell. */
function rowLink(Listing $all, array $row, Filter $filter): string
{
    $url = $all->table === 'session'
        ? $filter->to('session', ['id' => $all->keyOf($row)])
        : $filter->to('row', ['table' => $all->table, 'key' => $all->keyOf($row)]);
    return '<small>' . anchor($url, say('Details'), 'more') . '</small>';
}
