<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// How the overview shows its parts.

function allOf(Filter $filter, string $page): string
{
    return anchor($filter->to($page), say('All') . ' ›', 'more');
}

/** @param array<string, mixed> $parts with those of summaryDns() */
function dnsFacts(array $parts, Filter $filter): string
{
    $dns = $parts['dns'];
    $questions = grouped($dns['questions']);
    $questions = $parts['is_dns_partial'] ? t('more than {n}', ['n' => $questions]) : $questions;
    $share = static fn (string $rcode, float $count): string => anchor(
        $filter->to('dns', ['rcode' => $rcode, 'kind' => 'dns']),
        h(percent($count, $dns['questions'])),
    );
    $average = $dns['timed'] > 0 ? duration($dns['latency'] / $dns['timed']) : DASH;
    return '<dl class="tiles small">'
        . tile(t('Questions'), anchor($filter->to('dns', ['kind' => 'dns']), h($questions)))
        . tile(t('Without an answer'), $share(NONE, $dns['unanswered']))
        . tile(t('Names that do not exist'), $share('NXDOMAIN', $dns['nxdomain']))
        . tile(t('Took on average'), h($average))
        . '</dl>' . stackedBar([
            ['ok', 'NOERROR', $dns['noerror']],
            ['warn', 'NXDOMAIN', $dns['nxdomain']],
            ['bad', say('other errors'), $dns['questions'] - $dns['noerror'] - $dns['nxdomain'] - $dns['unanswered']],
            ['plain', say('no answer'), $dns['unanswered']],
        ]);
}

/** @param list<array<string, float|string|null>> $names */
function dnsRanking(array $names, Filter $filter): string
{
    return ranking(array_map(static fn (array $row): array => [
        anchor($filter->to('dns', ['name' => $row['qname']]), h($row['qname'])),
        h(grouped($row['questions'])),
        $row['questions'],
    ], $names), (float) ($names[0]['questions'] ?? 0));
}

/**
 * What was lost on the way, by stage.
 *
 * @param list<array<string, float|string|null>> $stages see summaryHealth()
 */
function healthList(array $stages): string
{
    if ($stages === []) {
        return '<p class="none">' . say('Not known: a capture file was read, or the daemon did not run.') . '</p>';
    }
    $html = '';
    foreach ($stages as $stage) {
        $html .= '<div><dt>' . h(stageText($stage['stage'])) . '</dt><dd>' . say('{lost} of {offered} lost', [
            'lost' => grouped($stage['lost']),
            'offered' => grouped($stage['offered']),
        ]) . ($stage['lost'] > 0 ? ' <b>' . h(percent($stage['lost'], $stage['offered'])) . '</b>' : '') . '</dd></div>';
    }
    return "<dl class=\"pairs\">$html</dl>";
}

/** @param list<array<string, float|string|null>> $stages */
function healthBadge(array $stages): string
{
    return match (true) {
        $stages === [] => '',
        array_sum(array_column($stages, 'lost')) > 0 => badge(t('Something was lost'), 'warn'),
        default => badge(t('Nothing was lost'), 'ok'),
    };
}

/**
 * How much of what passed each interface was seen, and has a name.
 *
 * @param list<array<string, float|string|null>> $lines see summaryCoverage()
 */
function coverageList(array $lines): string
{
    if ($lines === []) {
        return '<p class="none">' . say('Not known: a capture file was read, or the daemon did not run.') . '</p>';
    }
    $html = '';
    foreach ($lines as $line) {
        // The interface is asked a moment before what it passed on is read.
        $seen = min($line['bytes_seen'], $line['bytes_line']);
        $html .= '<div><dt>' . h(t('Interface {name}', ['name' => $line['iface']])) . '</dt><dd>'
            . say('{part} of {bytes} seen', [
                'part' => percent($seen, $line['bytes_line']),
                'bytes' => bytes($line['bytes_line']),
            ]) . ' <small>' . say('{part} of that without app or name', [
                'part' => percent($line['bytes_unnamed'], $line['bytes_seen']),
            ]) . '</small></dd></div>';
    }
    return "<dl class=\"pairs\">$html</dl>";
}

/** A stage by its name: the engine, the store or an interface. */
function stageText(string $stage): string
{
    return match (true) {
        $stage === 'engine' => t('Decoding'),
        $stage === 'store' => t('Database'),
        str_starts_with($stage, 'out ') => t('Way out {name}', ['name' => substr($stage, 4)]),
        default => t('Interface {name}', ['name' => $stage]),
    };
}

/** @param array{today: float, budget: float, held: bool} $flash see summaryFlash() */
function flashLine(array $flash): string
{
    $bytes = ['today' => bytes($flash['today']), 'budget' => bytes($flash['budget'])];
    $text = $flash['budget'] > 0
        ? t('{today} today, of {budget} that a day may write', $bytes)
        : t('{today} today', $bytes);
    return '<dl class="pairs"><div><dt>' . say('Written to lasting storage') . '</dt><dd>' . h($text)
        . ($flash['held'] ? ' ' . badge(t('Writing is put off'), 'warn') : '') . '</dd></div></dl>';
}
