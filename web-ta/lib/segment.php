<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * A part of a table, from one value of the column that it is kept by to another.
 * Each end is one condition: of two, databases take one to find rows by.
 */
final class Segment
{
    /**
     * @param list<array{string, list<int|string>, ?string}> $others what else holds of its rows
     * @param ?list<string> $keys instead of ends: the keys of its rows
     */
    public function __construct(
        private readonly string $by,
        private readonly string $key,
        private readonly array $others,
        private readonly ?string $least = null,
        private readonly ?string $below = null,
        private readonly ?array $keys = null,
    ) {
    }

    /** What is of it from $least on, and below $below. */
    public function within(?string $least, ?string $below): Segment
    {
        $least = $least === null || (float) $this->least > (float) $least ? $this->least : $least;
        $below = $below === null || ($this->below !== null && (float) $this->below < (float) $below) ? $this->below : $below;
        return new Segment($this->by, $this->key, $this->others, $least, $below, $this->keys);
    }

    /** @param list<array{string, list<int|string>, ?string}> $others */
    public function with(array $others): Segment
    {
        return new Segment($this->by, $this->key, $others, $this->least, $this->below, $this->keys);
    }

    public function where(): Where
    {
        $where = new Where();
        if ($this->keys !== null) {
            $where->add("$this->key IN (" . implode(',', $this->keys) . ')');
        }
        if ($this->least !== null) {
            $where->add("$this->by >= ?", $this->least);
        }
        if ($this->below !== null) {
            $where->add("$this->by < ?", $this->below);
        }
        foreach ($this->others as [$sql, $params]) {
            $where->add($sql, ...$params);
        }
        return $where;
    }
}
