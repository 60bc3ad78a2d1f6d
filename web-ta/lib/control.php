<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** Where the daemon says where its data is. */
const WEB_INFO = '/var/run/weir/web.json';

/** Seconds to wait for the daemon; checking a password takes a small router one. */
const DAEMON_PATIENCE = 5;

/** No usual answer is longer. */
const LONGEST_ANSWER = 65536;

/**
 * What the daemon wrote for these pages.
 *
 * @return array<string, mixed>
 */
function webInfo(): array
{
    $path = getenv('WEIR_WEB') ?: WEB_INFO;
    $text = @file_get_contents($path);
    if ($text === false) {
        throw new Trouble(
            503,
            t('Weir has not said yet where its data is.'),
            t('The file {path} is missing or may not be read. Is the daemon running?', ['path' => $path]),
        );
    }
    $info = json_decode($text, true);
    if (!is_array($info) || !is_string($info['store']['kind'] ?? null)) {
        throw new Trouble(503, t('The file {path} is damaged.', ['path' => $path]));
    }
    return $info;
}

/**
 * Asks the daemon on its socket.
 *
 * @param array<string, mixed> $question
 * @return ?array<string, mixed> null when it does not answer
 */
function askDaemon(array $question, int $longest = LONGEST_ANSWER): ?array
{
    $path = webInfo()['control'] ?? null;
    $socket = is_string($path) ? @stream_socket_client("unix://$path", $number, $text, DAEMON_PATIENCE) : false;
    if ($socket === false) {
        return null;
    }
    stream_set_timeout($socket, DAEMON_PATIENCE);
    $flags = JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_UNICODE;
    $sent = @fwrite($socket, json_encode($question, $flags) . "\n");
    $line = $sent === false ? false : @fgets($socket, $longest);
    fclose($socket);
    $answer = $line === false ? null : json_decode($line, true);
    return is_array($answer) ? $answer : null;
}
