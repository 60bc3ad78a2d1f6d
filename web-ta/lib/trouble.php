<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** What is wrong, in words for the person in front of the page. */
final class Trouble extends RuntimeException
{
    /** @param array<string, int> $place where a query is wrong: "column" and "length" */
    public function __construct(
        public readonly int $status,
        string $text,
        public readonly string $hint = '',
        public readonly array $place = [],
    ) {
        parent::__construct($text);
    }

    /** For what the code did not expect. The log has the details, the page has not. */
    public static function of(Throwable $error): Trouble
    {
        error_log("weir: $error");
        if ($error instanceof PDOException) {
            return new Trouble(503, t('The database does not answer as it should.'), driverWords($error));
        }
        return new Trouble(500, t('This page has a mistake in it. The log of the web server says more.'));
    }

    public function title(): string
    {
        return match ($this->status) {
            400 => t('This was not understood'),
            401 => t('Sign in'),
            403 => t('Not for guests'),
            405 => t('Not possible'),
            503 => t('The data is away'),
            default => t('Something is broken'),
        };
    }
}

/** A driver's own words, without the codes in front of them. */
function driverWords(PDOException $error): string
{
    return trim((string) preg_replace('/^(SQLSTATE\[\w+\]:?\s*)(\[\d+\]\s*)?/', '', $error->getMessage()));
}
