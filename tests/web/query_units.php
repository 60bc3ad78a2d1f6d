<?php

declare(strict_types=1);

// Queries are read as src/query reads them: php query_units.php WEB-TA CASES.json

$_SERVER['REQUEST_METHOD'] = 'GET';
require $argv[1] . '/lib/start.php';

function same(mixed $got, mixed $expected, string $what): void
{
    if ($got != $expected || json_encode($got) !== json_encode($expected)) {
        fwrite(STDERR, "$what: " . json_encode($got) . ' instead of ' . json_encode($expected) . "\n");
        exit(1);
    }
}

/** Numbers as JSON has them. */
function plain(mixed $value): mixed
{
    return is_array($value) ? array_map(plain(...), $value) : (is_float($value) ? (int) $value : $value);
}

/** @return array<string, mixed> */
function form(string $text, string $view): array
{
    try {
        $query = QueryParser::parse($text, Query::fields($view));
    } catch (QueryMistake $mistake) {
        return ['error' => [$mistake->getMessage(), $mistake->column, $mistake->length]];
    }
    $terms = array_map(static function (array $term): array {
        return isset($term['field']) ? array_replace($term, ['field' => $term['field']['names'][0]]) : $term;
    }, $query->terms);
    $edges = array_filter(['since' => $query->edges['since'] ?? null, 'until' => $query->edges['until'] ?? null]);
    return ['form' => plain(['terms' => $terms] + $edges)];
}

$cases = json_decode(file_get_contents($argv[2]), true, flags: JSON_THROW_ON_ERROR);
same(count($cases) > 60, true, 'cases');
foreach ($cases as $case) {
    same(form($case['query'], $case['view']), array_diff_key($case, ['view' => 0, 'query' => 0]), $case['query']);
}

// What a link writes is read as the value it was made of.
foreach (['YouTube', 'Google Play', 'a,b', '-', '"', 'a\\"b', '\\', '视 频', '*', "'", '2001:db8::1', 'a\\032b', '%', 'since:1d'] as $value) {
    foreach ([false, true] as $isExcluded) {
        $term = Query::written('app', $value, $isExcluded);
        $expected = ($isExcluded ? ['not' => true] : []) + ['field' => 'app', 'is' => [$value]];
        same(form($term, 'sessions'), ['form' => ['terms' => [$expected]]], $term);
    }
}
same(Query::written('app', null), 'app:-', 'what is unknown');
foreach (["a\x07b", "\xff", '', str_repeat('a', 301)] as $value) {
    same(Query::written('app', $value), null, 'what nobody can write');
}

// Addresses are written as the daemon writes them, and prefixes hold what they should.
$texts = ['0.0.0.0', '255.1.20.199', '::', '::1', '1::', 'fe80::1', '2001:db8::1:0:0:1', '1:0:2:3:4:5:6:7', '0:1:2:3:4:5:6:0',
    '1:0:0:2::3', '::2:0:0:0:3', '::102:304', '1:2:3:4:5:6:7:8', '10:0:0:0:20::', '1::10:0:0:100:0'];
foreach ($texts as $text) {
    $expected = $text === '10:0:0:0:20::' ? '10::20:0:0:0' : $text;
    same(ipText(inet_pton($text)), $expected, "address $text");
}
foreach (['10.1.2.3/8' => '10.0.0.0/8', '10.1.2.3' => '10.1.2.3/32', '1.2.3.4/0' => '0.0.0.0/0', '2001:db8:ffff::/33' => '2001:db8:8000::/33',
    '::ffff:1.2.3.4/120' => '1.2.3.0/24', '1.2.3.4/33' => null, '1.2.3' => null, '::1/129' => null, '::1/' => null] as $text => $expected) {
    $net = queryNet($text);
    same($net === null ? null : ipText($net[0]) . "/$net[1]", $expected, "prefix $text");
}

// Much, and anything: a query or a mistake with its place, and no other end.
same(form(str_repeat('a ', 1024), 'sessions')['error'][0], 'the query is longer than 1024 bytes', 'a long one');
same(form(str_repeat('视', 342), 'sessions')['error'][2], 342, 'a long one');
same(form(str_repeat('a ', 101), 'sessions')['error'][1], 201, 'many terms');
same(form('app:' . str_repeat('a,', 100) . 'a', 'sessions')['error'][0], 'there are more than 100 terms and values', 'many values');
same(form("\xff\xfe", 'sessions')['error'][0], 'the query is no text', 'no UTF-8');
mt_srand(1);
$pieces = ['-', '"', 'app', ':', '>', '=', ',', ' ', '\\', '*', '1', 'M', '/', '::', '视', "\u{3000}", 'since', "\0"];
for ($try = 0; $try < 20000; $try++) {
    $text = '';
    for ($n = 0; $n < 8; $n++) {
        $text .= $pieces[mt_rand(0, count($pieces) - 1)];
    }
    $error = form($text, 'sessions')['error'] ?? null;
    same($error === null || ($error[1] >= 1 && $error[2] >= 1 && $error[1] + $error[2] <= 26), true, json_encode($text));
}
