<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require __DIR__ . '/query_value.php';
require __DIR__ . '/query_parser.php';
require __DIR__ . '/query_sql.php';

/** What is wrong with a query, and where: in characters, the first is 1. */
final class QueryMistake extends RuntimeException
{
    public function __construct(string $text, public readonly int $column, public readonly int $length)
    {
        parent::__construct($text);
    }
}

/**
 * What is searched for, in the language of docs/QUERIES.md. src/query reads the
 * same; tests/query/cases.json holds both together.
 */
final class Query
{
    /** What `weir` knows of fields; its own tests keep it in step. */
    private const FIELDS = __DIR__ . '/../query.json';

    /**
     * @param list<array<string, mixed>> $terms each {"not"?: true, "word": value} or
     *     {"not"?: true, "field": array, "is": list of values}, where a value is text,
     *     ["like" => text], [least, most], ["net" => text] or null for what is unknown
     * @param array<string, array<string, mixed>> $edges "since" and "until", see queryEdge()
     * @param array<string, array{int, int, int}> $places where those stand: begin, end of the name, end
     */
    public function __construct(
        public readonly array $terms,
        public readonly array $edges = [],
        public readonly array $places = [],
        public readonly ?QueryMistake $mistake = null,
        /** Microseconds since 1970, where the query says so. */
        public readonly ?float $from = null,
        public readonly ?float $to = null,
    ) {
    }

    /** @return array<string, mixed> see views_json() in src/query/fields.rs */
    public static function known(): array
    {
        static $known = null;
        return $known ??= json_decode(file_get_contents(self::FIELDS), true);
    }

    /**
     * The fields of a page; each has names, the first of which is told, a kind and columns.
     *
     * @return list<array{names: list<string>, kind: string, columns: list<string>}>
     */
    public static function fields(string $page): array
    {
        return self::known()['views'][$page] ?? [];
    }

    /**
     * What the request asks of a page; one with a mistake finds nothing.
     *
     * @param ?string $page null where only its time matters
     */
    public static function of(Request $request, ?string $page): Query
    {
        try {
            $query = QueryParser::parse($request->query(), $page === null ? null : self::fields($page));
            return $query->at(Clock::local());
        } catch (QueryMistake $mistake) {
            return new Query([], mistake: $mistake);
        }
    }

    /** With the times that since and until come to by now. */
    private function at(Clock $clock): Query
    {
        if ($this->edges === []) {
            return $this;
        }
        $time = fn (string $name): ?float => isset($this->edges[$name])
            ? Span::minute(edgeTime($this->edges[$name], $clock) * 1e6)
            : null;
        [$from, $to] = [$time('since'), $time('until')];
        // A minute that has begun is shown to its end.
        if ($from !== null && $from >= ($to ?? $clock->now() * 1e6)) {
            [$begin, $end] = $this->places['until'] ?? $this->places['since'];
            throw new QueryMistake(t('there is no time between since and until'), $begin + 1, $end - $begin);
        }
        return new Query($this->terms, $this->edges, $this->places, null, $from, $to);
    }

    /** The text that this was read from, without since and until. */
    public function untimed(string $text): string
    {
        $chars = preg_split('//u', $text, -1, PREG_SPLIT_NO_EMPTY) ?: [];
        foreach ($this->places as [$begin, , $end]) {
            $chars = array_replace($chars, array_fill($begin, min($end + 1, count($chars)) - $begin, ''));
        }
        return trim(implode('', $chars));
    }

    /** Whether it says which rows, and not only when. */
    public function isNarrow(): bool
    {
        return $this->terms !== [] || $this->mistake !== null;
    }

    /**
     * Adds its conditions; words are searched in $columns, see Where::contains().
     *
     * @param list<string|array{string, string, list<string>}> $columns
     * @param bool $isRolled see QuerySql
     */
    public function narrow(Where $where, Db $db, array $columns, bool $isRolled = false): Where
    {
        if ($this->mistake !== null) {
            return $where->add('1 = 0');
        }
        $sql = new QuerySql($db, $isRolled);
        foreach ($this->terms as $term) {
            [$condition, $params] = $sql->term($term, $columns);
            $where->add($condition, ...$params);
        }
        return $where;
    }

    /** A term as text, of a value that a row has; null for one that nobody can write. */
    public static function written(string $field, ?string $value, bool $isExcluded = false): ?string
    {
        if ($value !== null && (strlen($value) > 300 || preg_match('/^[^\p{Cc}]+$/Du', $value) !== 1)) {
            return null;
        }
        $isPlain = $value !== '-' && preg_match('/^[^\s\x{3000}",*\\\\]+$/Du', $value ?? '-') === 1;
        $text = match (true) {
            $value === null => '-',
            $isPlain => $value,
            default => '"' . addcslashes($value, '"\\') . '"',
        };
        return ($isExcluded ? '-' : '') . "$field:$text";
    }
}
