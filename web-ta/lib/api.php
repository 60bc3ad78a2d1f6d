<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The API's addresses, api.php/v1/NAME, and what it tells of itself. All of it
// is made of the pages: what one of them has, the API has.

const FORMATS = ['json', 'csv', 'eve'];

/** A day of the calendar and a minute of it. */
const API_MOMENT = '^(19[7-9]|20[0-9])[0-9]-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]$';

/** The page of an address behind api.php. */
function apiPage(string $path): Page
{
    $pages = Pages::scan()->open();
    $name = preg_match('#^/v1/([a-z0-9_-]{1,40})$#D', $path, $found) === 1 ? $found[1] : '';
    return $pages[$name] ?? throw new Trouble(404, t('There is no such address in the API.'));
}

/** Somebody who misspelt a filter shall not take all rows for the answer. */
function checkStrictly(Page $page, Request $request, Filter $filter): void
{
    $known = array_column(apiParameters($page), 'schema', 'name');
    $wrong = $filter->ignored();
    foreach ($_GET as $name => $value) {
        if (!is_string($value) || trim($value) === '' || !isset($known[$name]) || !fitsSchema($value, $known[$name])) {
            $wrong[] = (string) $name;
        }
    }
    if ($wrong !== []) {
        $names = implode(', ', array_unique($wrong));
        throw new Trouble(400, t('These parameters make no sense: {names}.', ['names' => $names]));
    }
}

/** @param array<string, mixed> $schema of apiParameters() */
function fitsSchema(string $value, array $schema): bool
{
    return in_array($value, $schema['enum'] ?? [$value], true)
        && preg_match('%' . ($schema['pattern'] ?? '') . '%Du', $value) === 1;
}

/** One page of rows as JSON, with the address of the next one. */
function sendPage(Page $page, Rows $rows, Db $db, Filter $filter): void
{
    $some = $rows->page($filter->sort, $filter->number);
    $isMore = count($some) > Filter::PAGE_ROWS;
    $step = $rows instanceof Listing ? $rows->next : ($isMore ? ['p' => (string) ($filter->number + 1)] : null);
    $next = $step === null ? null : $filter->url(['page' => null] + $step, $page->id);
    header('Content-Type: application/json; charset=utf-8');
    echo jsonValue(jsonHead($page, $db, $filter, $filter->sort) + [
        'next' => $next,
        'rows' => array_slice($some, 0, Filter::PAGE_ROWS),
    ]), "\n";
}

/** @return array<string, mixed> the description of the API, by OpenAPI 3.1 */
function openApi(Pages $pages): array
{
    $schema = json_decode(file_get_contents(__DIR__ . '/../schema.json'), true);
    $paths = [];
    foreach ($pages->open() as $page) {
        $paths["/$page->id"] = ['get' => apiOperation($page)];
    }
    return [
        'openapi' => '3.1.0',
        'info' => [
            'title' => 'Weir',
            'summary' => 'Who on the network talks to whom, through which app; for reading.',
            // Of the tables: what can be read changes with them.
            'version' => '1.' . $schema['version'],
        ],
        'servers' => [['url' => './']],
        'security' => [['token' => []], ['session' => []]],
        'paths' => $paths,
        'components' => [
            'securitySchemes' => [
                'token' => ['type' => 'http', 'scheme' => 'bearer', 'description' => 'Made on the account page, or by weir token add.'],
                'session' => ['type' => 'apiKey', 'in' => 'cookie', 'name' => 'weir_session'],
            ],
            'schemas' => [
                'Error' => [
                    'type' => 'object',
                    'required' => ['error'],
                    'properties' => [
                        'error' => ['type' => 'string', 'description' => 'For a person.'],
                        'column' => ['type' => 'integer', 'description' => 'Where q is wrong, in characters from 1.'],
                        'length' => ['type' => 'integer', 'description' => 'How many characters of it are.'],
                    ],
                ],
            ],
            'responses' => array_map(apiError(...), [
                '400' => 'A parameter makes no sense, or is missing.',
                '401' => 'Neither a token nor a session that is good.',
                '503' => 'The database is away.',
            ]),
        ],
    ];
}

/** @return array<string, mixed> */
function apiError(string $text): array
{
    $schema = ['$ref' => '#/components/schemas/Error'];
    return ['description' => $text, 'content' => ['application/json' => ['schema' => $schema]]];
}

/** @return array<string, mixed> */
function apiOperation(Page $page): array
{
    $answers = [];
    foreach (['400', '401', '503'] as $status) {
        $answers[$status] = ['$ref' => "#/components/responses/$status"];
    }
    return [
        'operationId' => $page->id,
        'summary' => $page->title,
        'parameters' => apiParameters($page),
        'responses' => ['200' => [
            'description' => 'The rows, all of them or one page.',
            'content' => [
                'application/json' => ['schema' => apiAnswer($page)],
                'text/csv' => ['schema' => ['type' => 'string']],
                'application/x-ndjson' => ['schema' => ['type' => 'string']],
            ],
        ]] + $answers,
    ];
}

/** @return list<array<string, mixed>> */
function apiParameters(Page $page): array
{
    $sorts = [];
    foreach ($page->columns as $name => $column) {
        if ($column->sortable) {
            array_push($sorts, $name, "-$name");
        }
    }
    $moment = static fn (string $example): array =>
        ['type' => 'string', 'pattern' => API_MOMENT, 'examples' => [$example]];
    $text = apiParam(Param::Text);
    $common = [
        ['range', ['enum' => array_keys(Span::CHOICES), 'default' => Span::USUAL], 'The last time, up to now or to the newest record.'],
        ['from', $moment('2026-11-21T18:30'), 'Instead of a range: the begin, in the time of the router.'],
        ['to', $moment('2026-11-22T06:00'), 'The end, later than the begin, and not part of it.'],
        ['router', ['type' => 'string', 'pattern' => '^[\w-]{1,64}$'], 'A database, where several routers write to one server.'],
        ['device', apiParam(Param::Address), 'By its address, as the rows have it.'],
        ['q', $text, 'What is searched for, in the language of docs/QUERIES.md.'],
        ['sort', ['enum' => $sorts, 'default' => $page->sort], 'A column, downwards after a minus sign.'],
        ['p', ['type' => 'string', 'pattern' => '^[1-9][0-9]{0,4}$'], 'A page of ' . Filter::PAGE_ROWS . ' rows, from 1; without it all rows.'],
        ['after', ['type' => 'string', 'maxLength' => 85, 'pattern' => apiPattern(Cursor::PATTERN)], 'Where a page of rows begins: as "next" of the one before has it.'],
        ['until', ['type' => 'string', 'pattern' => '^[0-9]{1,19}$'], 'Where to look further back: as "next" has it.'],
        ['format', ['enum' => $page->table === null ? array_diff(FORMATS, ['eve']) : FORMATS, 'default' => 'json'], 'What the rows are to be.'],
        ['lang', ['enum' => ['en', 'zh']], 'Of texts for people.'],
    ];
    foreach ($page->params as $name => $param) {
        $common[] = [$name, apiParam($param), $page->controls[$name][0] ?? $page->chips[$name] ?? $name];
    }
    return array_map(static fn (array $one): array => [
        'name' => $one[0],
        'in' => 'query',
        'required' => in_array($one[0], $page->needs, true),
        'schema' => $one[1],
        'description' => $one[2],
    ], $common);
}

/** @return array<string, mixed> the schema of a parameter; its pattern is the one that checks it */
function apiParam(Param $param): array
{
    return match ($param) {
        // Something that can be seen, and no control characters; 1024 are bytes.
        Param::Text => ['type' => 'string', 'minLength' => 1, 'maxLength' => 1024, 'pattern' => '^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*$'],
        Param::Flag => ['enum' => ['1']],
        default => ['type' => 'string', 'pattern' => apiPattern($param->pattern())],
    };
}

/** A pattern of PHP as others write it. */
function apiPattern(string $pattern): string
{
    return preg_replace('#^/(.*)/[A-Za-z]*$#s', '$1', $pattern);
}

/** @return array<string, mixed> */
function apiAnswer(Page $page): array
{
    $columns = [];
    foreach ($page->columns as $name => $column) {
        $columns[$name] = apiColumn($column);
    }
    // A row of any table has the columns of that table.
    $others = $page->id === 'row' ? new stdClass() : false;
    $row = ['type' => 'object', 'required' => array_keys($columns), 'additionalProperties' => $others, 'properties' => $columns];
    $time = ['type' => 'integer', 'description' => 'Microseconds since 1970.'];
    return [
        'type' => 'object',
        'required' => ['page', 'from', 'to', 'filter', 'sorted', 'ignored', 'parts', 'rows'],
        'properties' => [
            'page' => ['const' => $page->id],
            'from' => $time,
            'to' => $time,
            'filter' => ['type' => 'object', 'additionalProperties' => ['type' => 'string']],
            'sorted' => ['type' => 'string', 'description' => 'The order that the rows have: of very many only the one that they are kept in.'],
            'ignored' => ['type' => 'array', 'maxItems' => 0],
            'parts' => ['type' => 'object', 'description' => 'What else the page shows; not promised to stay as it is.'],
            'next' => ['type' => ['string', 'null'], 'description' => 'The address of the next page, where one was asked for.'],
            'rows' => ['type' => 'array', 'items' => $row],
        ],
    ];
}

/** @return array<string, mixed> */
function apiColumn(Column $column): array
{
    $unit = match ($column->kind) {
        Kind::Text, Kind::Number, Kind::Count => '',
        Kind::Json => ', as JSON in text',
        Kind::Bytes => ', in bytes',
        Kind::Time => ', in microseconds since 1970',
        Kind::Micros => ', in microseconds',
        Kind::Secs => ', in seconds',
    };
    return ['type' => [$column->kind->isText() ? 'string' : 'integer', 'null'], 'description' => $column->title . $unit];
}
