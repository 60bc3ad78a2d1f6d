<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Asking the daemon for changes, by the session of who is signed in.

/** The longest text that is edited: PHP holds several of it in the 8 MB that a router has. */
const LONGEST_TEXT = 524288;

/** The same as JSON, with what is around it. */
const LONGEST_FILE = 800000;

/** Seconds that a look at the past week is waited for; who asks again gets the rest. */
const TRIAL_PATIENCE = 12;

/** The parts of the settings: name => title and what shows it. */
const EDIT_PARTS = [
    'settings' => ['Settings', 'settingsPart'],
    'signatures' => ['Signatures', 'signaturesPart'],
    'policies' => ['Policies', 'policiesPart'],
    'lists' => ['Threat lists', 'listsPart'],
    'outs' => ['Ways out', 'outsPart'],
    'backup' => ['Backup', 'backupPart'],
];

/** A request to a part of the settings. */
final class Edit
{
    /** What a field may have; a text that is edited may have more. */
    private const LONGEST_FIELD = 65536;

    /** @param array<string, mixed> $session of Door */
    public function __construct(public readonly string $part, private readonly array $session)
    {
    }

    /** What the form is to do; null where none was sent. */
    public function does(): ?string
    {
        return $_SERVER['REQUEST_METHOD'] === 'POST' ? $this->field('do') : null;
    }

    public function csrf(): string
    {
        return (string) $this->session['csrf'];
    }

    /** A field of the form, with one kind of line ends; "" when it was not sent. */
    public function field(string $name): string
    {
        $value = $_POST[$name] ?? '';
        return is_string($value) && strlen($value) <= self::LONGEST_FIELD ? self::lines($value) : '';
    }

    /** A field with a whole file in it. What is too long must not become an empty file. */
    public function file(string $name): string
    {
        $value = $_POST[$name] ?? null;
        if (!is_string($value) || strlen($value) > LONGEST_TEXT) {
            throw new Trouble(400, t('This is too long. Nothing was saved.'));
        }
        return self::lines($value);
    }

    private static function lines(string $value): string
    {
        return str_contains($value, "\r") ? str_replace(["\r\n", "\r"], "\n", $value) : $value;
    }

    /** @return list<string> a field that comes several times, and lines */
    public function fields(string $name): array
    {
        $values = $_POST[$name] ?? [];
        $values = is_array($values) ? array_filter($values, is_string(...)) : explode("\n", $this->field($name));
        return array_values(array_filter(array_map(trim(...), $values), static fn (string $value) => $value !== ''));
    }

    /**
     * Asks for a change, or for what is there.
     *
     * @param array<string, mixed> $question
     * @param ?string $csrf as the form has it; its own where nothing is changed
     * @return array<string, mixed>
     */
    public function ask(string $command, array $question = [], ?string $csrf = null): array
    {
        $who = ['session' => $this->session['token'], 'csrf' => $csrf ?? $this->csrf()];
        return askDaemon(['command' => $command] + $who + $question, LONGEST_FILE)
            ?? throw new Trouble(503, t('The daemon does not answer.'), t('Is the daemon running?'));
    }

    /** Asks for a change that the form is for. @param array<string, mixed> $question */
    public function change(string $command, array $question): array
    {
        return $this->ask($command, $question, $this->field('csrf'));
    }

    /** Saves an entry of config.toml that the form describes. @param array<string, mixed> $entry */
    public function save(array $entry): array
    {
        return $this->change('config_save', ['version' => $this->field('version'), 'entry' => $entry]);
    }

    /** Removes the [[kind]] of config.toml that the form names. */
    public function remove(string $kind): array
    {
        return $this->change('config_save', ['version' => $this->field('version'),
            'remove' => ['kind' => $kind, 'name' => $this->field('name')]]);
    }

    /** Asks until a look at the past week is over, or too long. @param array<string, mixed> $question */
    public function trial(string $command, array $question): array
    {
        $begun = microtime(true);
        do {
            $answer = $this->change($command, $question);
            if (($answer['running'] ?? false) !== true) {
                return $answer;
            }
            usleep(200000);
        } while (microtime(true) - $begun < TRIAL_PATIENCE);
        return $answer;
    }

    /** @param array<string, string> $params */
    public function url(array $params = []): string
    {
        return 'settings.php?' . http_build_query(['part' => $this->part] + $params);
    }

    /** Goes on to the page after a change, so that loading it again does nothing. */
    public function goOn(string $done, array $params = []): null
    {
        header('Location: ' . $this->url($params + ['done' => $done]), true, 303);
        return null;
    }
}

/** Why the daemon did not do it, in words. @param array<string, mixed> $answer */
function editWords(array $answer): string
{
    $error = $answer['error'] ?? null;
    if ($error === null) {
        $mistakes = array_map(mistakeText(...), array_slice($answer['mistakes'] ?? [], 0, 20));
        return t('Nothing was saved because of these mistakes:') . ' ' . implode('; ', $mistakes);
    }
    return match ($error) {
        'wrong' => t('This form is an old one, or you may not change anything. Nothing was changed.'),
        'changed' => t('Somebody else changed the file meanwhile. Nothing was saved; compare what you have with what is there now.'),
        'long' => t('This is too long. Nothing was saved.'),
        'file' => t('The daemon can not write there: {file}', ['file' => (string) ($answer['file'] ?? '')]),
        'made' => t('This file is made from /etc/config/weir: change the settings in LuCI.'),
        'no file' => t('The daemon runs without a config.toml, by what is built in.'),
        'form' => t('This is written in config.toml in a way that only its text can be changed.'),
        'mistakes' => t('There are mistakes in config.toml; they have to be gone first.'),
        'gone' => t('That is not there any more, or a secret that should be kept is none.'),
        'past' => t('The past week can not be looked at: {text}', ['text' => (string) ($answer['text'] ?? '')]),
        'no text' => t('The file is no text in UTF-8.'),
        'no backup' => t('This is no backup of Weir.'),
        'part' => t('The backup has something in it that this Weir does not know. Nothing was restored.'),
        default => str_starts_with((string) $error, 'unknown command')
            ? t('The program for small routers changes nothing for these pages: signatures and settings are changed in LuCI, or in their files.')
            : t('The daemon did not understand. Is it as new as these pages?'),
    };
}

/** @param array<string, mixed> $mistake */
function mistakeText(array $mistake): string
{
    $text = isset($mistake['expected']) ? t('expected {what}', ['what' => $mistake['expected']]) : (string) ($mistake['text'] ?? '');
    $place = match (true) {
        isset($mistake['line']) => t('line {line}, column {column}', [
            'line' => (string) (int) $mistake['line'],
            'column' => (string) (int) $mistake['column'],
        ]),
        isset($mistake['name']) => ($mistake['section'] ?? '') . '.' . $mistake['name'],
        default => '',
    };
    $part = isset($mistake['part']) ? $mistake['part'] . ', ' : '';
    return $place === '' ? $text : "$part$place: $text";
}
