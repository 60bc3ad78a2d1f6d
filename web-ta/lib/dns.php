<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What the list of DNS questions and the page of a session have in common.

/** Answers that are shown without asking for more. */
const ANSWERS_SHOWN = 2;

/** @return array<string, Column> */
function dnsColumns(): array
{
    return [
        'id' => new Column('Number', Kind::Number, 'id'),
        'time' => new Column('Time', Kind::Time, 'time', order: 'id'),
        'device' => new Column('Device', Kind::Text, 'device'),
        'kind' => new Column('Kind', Kind::Text, 'kind'),
        'client' => new Column('Client', Kind::Text, 'client'),
        'server' => new Column('Server', Kind::Text, 'server'),
        'qname' => new Column('Name', Kind::Text, 'qname'),
        'qtype' => new Column('Type', Kind::Text, 'qtype'),
        'rcode' => new Column('Result', Kind::Text, 'rcode'),
        'latency_us' => new Column('Took', Kind::Micros, 'latency_us'),
        'answer_count' => new Column('Answers in all', Kind::Count, 'answer_count'),
        'answers' => new Column('Answers', Kind::Json, 'answers', sortable: false),
    ];
}

/**
 * How a table shows questions.
 *
 * @return array<string, ?callable(array<string, float|string|null>): string>
 */
function dnsCells(Filter $filter, Labels $labels): array
{
    // The page of a session shows them too, and leads to this one.
    $url = static fn (string $field, string $value): string => $filter->page->id === 'dns'
        ? $filter->add($field, $value)
        : $filter->to('dns', ['q' => Query::written($field, $value)]);
    return [
        'time' => null,
        'device' => static fn (array $row): string =>
            $labels->device($row['device'], $url('device', $row['device'])),
        'qname' => static fn (array $row): string => $row['qname'] === null
            ? '<span class="none">' . say('without a question') . '</span>'
            : anchor($url('qname', $row['qname']), h($row['qname']), 'host'),
        'qtype' => static fn (array $row): string => h($row['qtype'] ?? DASH)
            . ($row['kind'] === 'dns' ? '' : '<small>' . h($row['kind']) . '</small>'),
        'rcode' => static fn (array $row): string => resultBadge($row),
        'latency_us' => static fn (array $row): string => h(shown(Kind::Micros, $row['latency_us']))
            . '<small>' . anchor($url('server', $row['server']), h($row['server'])) . '</small>',
        'answers' => static fn (array $row): string => answers($row['answers']),
    ];
}

/** @param array<string, float|string|null> $row */
function resultBadge(array $row): string
{
    if ($row['rcode'] === null) {
        // On the local network a question goes to all, and answers come by themselves.
        return $row['kind'] === 'dns' ? badge(t('no answer'), 'bad') : badge(t('question'), 'plain');
    }
    return badge($row['rcode'], match ($row['rcode']) {
        'NOERROR' => 'ok',
        'NXDOMAIN' => 'warn',
        default => 'bad',
    });
}

/** @param ?string $json an array of {rrname?, rrtype, ttl, rdata} */
function answers(?string $json): string
{
    $answers = $json === null ? null : json_decode($json, true);
    if (!is_array($answers) || $answers === []) {
        return DASH;
    }
    $lines = [];
    foreach ($answers as $answer) {
        $lines[] = '<span class="answer"><span class="type">' . h(field($answer, 'rrtype')) . '</span> '
            . h(field($answer, 'rdata')) . '</span>';
    }
    $first = implode('', array_slice($lines, 0, ANSWERS_SHOWN));
    $rest = array_slice($lines, ANSWERS_SHOWN);
    return $rest === [] ? $first : $first . '<details><summary>'
        . say('{n} more', ['n' => (string) count($rest)]) . '</summary>' . implode('', $rest) . '</details>';
}

/** A member of an answer as text, whatever it is. */
function field(mixed $answer, string $name): string
{
    $value = is_array($answer) ? $answer[$name] ?? '' : '';
    return is_scalar($value) ? (string) $value : json_encode($value, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
}
