<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * Who may see the pages. The daemon knows the password, holds the sessions and
 * counts the tries; here are the cookie and who needs none: while there is no
 * password, whoever sits at the machine itself.
 */
final class Door
{
    private const COOKIE = 'weir_session';

    /** What the daemon makes: 128 bits. */
    private const TOKEN = '/^[0-9a-f]{32}$/D';

    /** What a program shows: 128 bits as well. */
    private const BEARER = '/^Bearer (weir_[0-9a-f]{32})$/Di';

    /** @param ?array<string, mixed> $session {"token", "csrf", "admin", "by_ticket"}; null for nobody, or who needs none */
    private function __construct(
        public readonly bool $isOpen,
        public readonly bool $hasPassword,
        public readonly ?array $session,
        public readonly bool $isDaemonAway,
        /** By a token, which only reads. */
        public readonly bool $isProgram = false,
    ) {
    }

    private static ?Door $here = null;

    public static function here(): Door
    {
        return self::$here ??= self::look();
    }

    /** Whether somebody is known to be signed in. Does not look, so that it can not fail. */
    public static function isSomebodyIn(): bool
    {
        return self::$here?->session !== null;
    }

    /** For the API, which takes tokens as well: who shows one comes in by it or not at all. */
    public static function forPrograms(): Door
    {
        $shown = $_SERVER['HTTP_AUTHORIZATION'] ?? $_SERVER['REDIRECT_HTTP_AUTHORIZATION'] ?? null;
        if ($shown === null) {
            return self::here();
        }
        if (!is_string($shown) || preg_match(self::BEARER, $shown, $found) !== 1) {
            return self::$here = new Door(false, true, null, false, true);
        }
        $answer = askDaemon(['command' => 'door', 'session' => '', 'bearer' => strtolower($found[1])]);
        $isIn = ($answer['bearer'] ?? null) === true;
        return self::$here = new Door($isIn, ($answer['password'] ?? true) === true, null, $answer === null, true);
    }

    /** Whether it may change things; the daemon asks the same of every command that does. */
    public function mayChange(): bool
    {
        return $this->session !== null && $this->session['admin'] === true;
    }

    /** Whether somebody is known to come in for looking only. Does not look, so that it can not fail. */
    public static function isGuestIn(): bool
    {
        $here = self::$here;
        return $here !== null && ($here->isProgram || ($here->session !== null && !$here->mayChange()));
    }

    /**
     * Asks the daemon in the name of this session.
     *
     * @param array<string, mixed> $with
     * @return ?array<string, mixed> null when it does not answer
     */
    public function ask(string $command, array $with = []): ?array
    {
        $session = ['session' => $this->session['token'] ?? '', 'csrf' => $this->session['csrf'] ?? ''];
        return askDaemon(['command' => $command] + $with + $session);
    }

    private static function look(): Door
    {
        $answer = askDaemon(['command' => 'door', 'session' => self::token()]);
        if (isset($answer['password'])) {
            $session = is_array($answer['session']) ? $answer['session'] : null;
            $hasPassword = $answer['password'] === true;
            return new Door($session !== null || (!$hasPassword && self::isLocal()), $hasPassword, $session, false);
        }
        // As after `weir read`: nobody is there who could let anybody in.
        $file = webInfo()['password_file'] ?? null;
        $hasPassword = is_string($file) && file_exists($file);
        return new Door(!$hasPassword && self::isLocal(), $hasPassword, null, true);
    }

    private static function token(): string
    {
        $token = $_COOKIE[self::COOKIE] ?? '';
        return is_string($token) && preg_match(self::TOKEN, $token) === 1 ? $token : '';
    }

    /**
     * Whether the browser runs on this machine, and shows the page by a name
     * of this machine: another site's name that leads here is a trick.
     */
    private static function isLocal(): bool
    {
        foreach (['HTTP_X_FORWARDED_FOR', 'HTTP_FORWARDED', 'HTTP_VIA', 'HTTP_X_REAL_IP'] as $name) {
            if (isset($_SERVER[$name])) {
                return false;
            }
        }
        $isLoopback = static fn (string $address): bool =>
            preg_match('/^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/D', $address) === 1;
        $host = self::host();
        return $isLoopback((string) ($_SERVER['REMOTE_ADDR'] ?? '')) && ($host === 'localhost' || $isLoopback($host));
    }

    /** The name that the browser knows this machine by. */
    private static function host(): string
    {
        $host = strtolower((string) ($_SERVER['HTTP_HOST'] ?? ''));
        return trim((string) preg_replace('/:\d+$/D', '', $host), '[]');
    }

    /** Where to go for who may not come in; null for who may. $query is where to come back to. */
    public function way(string $query): ?string
    {
        if ($this->isOpen) {
            return null;
        }
        return 'door.php' . ($query === '' ? '' : '?' . http_build_query(['back' => $query]));
    }

    /**
     * Whether a form was sent by these pages: browsers tell where it stood. A
     * session's own token is checked by the daemon as well.
     */
    public static function isOwnForm(): bool
    {
        $from = $_SERVER['HTTP_ORIGIN'] ?? $_SERVER['HTTP_REFERER'] ?? '';
        $parts = parse_url((string) $from);
        $host = strtolower((string) ($_SERVER['HTTP_HOST'] ?? ''));
        if (!is_array($parts) || !isset($parts['host']) || $host === '') {
            return false;
        }
        return strtolower($parts['host']) . (isset($parts['port']) ? ":{$parts['port']}" : '') === $host;
    }

    /**
     * Asks the daemon for a session, and gives the browser its cookie.
     *
     * @param array<string, mixed> $question
     * @return ?string what is wrong, in words; null when it is done
     */
    public static function enter(array $question): ?string
    {
        $answer = askDaemon($question + ['from' => (string) ($_SERVER['REMOTE_ADDR'] ?? '')]);
        $token = $answer['session']['token'] ?? null;
        if (is_string($token)) {
            self::setCookie($token);
            return null;
        }
        return self::words($answer);
    }

    /** Ends this session, or all of them. */
    public static function leave(string $csrf, bool $everywhere): ?string
    {
        $question = ['command' => 'sign_out', 'session' => self::token(), 'csrf' => $csrf, 'everywhere' => $everywhere];
        $answer = askDaemon($question);
        if (isset($answer['done'])) {
            self::setCookie('');
            return null;
        }
        return self::words($answer);
    }

    private static function setCookie(string $token): void
    {
        $folder = rtrim(str_replace('\\', '/', dirname((string) ($_SERVER['SCRIPT_NAME'] ?? '/'))), '/');
        setcookie(self::COOKIE, $token, [
            'expires' => $token === '' ? 1 : 0,
            'path' => "$folder/",
            'secure' => in_array(strtolower((string) ($_SERVER['HTTPS'] ?? '')), ['on', '1'], true),
            'httponly' => true,
            'samesite' => 'Strict',
        ]);
    }

    /** @param ?array<string, mixed> $answer */
    public static function words(?array $answer): string
    {
        return match ($answer['error'] ?? null) {
            null => t('The daemon does not answer, so nobody can sign in.'),
            'wrong' => t('That was not right.'),
            'wait' => t('Too many tries. The next one is possible in {n} s.', [
                'n' => (string) (int) ($answer['seconds'] ?? 0),
            ]),
            'unset' => t('There is no password yet.'),
            'short' => t('The password needs at least 8 characters.'),
            'guest' => t('Guests change nothing.'),
            'same' => t('Guests and administrators need two passwords that differ.'),
            'name' => t('A name has up to 40 characters, and no space around it.'),
            'taken' => t('There is a token of that name already.'),
            'many' => t('There are as many tokens as there can be. Take one away first.'),
            'odd' => t('The password is too long, or has control characters in it.'),
            'file' => t('The daemon can not write the file of the password: {file}', [
                'file' => (string) ($answer['file'] ?? ''),
            ]),
            default => t('The daemon did not understand. Is it as new as these pages?'),
        };
    }
}
