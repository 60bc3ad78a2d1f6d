<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** From text to terms; src/query/parse.rs has the grammar. */
final class QueryParser
{
    private int $at = 0;
    private int $values = 0;
    /** @var list<array<string, mixed>> */
    private array $terms = [];
    /** @var array<string, array<string, mixed>> */
    private array $edges = [];
    /** @var array<string, array{int, int, int}> */
    private array $places = [];

    /**
     * @param list<string> $chars
     * @param ?list<array{names: list<string>, kind: string, columns: list<string>}> $fields
     */
    private function __construct(private readonly array $chars, private readonly ?array $fields)
    {
    }

    /**
     * Reads $text as a query of a page with these fields; fails by its first mistake.
     *
     * @param ?list<array{names: list<string>, kind: string, columns: list<string>}> $fields null
     *     for whatever is there: then only since and until are read
     */
    public static function parse(?string $text, ?array $fields): Query
    {
        if ($text === null) {
            return new Query([]);
        }
        if (preg_match('//u', $text) !== 1) {
            throw new QueryMistake(t('the query is no text'), 1, 1);
        }
        $longest = Query::known()['longest'];
        if (strlen($text) > $longest) {
            $length = min($longest + 1, strlen(preg_replace('/[\x80-\xbf]+/', '', $text)));
            throw new QueryMistake(t('the query is longer than {n} bytes', ['n' => (string) $longest]), 1, $length);
        }
        $parser = new QueryParser(preg_split('//u', $text, -1, PREG_SPLIT_NO_EMPTY), $fields);
        while ($parser->skipSpaces()) {
            $parser->term();
        }
        return new Query($parser->terms, $parser->edges, $parser->places);
    }

    private function peek(int $ahead = 0): ?string
    {
        return $this->chars[$this->at + $ahead] ?? null;
    }

    /** Also the wide space that Chinese keyboards write. */
    private static function isSpace(?string $char): bool
    {
        return $char !== null && str_contains(" \t\n\f\r\u{3000}", $char);
    }

    /** Whether anything follows. */
    private function skipSpaces(): bool
    {
        while (self::isSpace($this->peek())) {
            $this->at++;
        }
        return $this->peek() !== null;
    }

    private function term(): void
    {
        $begin = $this->at;
        $not = $this->peek() === '-' && $this->peek(1) !== null && !self::isSpace($this->peek(1));
        $this->at += $not ? 1 : 0;
        $name = $this->fieldName();
        $what = $name === null ? $this->word() : $this->field($name, $begin, $not);
        if ($what !== null) {
            $this->terms[] = ($not ? ['not' => true] : []) + $what;
        }
    }

    /** The name before a sign of comparison, unless all of it is an address. */
    private function fieldName(): ?string
    {
        $word = '';
        for ($at = $this->at; isset($this->chars[$at]) && !self::isSpace($this->chars[$at]); $at++) {
            $word .= $this->chars[$at];
        }
        if (preg_match('/^([a-z][a-z0-9_]*)[:<>]/i', $word, $found) !== 1 || queryNet($word) !== null || isMac($word)) {
            return null;
        }
        $this->at += strlen($found[1]);
        return strtolower($found[1]);
    }

    private function sign(): string
    {
        $sign = $this->peek();
        if ($sign !== ':' && $this->peek(1) === '=') {
            $sign .= '=';
        }
        $this->at += strlen($sign);
        return $sign;
    }

    /** @return array<string, mixed> */
    private function word(): array
    {
        $piece = $this->piece(false);
        $this->count($piece);
        [$text, $name] = [$piece['text'], strtolower($piece['text'])];
        $find = fn (string $field): ?array => $piece['quoted'] ? null : $this->find($field);
        $protocol = in_array($name, Query::known()['protocols'], true) ? $find('protocol') : null;
        // One address is searched as text too; a prefix would be found nowhere.
        $ip = str_contains($text, '/') && queryNet($text) !== null ? $find('ip') : null;
        return match (true) {
            $protocol !== null => ['field' => $protocol, 'is' => [$name]],
            $ip !== null => ['field' => $ip, 'is' => [self::net($piece)]],
            default => ['word' => self::text($piece)],
        };
    }

    /** @return ?array{names: list<string>, kind: string, columns: list<string>} */
    private function find(string $name): ?array
    {
        foreach ($this->fields ?? [] as $field) {
            if (in_array($name, $field['names'], true)) {
                return $field;
            }
        }
        return null;
    }

    /**
     * What is behind a field's name; null for since and until, which are no conditions.
     *
     * @return ?array<string, mixed>
     */
    private function field(string $name, int $begin, bool $not): ?array
    {
        $end = $this->at;
        $place = [$end - strlen($name), $end];
        $sign = $this->sign();
        $signed = [$place[0], $this->at];
        $isEdge = $name === 'since' || $name === 'until';
        if ($isEdge && $not) {
            throw self::mistake(t('"{name}" can not be excluded', ['name' => $name]), [$begin, $end]);
        }
        $field = $this->find($name);
        $isAny = $this->fields === null && !$isEdge;
        if ($field === null && !$isEdge && !$isAny) {
            $names = implode(', ', [...array_map(static fn (array $known) => $known['names'][0], $this->fields), 'since', 'until']);
            throw self::mistake(t('there is no field "{name}" here; there are {names}', ['name' => $name, 'names' => $names]), $place);
        }
        if ($sign !== ':' && !$isAny && ($isEdge || !isset(QUERY_UNITS[$field['kind']]))) {
            throw self::mistake(t('"{name}" can not be compared; write {name}:', ['name' => $name]), $signed);
        }
        $pieces = $this->values($name, $signed);
        if (count($pieces) > 1 && ($sign !== ':' || $isEdge)) {
            throw self::mistake(t('"{name}" takes one value', ['name' => $name]), $signed);
        }
        if ($isEdge) {
            $this->edge($name, $pieces[0], $place);
        }
        if ($field === null) {
            return null;
        }
        $read = static fn (array $piece): array|string|null => self::read($field['kind'], $piece, $sign);
        return ['field' => $field, 'is' => array_map($read, $pieces)];
    }

    /**
     * @param array{text: string, quoted: bool, place: array{int, int}} $piece
     * @param array{int, int} $place
     */
    private function edge(string $name, array $piece, array $place): void
    {
        if (isset($this->edges[$name])) {
            throw self::mistake(t('"{name}" is there twice', ['name' => $name]), $place);
        }
        $this->edges[$name] = queryEdge($piece['text'], $name === 'until')
            ?? throw self::mistake(t('"{value}" is no time; one is like 2d, 2026-11-20 or 2026-11-20T18:30', ['value' => $piece['text']]), $piece['place']);
        $this->places[$name] = [...$place, $this->at];
    }

    /**
     * The values behind the sign of the field that stands at $signed.
     *
     * @param array{int, int} $signed
     * @return list<array{text: string, quoted: bool, place: array{int, int}}>
     */
    private function values(string $name, array $signed): array
    {
        $pieces = [];
        do {
            $this->at += $pieces === [] ? 0 : 1;
            $next = $this->peek();
            if ($next === null || $next === ',' || self::isSpace($next)) {
                throw $pieces === []
                    ? self::mistake(t('a value is missing after "{name}"', ['name' => $name]), $signed)
                    : self::mistake(t('a value is missing after the comma'), [$this->at - 1, $this->at]);
            }
            $piece = $this->piece(true);
            $this->count($piece);
            $pieces[] = $piece;
        } while ($this->peek() === ',');
        return $pieces;
    }

    /** @param array{text: string, quoted: bool, place: array{int, int}} $piece */
    private function count(array $piece): void
    {
        $most = Query::known()['most'];
        if (++$this->values > $most) {
            throw self::mistake(t('there are more than {n} terms and values', ['n' => (string) $most]), $piece['place']);
        }
    }

    /**
     * All up to the next space, or $inList also comma, or what is quoted.
     *
     * @return array{text: string, quoted: bool, place: array{int, int}}
     */
    private function piece(bool $inList): array
    {
        $begin = $this->at;
        if ($this->peek() === '"') {
            return $this->quoted($begin, $inList);
        }
        $text = '';
        while (($char = $this->peek()) !== null && !self::isSpace($char) && !($inList && $char === ',')) {
            $text .= $char;
            $this->at++;
        }
        return ['text' => $text, 'quoted' => false, 'place' => [$begin, $this->at]];
    }

    /** @return array{text: string, quoted: bool, place: array{int, int}} */
    private function quoted(int $begin, bool $inList): array
    {
        $text = '';
        for ($this->at++; $this->peek() !== '"'; $this->at++) {
            if ($this->peek() === null) {
                throw self::mistake(t('the quote is not closed'), [$begin, count($this->chars)]);
            }
            $this->at += $this->peek() === '\\' && in_array($this->peek(1), ['"', '\\'], true) ? 1 : 0;
            $text .= $this->peek();
        }
        $this->at++;
        $next = $this->peek();
        if ($next !== null && !self::isSpace($next) && !($inList && $next === ',')) {
            throw self::mistake(t('a space is missing after the quote'), [$this->at, $this->at + 1]);
        }
        if ($text === '') {
            throw self::mistake(t('there is nothing in the quotes'), [$begin, $this->at]);
        }
        return ['text' => $text, 'quoted' => true, 'place' => [$begin, $this->at]];
    }

    /**
     * The value that $piece is for a field of this kind.
     *
     * @param array{text: string, quoted: bool, place: array{int, int}} $piece
     * @return array<int|string, mixed>|string|null
     */
    private static function read(string $kind, array $piece, string $sign): array|string|null
    {
        if ($piece['text'] === '-' && !$piece['quoted'] && $sign === ':') {
            return null;
        }
        $with = ['value' => $piece['text']];
        return match ($kind) {
            'number' => self::range($kind, $piece, $sign, t('"{value}" is no number; one is like 443 or 8000-8999', $with)),
            'size' => self::range($kind, $piece, $sign, t('"{value}" is no size; one is like 10M', $with)),
            'duration' => self::range($kind, $piece, $sign, t('"{value}" is no length of time; one is like 5min', $with)),
            'address' => self::net($piece),
            'lower' => self::text(['text' => strtolower($piece['text'])] + $piece),
            'upper' => self::text(['text' => strtoupper($piece['text'])] + $piece),
            default => self::text($piece),
        };
    }

    /**
     * As it is when it was quoted; otherwise "*" in it stands for anything.
     *
     * @param array{text: string, quoted: bool, place: array{int, int}} $piece
     * @return array{like: string}|string
     */
    private static function text(array $piece): array|string
    {
        return !$piece['quoted'] && str_contains($piece['text'], '*') ? ['like' => $piece['text']] : $piece['text'];
    }

    /**
     * @param array{text: string, quoted: bool, place: array{int, int}} $piece
     * @return array{float, ?float}
     */
    private static function range(string $kind, array $piece, string $sign, string $expected): array
    {
        [$least, $most] = queryRange($piece['text'], $kind) ?? throw self::mistake($expected, $piece['place']);
        if ($least > $most) {
            throw self::mistake(t('the range ends before it begins'), $piece['place']);
        }
        if ($sign !== ':' && $least !== $most) {
            throw self::mistake($expected, $piece['place']);
        }
        if ($sign === '<' && $least === 0.0) {
            throw self::mistake(t('nothing is less than 0'), $piece['place']);
        }
        return match ($sign) {
            ':' => [$least, $most],
            '>' => [$least + 1, null],
            '>=' => [$least, null],
            '<' => [0.0, $least - 1],
            '<=' => [0.0, $least],
        };
    }

    /**
     * @param array{text: string, quoted: bool, place: array{int, int}} $piece
     * @return array{net: string}
     */
    private static function net(array $piece): array
    {
        [$bytes, $length] = queryNet($piece['text'])
            ?? throw self::mistake(t('"{value}" is no address; one is like 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32', ['value' => $piece['text']]), $piece['place']);
        return ['net' => ipText($bytes) . "/$length"];
    }

    /** @param array{int, int} $place the first character and the one behind the last */
    private static function mistake(string $text, array $place): QueryMistake
    {
        return new QueryMistake($text, $place[0] + 1, max(1, $place[1] - $place[0]));
    }
}
