<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** Terms of queries as conditions with their parameters. src/query/sql.rs makes the same of them. */
final class QuerySql
{
    private string $sql = '';
    /** @var list<int|string> */
    private array $params = [];

    /** @param bool $isRolled the columns "app" and "device" are numbers of rollup_name, 0 for none */
    public function __construct(private readonly Db $db, private readonly bool $isRolled = false)
    {
    }

    /**
     * @param array<string, mixed> $term see Query
     * @param list<string|array{string, string, list<string>}> $columns where words are searched
     * @return array{string, list<int|string>}
     */
    public function term(array $term, array $columns): array
    {
        [$this->sql, $this->params] = ['', []];
        isset($term['field']) ? $this->field($term['field'], $term['is']) : $this->word($term['word'], $columns);
        // What is unknown is not excluded.
        return [isset($term['not']) ? "($this->sql) IS NOT TRUE" : $this->sql, $this->params];
    }

    private function put(string $sql, int|string ...$params): void
    {
        $this->sql .= $sql;
        array_push($this->params, ...$params);
    }

    /** @param array{like: string}|string $word @param list<string|array{string, string, list<string>}> $columns */
    private function word(array|string $word, array $columns): void
    {
        $pattern = '%' . self::pattern($word) . '%';
        $or = '';
        foreach ($columns as $column) {
            [$key, $table, $there] = is_array($column) ? $column : [$column, '', []];
            $this->put($or);
            $this->within($key, function (string $name) use ($key, $table, $there, $pattern): void {
                $this->put($table === '' ? '(' : "$name IN (SELECT $key FROM $table WHERE ");
                $this->likes($table === '' ? [$name] : $there, $pattern);
                $this->put(')');
            });
            $or = ' OR ';
        }
    }

    /** Puts a condition on the column, or on the name that it is the number of. */
    private function within(string $column, callable $condition): void
    {
        $this->put($this->isRolled ? "$column IN (SELECT id FROM rollup_name WHERE " : '(');
        $condition($this->isRolled ? 'name' : $column);
        $this->put(')');
    }

    /** @param list<string> $columns */
    private function likes(array $columns, string $pattern): void
    {
        $either = implode(' OR ', array_map($this->db->contains(...), $columns));
        $this->put($either, ...array_fill(0, count($columns), $pattern));
    }

    /**
     * @param array{names: list<string>, kind: string, columns: list<string>} $field
     * @param list<array<int|string, mixed>|string|null> $values
     */
    private function field(array $field, array $values): void
    {
        $or = '';
        foreach ($field['columns'] as $column) {
            foreach ($values as $value) {
                $this->put($or);
                $this->put($this->isRolled && $value === null ? "$column = 0 OR " : '');
                $this->within($column, fn (string $name) => $this->value($field['kind'], $name, $value));
                $or = ' OR ';
            }
        }
    }

    /** @param array<int|string, mixed>|string|null $value */
    private function value(string $kind, string $column, array|string|null $value): void
    {
        match (true) {
            $value === null && $kind === 'class' =>
                $this->put("($column IS NULL OR $column NOT IN (SELECT app FROM catalog WHERE class IS NOT NULL))"),
            $value === null => $this->put("$column IS NULL"),
            isset($value['net']) => $this->net($column, $value['net']),
            is_array($value) && !isset($value['like']) => $this->range($column, ...$value),
            $kind === 'device' => $this->device($column, $value),
            $kind === 'app' => $this->app($column, $value),
            $kind === 'class' => $this->named($column, 'app', 'catalog', ['class', 'class_en', 'class_zh'], $value),
            // These are kept in one case, so that an index helps.
            is_string($value) && ($kind === 'lower' || $kind === 'upper') => $this->put("$column = ?", $value),
            default => $this->likes([$column], self::pattern($value)),
        };
    }

    private function range(string $column, float $least, ?float $most): void
    {
        [$first, $one] = self::number($least);
        [$last, $two] = self::number($most ?? 0.0);
        match (true) {
            $least === $most => $this->put("$column = $first", $one),
            $most === null => $this->put("$column >= $first", $one),
            $least === 0.0 => $this->put("$column <= $last", $two),
            default => $this->put("$column BETWEEN $first AND $last", $one, $two),
        };
    }

    /** @return array{string, int|string} its mark and its parameter: PHP's int may be small, and a text is no number for a sum */
    private static function number(float $number): array
    {
        return $number <= PHP_INT_MAX ? ['?', (int) $number] : ['? + 0', digits($number)];
    }

    /** @param list<string> $names @param array{like: string}|string $value */
    private function named(string $column, string $key, string $table, array $names, array|string $value): void
    {
        $this->put("$column IN (SELECT $key FROM $table WHERE ");
        $this->likes($names, self::pattern($value));
        $this->put(')');
    }

    /** @param array{like: string}|string $value */
    private function app(string $column, array|string $value): void
    {
        $this->put('(');
        is_string($value) ? $this->put("$column = ?", $value) : $this->likes([$column], self::pattern($value));
        $this->put(' OR ');
        $this->named($column, 'app', 'catalog', ['app', 'app_zh'], $value);
        $this->put(')');
    }

    /** A device by one of its addresses, its MAC address or its name. @param array{like: string}|string $value */
    private function device(string $column, array|string $value): void
    {
        $text = is_array($value) ? $value['like'] : $value;
        $this->put('(');
        if (queryNet($text) !== null) {
            $this->net($column, $text);
            $this->put(" OR $column IN (SELECT device FROM device WHERE ");
            $this->net('ipv4', $text);
            $this->put(' OR ');
            $this->net('ipv6', $text);
            $this->put(')');
        } elseif (isMac($text)) {
            $mac = strtolower($text);
            $this->put("$column = ? OR $column IN (SELECT device FROM device WHERE mac = ?)", $mac, $mac);
        } else {
            $this->put("$column = ? OR ", $text);
            $this->named($column, 'device', 'device', ['name'], $value);
            if (Query::known()['labels']) {
                $this->put(' OR ');
                $this->named($column, 'device', 'label', ['alias'], $value);
            }
        }
        $this->put(')');
    }

    /**
     * The text in $column is an address with this prefix. Whole parts of an address
     * are a range of texts, which an index can find.
     */
    private function net(string $column, string $net): void
    {
        [$bytes, $length] = queryNet($net);
        if ($length === strlen($bytes) * 8) {
            $this->put("$column = ?", ipText($bytes));
            return;
        }
        $this->put('(');
        strlen($bytes) === 4 ? $this->net4($column, $bytes, $length) : $this->net6($column, $bytes, $length);
        $this->put(')');
    }

    private function net4(string $column, string $bytes, int $length): void
    {
        $octets = array_values(unpack('C4', $bytes));
        $whole = intdiv($length, 8);
        $begin = implode('', array_map(static fn (int $octet): string => "$octet.", array_slice($octets, 0, $whole)));
        $whole === 0 ? $this->put("$column LIKE '%.%' AND $column NOT LIKE '%:%'") : $this->beginning($column, $begin);
        if ($length % 8 > 0) {
            // The rest begins with this octet, as a number: "7.255" is between 7 and 8.
            $rest = "SUBSTR($column, " . (strlen($begin) + 1) . ') + 0';
            $least = $octets[$whole];
            $this->put(" AND $rest >= ? AND $rest < ?", $least, $least + (1 << 8 - $length % 8));
        }
    }

    private function net6(string $column, string $bytes, int $length): void
    {
        $segments = array_values(unpack('n8', $bytes));
        $begin = '';
        $plain = 0;
        // Before the first zero no segment can hide in "::".
        while ($plain < intdiv($length, 16) && $segments[$plain] !== 0) {
            $begin .= dechex($segments[$plain++]) . ':';
        }
        if ($begin !== '') {
            $this->beginning($column, $begin);
        }
        // A MAC address begins with two digits.
        if ($plain * 16 !== $length || $segments[0] <= 0xff || $length === 0) {
            $first = strtoupper(bin2hex($bytes));
            $last = $bytes | ~queryNet(str_repeat('ffff:', 7) . "ffff/$length")[0];
            $this->put(($begin === '' ? '' : ' AND ') . $this->db->ip6Hex($column) . ' BETWEEN ? AND ?', $first, strtoupper(bin2hex($last)));
        }
    }

    /** The text begins with $begin, whose last character is a sign before a digit. */
    private function beginning(string $column, string $begin): void
    {
        // The next character of ASCII: "/" comes after ".", ";" after ":".
        $end = substr($begin, 0, -1) . (str_ends_with($begin, '.') ? '/' : ';');
        $this->put("$column >= ? AND $column < ?", $begin, $end);
    }

    /** A value for Db::contains(). @param array{like: string}|string $value */
    private static function pattern(array|string $value): string
    {
        $escapes = ['!' => '!!', '%' => '!%', '_' => '!_'];
        return is_string($value) ? strtr($value, $escapes) : strtr($value['like'], $escapes + ['*' => '%']);
    }
}
