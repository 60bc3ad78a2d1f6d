<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// DNS in EVE's words: a joined question and answer are two messages there.

/**
 * @param array<string, float|string|null> $row
 * @return list<array<string, mixed>>
 */
function eveDns(array $row): array
{
    $lines = $row['asked'] > 0 ? [eveMessage($row, false)] : [];
    return $row['rcode'] === null ? $lines : [...$lines, eveMessage($row, true)];
}

/** @param array<string, float|string|null> $row */
function eveMessage(array $row, bool $isResponse): array
{
    $time = $row['time'] + ($isResponse ? $row['latency_us'] ?? 0.0 : 0.0);
    $flags = (int) ($row[$isResponse ? 'answer_flags' : 'flags'] ?? 0);
    $body = ['version' => 3, 'type' => $isResponse ? 'response' : 'request', 'id' => $row['txid'], 'flags' => dechex($flags)];
    foreach (['qr' => 0x8000, 'aa' => 0x0400, 'tc' => 0x0200, 'rd' => 0x0100, 'ra' => 0x0080] as $name => $bit) {
        if (($flags & $bit) !== 0) {
            $body[$name] = true;
        }
    }
    $body['opcode'] = $flags >> 11 & 0xf;
    $body['queries'] = [];
    if ($row['qname'] !== null && $row['qtype'] !== null) {
        $asked = ['rrname' => eveName($row['qname']), 'rrtype' => $row['qtype']];
        $body['queries'] = [$asked, ...eveItems($row['more']) ?? []];
    }
    $answers = $isResponse ? eveItems($row['answers']) : null;
    $body += eveKnown([
        'rcode' => $isResponse ? $row['rcode'] : null,
        'answers' => $answers === null ? null : eveAnswers($answers, $row['qname'] ?? ''),
        'edns' => eveJson($row[$isResponse ? 'answer_edns' : 'edns']),
        'latency_us' => $isResponse ? $row['latency_us'] : null,
    ]);
    return eveHead($row['kind'], $time, $row) + eveEnds($row, false) + ['device' => $row['device'], $row['kind'] => $body];
}

/**
 * Questions or answers with their names as EVE has them.
 *
 * @return ?list<mixed>
 */
function eveItems(?string $json): ?array
{
    $items = $json === null ? null : json_decode($json, true);
    if (!is_array($items) || !array_is_list($items)) {
        return null;
    }
    foreach ($items as &$item) {
        if (is_array($item) && is_string($item['rrname'] ?? null)) {
            $item['rrname'] = eveName($item['rrname']);
        }
    }
    return $items;
}

/**
 * Each answer with its name, which is left out where it is the one asked for or,
 * behind a CNAME, its target; and with the fields that EVE takes apart.
 *
 * @param list<mixed> $answers
 * @return list<mixed>
 */
function eveAnswers(array $answers, string $qname): array
{
    $due = eveName($qname);
    foreach ($answers as &$answer) {
        if (!is_array($answer)) {
            continue;
        }
        $answer += eveParts($answer);
        if (isset($answer['rrname'])) {
            continue;
        }
        $answer['rrname'] = $due;
        if (($answer['rrtype'] ?? null) === 'CNAME' && is_string($answer['rdata'] ?? null)) {
            $due = eveName($answer['rdata']);
        }
    }
    return $answers;
}

/** EVE's objects for SRV, SOA and SSHFP, from the data as text. */
function eveParts(array $answer): array
{
    $words = explode(' ', is_string($answer['rdata'] ?? null) ? $answer['rdata'] : '');
    $number = static fn (string $word): float => preg_match('/^[0-9]+$/D', $word) === 1 ? (float) $word : 0.0;
    $type = $answer['rrtype'] ?? '';
    if ($type === 'SRV' && count($words) === 4) {
        [$priority, $weight, $port] = array_map($number, $words);
        return ['srv' => ['priority' => $priority, 'weight' => $weight, 'port' => $port, 'name' => eveName($words[3])]];
    }
    if ($type === 'SOA' && count($words) === 7) {
        $names = ['mname' => eveName($words[0]), 'rname' => eveName($words[1])];
        $fields = ['serial', 'refresh', 'retry', 'expire', 'minimum'];
        return ['soa' => $names + array_combine($fields, array_map($number, array_slice($words, 2)))];
    }
    if ($type === 'SSHFP' && count($words) === 3) {
        $fingerprint = implode(':', str_split($words[2], 2));
        return ['sshfp' => ['fingerprint' => $fingerprint, 'algo' => $number($words[0]), 'type' => $number($words[1])]];
    }
    return [];
}

/**
 * A name as EVE's readers compare it: bytes that are no UTF-8, kept as "\ddd", are
 * themselves (and replaced where JSON is written), escaped dots just dots.
 */
function eveName(string $name): string
{
    return preg_replace_callback(
        '/\\\\(?:([12][0-9]{2})|([.\\\\]))/',
        static fn (array $found): string => match (true) {
            ($found[2] ?? '') !== '' => $found[2],
            (int) $found[1] >= 128 => chr((int) $found[1] & 255),
            default => $found[0],
        },
        $name,
    );
}
