<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * A row that a page of rows begins behind: its key, and what it is sorted by
 * where that is a number. In an address: "KEY" or "KEY~NUMBER".
 */
final class Cursor
{
    public const PATTERN = '/^([^~]{1,64})(?:~(-?[0-9]{1,19})?)?$/Du';

    /** @param ?string $number digits; null where there is none */
    public function __construct(public readonly string $key, public readonly ?string $number)
    {
    }

    public static function parse(string $text): ?Cursor
    {
        if (preg_match(self::PATTERN, $text, $part) !== 1) {
            return null;
        }
        return new Cursor($part[1], ($part[2] ?? '') === '' ? null : $part[2]);
    }

    /** @param array<string, float|string|null> $row */
    public static function of(array $row, string $key, string $by): Cursor
    {
        $text = static fn (float|string|null $value): ?string => is_float($value) ? digits($value) : $value;
        return new Cursor((string) $text($row[$key]), is_string($row[$by]) ? null : $text($row[$by]));
    }

    public function text(): string
    {
        return "$this->key~$this->number";
    }
}

/** Where in a list the reader is: the parameters of the pager, checked. */
final class Place
{
    /** Beyond this, a narrower filter is the way to find something. */
    private const LAST_NUMBER = 100000;

    private function __construct(
        /** Which page of rows it is, from 1; with a cursor only told, without one looked for. */
        public readonly int $number,
        public readonly ?Cursor $after,
        public readonly ?Cursor $before,
        /** Only what is older than this was asked for, by the column that the list is kept by. */
        public readonly ?string $until,
        /** The script asks for what is new, to put it on top. */
        public readonly bool $isTail,
    ) {
    }

    public static function first(): Place
    {
        return new Place(1, null, null, null, false);
    }

    public static function read(Request $request): Place
    {
        $number = self::checked($request, 'p', '/^[1-9][0-9]{0,5}$/D') ?? '1';
        if ((int) $number > self::LAST_NUMBER) {
            $request->ignore('p');
            $number = '1';
        }
        $cursors = [];
        foreach (['after', 'before'] as $name) {
            $text = $request->text($name);
            $cursors[$name] = $text === null ? null : Cursor::parse($text);
            if ($text !== null && ($cursors[$name] === null || count(array_filter($cursors)) > 1)) {
                $request->ignore($name);
                $cursors[$name] = null;
            }
        }
        $until = self::checked($request, 'until', '/^[0-9]{1,19}$/D');
        $isTail = self::checked($request, 'tail', '/^1$/D') !== null && $cursors['before'] !== null;
        return new Place((int) $number, $cursors['after'], $cursors['before'], $until, $isTail);
    }

    /** Whether one page of rows is asked for, and not all of them. */
    public function isAsked(Request $request): bool
    {
        return $request->text('p') !== null || !$this->isFirst();
    }

    /** Whether it is where a list begins. */
    public function isFirst(): bool
    {
        return $this->after === null && $this->before === null && $this->until === null;
    }

    private static function checked(Request $request, string $name, string $pattern): ?string
    {
        $text = $request->text($name);
        if ($text !== null && preg_match($pattern, $text) !== 1) {
            $request->ignore($name);
            return null;
        }
        return $text;
    }

    /**
     * As parameters of a URL; what is as usual is left out.
     *
     * @return array<string, string>
     */
    public function state(): array
    {
        return array_filter([
            'p' => $this->number === 1 ? null : (string) $this->number,
            'after' => $this->after?->text(),
            'before' => $this->before?->text(),
            'until' => $this->until,
        ], static fn (?string $value): bool => $value !== null);
    }

    /**
     * The first page of something else.
     *
     * @return array<string, null>
     */
    public static function none(): array
    {
        return ['p' => null, 'after' => null, 'before' => null, 'until' => null];
    }
}
