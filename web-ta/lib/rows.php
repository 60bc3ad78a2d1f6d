<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** What a column's values mean. All but text are whole numbers, kept as floats. */
enum Kind
{
    case Text;
    /** JSON as text. */
    case Json;
    case Count;
    case Bytes;
    /** Microseconds since 1970. */
    case Time;
    /** A length in microseconds. */
    case Micros;
    /** A length in seconds. */
    case Secs;
    /** Names something, as an id or a port does: no sums, no separators. */
    case Number;

    public function isText(): bool
    {
        return $this === Kind::Text || $this === Kind::Json;
    }

    /** Whether one compares the sizes of its values, so that their digits should stand below each other. */
    public function isNumber(): bool
    {
        return !$this->isText() && $this !== Kind::Time;
    }
}

final class Column
{
    /**
     * @param string $title English, see t()
     * @param string $sql what it is made of
     * @param ?string $order what sorts the same way and has an index
     * @param bool $sortable false where sorting makes no sense
     */
    public function __construct(
        public readonly string $title,
        public readonly Kind $kind,
        public readonly string $sql,
        public readonly ?string $order = null,
        public readonly bool $sortable = true,
    ) {
    }
}

/** Conditions, joined by "and", with their parameters. */
final class Where
{
    /** @var list<string> */
    private array $parts = [];
    /** @var list<int|string> */
    public array $params = [];
    /** @var list<array{string, list<int|string>, ?string}> those that are not about time, with the column that has one value */
    public array $others = [];
    /** The time that the rows are of; null for any. */
    public ?Span $span = null;

    public function add(string $sql, int|string ...$params): static
    {
        $this->others[] = [$sql, array_values($params), null];
        return $this->put($sql, ...$params);
    }

    private function put(string $sql, int|string ...$params): static
    {
        $this->parts[] = "($sql)";
        array_push($this->params, ...$params);
        return $this;
    }

    /** The column has this value; no condition when there is none to have. */
    public function equal(string $column, ?string $value): static
    {
        if ($value !== null) {
            [$sql, $params] = $value === NONE ? ["$column IS NULL", []] : ["$column = ?", [$value]];
            $this->others[] = [$sql, $params, $value === NONE ? null : $column];
            $this->put($sql, ...$params);
        }
        return $this;
    }

    /** Each of the columns has the value of the filter by the same name, where there is one. */
    public function filtered(Filter $filter, string ...$columns): static
    {
        foreach ($columns as $column) {
            $this->equal($column, $filter->get($column));
        }
        return $this;
    }

    /** Rows of the device, under any of its addresses; of all where it is null. */
    public function device(Db $db, ?string $device): static
    {
        $same = $device === null ? [] : sameDevices($db, $device);
        if (count($same) <= 1) {
            return $this->equal('device', $device);
        }
        return $this->add('device IN (' . implode(', ', array_fill(0, count($same), '?')) . ')', ...$same);
    }

    /**
     * What is searched for is met; its words are looked for in the columns. A column
     * may stand for its row in another table: [column, table, columns there].
     *
     * @param list<string|array{string, string, list<string>}> $columns
     */
    public function contains(Db $db, array $columns, ?Query $query): static
    {
        $query?->narrow($this, $db, $columns);
        return $this;
    }

    /** Begun within the span, by an id that begins with the time. */
    public function begun(Span $span, string $id = 'id'): static
    {
        $this->span = $span;
        return $this->put("$id >= ? AND $id < ?", Span::id($span->from), Span::id($span->to));
    }

    /**
     * Going on within the span: something with a start and a last. There is an
     * index for the latter, which a condition more than needed would spoil.
     */
    public function seen(Span $span): static
    {
        $this->span = $span;
        if ($span->choice !== 'all') {
            $this->put('last >= ?', digits($span->from));
        }
        return $span->hasEnd() ? $this->put('start < ?', digits($span->to)) : $this;
    }

    public function sql(): string
    {
        return $this->parts === [] ? '' : ' WHERE ' . implode(' AND ', $this->parts);
    }
}

/** The rows of a query: in parts for a page, all of them for an export. */
class Rows
{
    /** Rows are counted up to here: beyond, nobody wants to know exactly. */
    public const COUNTED = 10000;

    /** How many there are, where that is known without asking. */
    private ?int $count = null;

    /**
     * @param array<string, Column> $columns
     * @param string $from all behind the columns, with its parameters
     * @param list<int|string> $params
     * @param string $key a column that no two rows share, so that paging is exact
     * @param bool $isGrouped the rows are groups: to have one is to have made them
     *     all, so they are counted on the way
     */
    public function __construct(
        protected readonly Db $db,
        public readonly array $columns,
        private readonly string $from,
        private readonly array $params,
        protected readonly string $key,
        private readonly bool $isGrouped = false,
    ) {
    }

    /**
     * Rows of one page and one more, if there is one.
     *
     * @return list<array<string, float|string|null>>
     */
    public function page(string $sort, int $number): array
    {
        $offset = ($number - 1) * Filter::PAGE_ROWS;
        if (!$this->isGrouped) {
            return $this->some($sort, Filter::PAGE_ROWS + 1, $offset);
        }
        $rows = [];
        $this->count = 0;
        foreach ($this->all($sort) as $row) {
            if ($this->count >= $offset && count($rows) <= Filter::PAGE_ROWS) {
                $rows[] = $row;
            }
            $this->count++;
        }
        return $rows;
    }

    /**
     * The first rows.
     *
     * @return list<array<string, float|string|null>>
     */
    public function top(string $sort, int $count): array
    {
        return $this->some($sort, $count, 0);
    }

    /** @return list<array<string, float|string|null>> */
    private function some(string $sort, int $count, int $offset): array
    {
        $params = [...$this->params, $count, $offset];
        $found = $this->db->each($this->select($sort) . ' LIMIT ? OFFSET ?', $params);
        return iterator_to_array($this->typed($found), false);
    }

    /** @return Generator<int, array<string, float|string|null>> */
    public function all(string $sort): Generator
    {
        return $this->typed($this->db->each($this->select($sort), $this->params));
    }

    /** How many there are, up to one more than COUNTED. */
    public function count(): int
    {
        $sql = "SELECT COUNT(*) FROM (SELECT 1 $this->from LIMIT ?) AS counted";
        return $this->count ?? (int) $this->db->value($sql, [...$this->params, self::COUNTED + 1]);
    }

    /** What is chosen, as SQL: the columns by their names. */
    protected function chosen(): string
    {
        $columns = [];
        foreach ($this->columns as $name => $column) {
            $columns[] = "$column->sql AS $name";
        }
        return 'SELECT ' . implode(', ', $columns);
    }

    private function select(string $sort): string
    {
        $by = ltrim($sort, '-');
        $order = $this->columns[$by]->order ?? $by;
        $direction = $sort[0] === '-' ? 'DESC' : 'ASC';
        $then = $order === $this->key ? '' : ", $this->key $direction";
        return $this->chosen() . " $this->from ORDER BY $order $direction$then";
    }

    /**
     * Drivers give numbers as int, float or string; here they are floats.
     *
     * @param iterable<array<string, mixed>> $rows
     * @return Generator<int, array<string, float|string|null>>
     */
    protected function typed(iterable $rows): Generator
    {
        foreach ($rows as $row) {
            foreach ($this->columns as $name => $column) {
                $value = $row[$name];
                if ($value !== null) {
                    $row[$name] = $column->kind->isText() ? (string) $value : (float) $value;
                }
            }
            yield $row;
        }
    }
}
