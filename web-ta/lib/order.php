<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * The order of rows, and the row that a page begins behind. Both databases take
 * what has no value as the smallest.
 */
final class Order
{
    /** What is sorted by, as SQL. */
    private readonly string $by;

    /**
     * @param bool $isWhole no row lacks what is sorted by
     * @param ?string $value what the cursor's row is sorted by; null for what has none
     */
    public function __construct(
        public readonly string $column,
        private readonly Column $source,
        private readonly string $key,
        public readonly bool $isDown,
        private readonly bool $isWhole,
        public readonly ?Cursor $cursor,
        private readonly ?string $value,
    ) {
        $this->by = $source->order ?? $source->sql;
    }

    public function from(?Cursor $cursor): Order
    {
        return new Order($this->column, $this->source, $this->key, $this->isDown, $this->isWhole, $cursor, null);
    }

    /** ORDER BY, the other way round for what is before a row. */
    public function sql(bool $isBackwards): string
    {
        $direction = $this->isDown === $isBackwards ? 'ASC' : 'DESC';
        $then = $this->by === $this->key ? '' : ", $this->key $direction";
        return " ORDER BY $this->by $direction$then";
    }

    /**
     * Between which values rows behind the cursor's are, or those before it, by a
     * column of whole numbers: from the first on, and below the second.
     *
     * @return array{?string, ?string}
     */
    public function ends(bool $isBackwards): array
    {
        if ($this->cursor === null || !$this->isWhole) {
            return [null, null];
        }
        $isKey = $this->by === $this->key;
        $value = $isKey ? $this->cursor->key : ($this->value ?? '0');
        $next = digits((float) $value + 1);
        return $this->isDown === $isBackwards ? [$isKey ? $next : $value, null] : [null, $isKey ? $value : $next];
    }

    /** Adds to $where that rows are behind the cursor's, or before it, where ends() do not say so. */
    public function beside(Where $where, bool $isBackwards): void
    {
        if ($this->cursor === null) {
            return;
        }
        $key = $this->cursor->key;
        $than = $this->isDown === $isBackwards ? '>' : '<';
        if ($this->isWhole) {
            // Rows at the end itself.
            if ($this->by !== $this->key) {
                $where->add("$this->by $than ? OR $this->key $than ?", $this->value ?? '0', $key);
            }
        } elseif ($this->by === $this->key) {
            $where->add("$this->key $than ?", $key);
        } elseif ($this->value === null) {
            $where->add($than === '<' ? "$this->by IS NULL AND $this->key < ?" : "$this->by IS NOT NULL OR $this->key > ?", $key);
        } else {
            // What is reckoned has no type of its own: adding makes a number of the parameter.
            $value = $this->source->kind->isText() || preg_match('/^\w+$/D', $this->by) === 1 ? '?' : '(? + 0)';
            $none = $than === '<' ? " OR $this->by IS NULL" : '';
            $where->add(
                "$this->by $than $value OR ($this->by = $value AND $this->key $than ?)$none",
                $this->value,
                $this->value,
                $key,
            );
        }
    }
}
