<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * The parameters of the URL. Only text comes out: what is an array, too long,
 * no UTF-8 or has control characters in it counts as not given.
 */
final class Request
{
    /** Longer than any name or address: a domain name has up to 253 bytes, escaped 1012. */
    private const LONGEST = 1024;

    /** @var array<string, true> names of parameters that were left out */
    private array $ignored = [];

    /** @param array<mixed> $values as PHP gives them */
    public function __construct(private readonly array $values)
    {
    }

    public static function get(): Request
    {
        static $request = null;
        return $request ??= new Request($_GET);
    }

    /** The parameter's text; null when it is empty, not given or nonsense. */
    public function text(string $name): ?string
    {
        $value = $this->values[$name] ?? '';
        if (!is_string($value) || strlen($value) > self::LONGEST || preg_match('/^[^\p{Cc}]*$/Du', $value) !== 1) {
            $this->ignore($name);
            return null;
        }
        $value = trim($value);
        return $value === '' ? null : $value;
    }

    /** The parameter q as it is, for it is a language that tells what is wrong; no UTF-8 where it is no text. */
    public function query(): ?string
    {
        $value = $this->values['q'] ?? null;
        return is_array($value) ? "\xff" : $value;
    }

    /** Notes that a parameter makes no sense, so that the page can say so. */
    public function ignore(string $name): void
    {
        $this->ignored[$name] = true;
    }

    /** @return list<string> */
    public function ignored(): array
    {
        return array_keys($this->ignored);
    }
}
