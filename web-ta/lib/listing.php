<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * The rows of one table, page by page, quick however many there are.
 *
 * There is no OFFSET: a page begins behind the last row of the one before, which
 * the address carries, and rows that come meanwhile move nothing. What no index
 * finds (a search, two conditions, another order) is looked for among the newest
 * rows only; the page says so and leads further back.
 */
final class Listing extends Rows
{
    /** Rows that are looked at where no index helps. */
    public const LOOKED = 50000;

    /** Rows of an export that are asked for at once. */
    private const AT_ONCE = 1000;

    /** While nothing was found, one looks further back for so many seconds. */
    private const PATIENCE = 0.1;

    /** Sessions that outlast a time that is over: as many as go on at once, or less. */
    private const MOST_LONG = 1000;

    /** Such sessions are written a while after their begin, at most so long. */
    private const WRITTEN_LATE = 3600e6;

    /** Columns that may have an index, the one that leaves the fewest rows first. */
    private const SELECTIVE = ['host', 'qname', 'sni', 'app', 'device'];

    /** What was looked at begins here, by $by, where that is not all; digits. */
    public ?string $edge = null;
    /** Where the page before ends, as parameters of the address; null where this is the first. */
    public ?array $back = null;
    /** Where the next begins; null where this is the last. */
    public ?array $next = null;
    /** Rows before this page, as far as the address knows. */
    public int $skipped = 0;

    private readonly Place $place;
    private ?string $until;
    /** @var ?list<Segment> */
    private ?array $segments = null;
    /** @var ?list<Segment> those of all rows */
    private ?array $whole = null;
    /** @var ?array{list<array{string, list<int|string>, ?string}>, list<array{string, list<int|string>, ?string}>} */
    private ?array $conditions = null;

    /**
     * @param array<string, Column> $columns $by and $key among them
     * @param string $by by which the table is kept: a time or the id, with an index
     */
    public function __construct(
        Db $db,
        array $columns,
        public readonly string $table,
        private readonly Where $where,
        private readonly Filter $filter,
        public readonly string $by = 'id',
        string $key = 'id',
    ) {
        parent::__construct($db, $columns, "FROM $table" . $where->sql(), $where->params, $key);
        $this->place = $filter->place;
        $this->until = $filter->place->until;
    }

    /** The same rows with other columns. @param array<string, Column> $columns */
    public function with(array $columns): Listing
    {
        return new Listing($this->db, $columns, $this->table, $this->where, $this->filter, $this->by, $this->key);
    }

    /** The key of a row, for a link to it. @param array<string, float|string|null> $row */
    public function keyOf(array $row): string
    {
        return is_float($row[$this->key]) ? digits($row[$this->key]) : (string) $row[$this->key];
    }

    /** Where it is in the usual order, as text for an address. @param array<string, float|string|null> $row */
    public function cursorOf(array $row): string
    {
        return Cursor::of($row, $this->key, ltrim($this->filter->page->sort, '-'))->text();
    }

    public function page(string $sort, int $number): array
    {
        $cursor = $this->place->before ?? $this->place->after;
        $order = $this->order($sort, $cursor);
        $begun = microtime(true);
        do {
            $rows = $this->some($order, $this->place->before !== null, Filter::PAGE_ROWS + 1);
            $isFurther = $rows === [] && $order->cursor === null && $this->isBounded($sort)
                && microtime(true) - $begun < self::PATIENCE;
            $this->until = $isFurther ? $this->edge : $this->until;
            $this->segments = $isFurther ? null : $this->segments;
        } while ($isFurther && $this->until !== null);
        if ($this->place->before === null || $order->cursor === null) {
            return $this->forth($rows, $order, $order->cursor === null ? 1 : $this->place->number);
        }
        if (count($rows) <= Filter::PAGE_ROWS && !$this->place->isTail) {
            // The begin is reached: a whole first page.
            $order = $order->from(null);
            return $this->forth($this->some($order, false, Filter::PAGE_ROWS + 1), $order, 1);
        }
        return $this->backwards($rows, $order);
    }

    /** The page has been read forwards. */
    private function forth(array $rows, Order $order, int $number): array
    {
        $isMore = count($rows) > Filter::PAGE_ROWS;
        $rows = array_slice($rows, 0, Filter::PAGE_ROWS);
        $this->skipped = ($number - 1) * Filter::PAGE_ROWS;
        $this->back = match (true) {
            $order->cursor === null => null,
            $rows === [] => [],
            default => $this->step($rows[0], $order, 'before', $number - 1),
        };
        $this->next = $isMore ? $this->step($rows[count($rows) - 1], $order, 'after', $number + 1) : null;
        return $rows;
    }

    /** The page has been read from its end to its begin. */
    private function backwards(array $rows, Order $order): array
    {
        $isMore = count($rows) > Filter::PAGE_ROWS;
        $rows = array_reverse(array_slice($rows, 0, Filter::PAGE_ROWS));
        $this->skipped = ($this->place->number - 1) * Filter::PAGE_ROWS;
        if ($rows !== []) {
            $this->back = $isMore ? $this->step($rows[0], $order, 'before', $this->place->number - 1) : null;
            $this->next = $this->step($rows[count($rows) - 1], $order, 'after', $this->place->number + 1);
        }
        return $rows;
    }

    /** @return array<string, ?string> parameters of the address */
    private function step(array $row, Order $order, string $way, int $number): array
    {
        $cursor = Cursor::of($row, $this->key, $order->column);
        return [$way => $cursor->text(), 'p' => $number <= 1 ? null : (string) $number, 'until' => $this->until];
    }

    /**
     * Rows of the segments one after the other, the newest segment first.
     *
     * @return list<array<string, float|string|null>>
     */
    private function some(Order $order, bool $isBackwards, int $count): array
    {
        $rows = [];
        foreach ($this->parts($order, $isBackwards) as $part) {
            array_push($rows, ...iterator_to_array($this->of($part, $order, $isBackwards, $count - count($rows)), false));
            if (count($rows) === $count) {
                break;
            }
        }
        return $rows;
    }

    /** All rows, however many: where sorting them would take the machine's memory, in the order that they are kept in. */
    public function all(string $sort): Generator
    {
        $sort = $this->isSorted($sort) ? $sort : "-$this->by";
        // In the order that they are kept in, some after the others: of all at once MariaDB
        // makes a file first, and sends what is left when nobody wants it any more. All are of
        // one moment, see Db::open(): one that goes on meanwhile would move to behind the cursor.
        $most = $this->isKept($sort) ? self::AT_ONCE : PHP_INT_MAX;
        $cursor = null;
        do {
            [$count, $last] = [0, []];
            $order = $this->order($sort, $cursor);
            foreach ($this->parts($order, false, true) as $part) {
                foreach ($this->of($part, $order, false, $most - $count) as $last) {
                    $count++;
                    yield $last;
                }
                if ($count === $most) {
                    break;
                }
            }
            $cursor = $count === $most ? Cursor::of($last, $this->key, $order->column) : null;
        } while ($cursor !== null);
    }

    /** Rows of a segment, behind the cursor or before it; $count at most. */
    private function of(Where $part, Order $order, bool $isBackwards, int $count): Generator
    {
        $order->beside($part, $isBackwards);
        $sql = $this->chosen() . " FROM $this->table" . $this->hint($order) . $part->sql() . $order->sql($isBackwards);
        return $this->typed($this->db->each("$sql LIMIT ?", [...$part->params, $count]));
    }

    /**
     * Has the database find rows by what they are found by here: it does not know how few
     * these are, and would take another index for its order.
     */
    private function hint(Order $order): string
    {
        $found = $this->conditions()[0];
        return match (true) {
            $found !== [] => $this->db->hint($this->table, (string) $found[0][2]),
            $this->by === $this->key && !$this->isKept($order->column) => $this->db->hint($this->table, $this->key),
            default => '',
        };
    }

    public function top(string $sort, int $count): array
    {
        return $this->some($this->order($sort, null), false, $count);
    }

    /** Whether an export can have this order. */
    public function isSorted(string $sort): bool
    {
        return $this->isKept($sort) || $this->begin($this->time(null), self::LOOKED) === null;
    }

    public function count(): int
    {
        $count = 0;
        foreach ($this->parts($this->order("-$this->by", null), false) as $part) {
            $sql = "SELECT COUNT(*) FROM (SELECT 1 FROM $this->table" . $part->sql() . ' LIMIT ?) AS counted';
            $count += (int) $this->db->value($sql, [...$part->params, self::COUNTED + 1 - $count]);
        }
        return $count;
    }

    private function order(string $sort, ?Cursor $cursor): Order
    {
        $name = ltrim($sort, '-');
        $column = $this->columns[$name];
        $isNumber = !$this->columns[$this->key]->kind->isText();
        if ($cursor !== null && $isNumber && preg_match('/^[0-9]+$/D', $cursor->key) !== 1) {
            $cursor = null;
        }
        $value = $cursor?->number;
        if ($cursor !== null && $column->kind->isText()) {
            // Names can be long: the row tells its own.
            $row = $this->db->all("SELECT $column->sql AS value FROM $this->table WHERE $this->key = ?", [$cursor->key])[0] ?? null;
            $value = $row === null || $row['value'] === null ? null : (string) $row['value'];
            $cursor = $row === null ? null : $cursor;
        }
        return new Order($name, $column, $this->key, str_starts_with($sort, '-'), $this->isKept($sort), $cursor, $value);
    }

    /** Whether rows are kept in this order. */
    private function isKept(string $sort): bool
    {
        $column = $this->columns[ltrim($sort, '-')];
        return trim($column->order ?? $column->sql, '`') === $this->by;
    }

    /** Whether only the newest rows are looked at, if there are many. */
    private function isBounded(string $sort): bool
    {
        [, $rest] = $this->conditions();
        return $rest !== [] || !$this->isKept($sort);
    }

    /**
     * What an index finds, and what is looked for among that.
     *
     * @return array{list<array{string, list<int|string>, ?string}>, list<array{string, list<int|string>, ?string}>}
     */
    private function conditions(): array
    {
        return $this->conditions ??= $this->parted();
    }

    private function parted(): array
    {
        $columns = array_column($this->where->others, 2);
        foreach (array_intersect(self::SELECTIVE, $this->db->indexed($this->table), $columns) as $column) {
            $at = array_search($column, $columns, true);
            $rest = $this->where->others;
            $found = array_splice($rest, $at, 1);
            if (!$this->db->hasBegins($this->table, $column) || !$this->isMany($found)) {
                return [$found, $rest];
            }
        }
        return [[], $this->where->others];
    }

    /** Whether there are so many rows that putting them in order takes long. They are among the newest, then. */
    private function isMany(array $conditions): bool
    {
        $where = (new Segment($this->by, $this->key, $conditions))->where();
        $sql = "SELECT COUNT(*) FROM (SELECT 1 FROM $this->table" . $where->sql() . ' LIMIT ?) AS counted';
        return (int) $this->db->value($sql, [...$where->params, self::COUNTED + 1]) > self::COUNTED;
    }

    /**
     * The conditions of what is to be looked at, in the order that it is kept in.
     *
     * @param bool $isAll not only the newest
     * @return list<Where>
     */
    private function parts(Order $order, bool $isBackwards, bool $isAll = false): array
    {
        $sort = ($order->isDown ? '-' : '') . $order->column;
        $segments = $isAll ? ($this->whole ??= $this->segments(false)) : ($this->segments ??= $this->segments($this->isBounded($sort)));
        $isKept = $this->isKept($sort);
        if ($isKept) {
            [$least, $below] = $order->ends($isBackwards);
            $segments = array_map(static fn (Segment $part): Segment => $part->within($least, $below), $segments);
        }
        $parts = array_map(static fn (Segment $part): Where => $part->where(), $segments);
        if (!$isKept) {
            return [count($parts) === 1 ? $parts[0] : self::either($parts)];
        }
        return $order->isDown === $isBackwards ? array_reverse($parts) : $parts;
    }

    /** @return list<Segment> the newest first */
    private function segments(bool $isBounded): array
    {
        $until = $isBounded ? $this->until : null;
        $time = $this->time($until);
        $this->edge = $isBounded ? $this->begin($time, self::LOOKED) : null;
        $segments = [$time->within($this->edge, null)->with($this->where->others)];
        $long = $until === null ? $this->long() : [];
        if ($long !== []) {
            array_unshift($segments, new Segment($this->by, $this->key, $this->where->others, keys: $long));
        }
        return $segments;
    }

    /** The time of the filter, by the column that the table is kept by. */
    private function time(?string $until): Segment
    {
        $span = $this->where->span;
        $isId = $this->by === 'id';
        $at = static fn (float $time): string => $isId ? Span::id($time) : digits($time);
        $least = $span !== null && ($isId || $span->choice !== 'all') ? $at($span->from) : null;
        $below = $span !== null && ($isId || $span->hasEnd()) ? $at($span->to) : null;
        return (new Segment($this->by, $this->key, [], $least, $below))->within(null, $until);
    }

    /** Where the newest $count rows that the index finds begin; null where there are not as many. */
    private function begin(Segment $time, int $count): ?string
    {
        $where = $time->with($this->conditions()[0])->where();
        $sql = "SELECT $this->by FROM $this->table" . $where->sql() . " ORDER BY $this->by DESC LIMIT 1 OFFSET ?";
        $found = $this->db->value($sql, [...$where->params, $count]);
        return $found === null ? null : digits((float) $found);
    }

    /**
     * What went on in a time that is over and has ended since. Rows are kept by
     * when they ended, so these are looked for by when they were first written.
     *
     * @return list<string> ids
     */
    private function long(): array
    {
        $span = $this->where->span;
        if ($this->by === 'id' || $span === null || !$span->hasEnd()) {
            return [];
        }
        $before = (new Where())->add('id < ?', Span::id($span->to + self::WRITTEN_LATE));
        $sql = 'SELECT id FROM ' . $this->table . $before->sql() . ' ORDER BY id DESC LIMIT 1 OFFSET ?';
        $least = $this->db->value($sql, [...$before->params, self::LOOKED]);
        $before->add('last >= ? AND start < ?', digits($span->to), digits($span->to));
        if ($least !== null) {
            $before->add('id >= ?', digits((float) $least));
        }
        // By the id, so that no database goes by the latest packet, of which most are newer.
        $sql = 'SELECT id FROM ' . $this->table . $before->sql() . ' ORDER BY id DESC LIMIT ?';
        $rows = $this->db->all($sql, [...$before->params, self::MOST_LONG]);
        return array_map(static fn (array $row): string => digits((float) $row['id']), $rows);
    }

    /** @param list<Where> $segments */
    private static function either(array $segments): Where
    {
        $parts = array_map(static fn (Where $part): string => substr($part->sql(), strlen(' WHERE ')), $segments);
        $params = array_merge(...array_map(static fn (Where $part): array => $part->params, $segments));
        return (new Where())->add('(' . implode(') OR (', $parts) . ')', ...$params);
    }
}
