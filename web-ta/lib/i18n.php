<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** How long a choice of language or theme is remembered. */
const REMEMBER_SECS = 31536000;

/**
 * $text in the language of the page. The English text is the key;
 * {name} in it is replaced by $with['name'].
 *
 * @param array<string, string> $with
 */
function t(string $text, array $with = []): string
{
    static $texts = null;
    $texts ??= language() === 'en' ? [] : require __DIR__ . '/../lang/' . language() . '.php';
    $pairs = [];
    foreach ($with as $name => $value) {
        $pairs['{' . $name . '}'] = $value;
    }
    return strtr($texts[$text] ?? $text, $pairs);
}

/**
 * What something means by the daemon's own words, in one line: as they are, or in
 * the language of the page.
 *
 * @param string $of "settings" or "columns"
 */
function meaning(string $doc, string $of): string
{
    static $texts = [];
    $texts[$of] ??= language() === 'en' ? [] : require __DIR__ . "/../lang/{$of}_" . language() . '.php';
    $text = trim((string) preg_replace('/\s+/', ' ', $doc));
    return $texts[$of][$text] ?? $text;
}

/** By the URL, which is remembered, or the cookie, or what the browser asks for. */
function language(): string
{
    static $language = null;
    return $language ??= choice('lang', ['en', 'zh']) ?? browserLanguage();
}

/** "light" or "dark"; null for what the system has. */
function theme(): ?string
{
    static $theme = false;
    if ($theme === false) {
        $theme = choice('theme', ['light', 'dark']);
    }
    return $theme;
}

/** @param list<string> $allowed */
function choice(string $name, array $allowed): ?string
{
    $chosen = Request::get()->text($name);
    if (in_array($chosen, $allowed, true)) {
        // The script changes the theme too, so the cookies are open to it.
        setcookie($name, $chosen, ['expires' => time() + REMEMBER_SECS, 'samesite' => 'Lax']);
        return $chosen;
    }
    $remembered = $_COOKIE[$name] ?? null;
    return in_array($remembered, $allowed, true) ? $remembered : null;
}

/** English, unless Chinese stands before it in the browser's list. */
function browserLanguage(): string
{
    $accepted = strtolower((string) ($_SERVER['HTTP_ACCEPT_LANGUAGE'] ?? ''));
    return preg_match('/^[^a-z]*(?:(?!en|zh)[a-z][^,]*,[^a-z]*)*zh/', $accepted) === 1 ? 'zh' : 'en';
}
