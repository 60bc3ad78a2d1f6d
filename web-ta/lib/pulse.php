<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** Steps that are taken from the daemon, which has no more. */
const PULSE_STEPS = 300;

/**
 * The daemon's answer as live.php gives it: the bytes of each step, and the
 * latest in words. `is_live` is false where no daemon runs that counts, `step`
 * is null where it is yet to be asked again.
 *
 * @param ?array<string, mixed> $answer
 * @return array<string, mixed>
 */
function pulse(?array $answer): array
{
    $pulse = $answer['pulse'] ?? null;
    $isLive = is_array($answer) && array_key_exists('pulse', $answer);
    if (!is_array($pulse) || !is_int($pulse['step'] ?? null) || $pulse['step'] < 1) {
        return ['is_live' => $isLive, 'step' => null];
    }
    $out = ['is_live' => true, 'step' => $pulse['step']];
    foreach (['in', 'out'] as $way) {
        $steps = is_array($pulse[$way] ?? null) ? $pulse[$way] : [];
        $steps = array_slice(array_values(array_filter($steps, static fn (mixed $bytes): bool => is_int($bytes) || is_float($bytes))), -PULSE_STEPS);
        $out[$way] = array_map(floatval(...), $steps);
        $out["{$way}_text"] = $steps === [] ? null : bitrate((float) end($steps), $pulse['step']);
    }
    return $out;
}
