<?php

declare(strict_types=1);

// Tests of single functions: php units.php WEB-TA

$_SERVER['REQUEST_METHOD'] = 'GET';
require $argv[1] . '/lib/start.php';
require $argv[1] . '/lib/export.php';
require $argv[1] . '/lib/session.php';
require $argv[1] . '/lib/dns.php';
require $argv[1] . '/lib/change.php';
require $argv[1] . '/lib/pulse.php';
require_once $argv[1] . '/lib/row.php';

function same(mixed $got, mixed $expected, string $what): void
{
    if ($got !== $expected) {
        fwrite(STDERR, "$what: " . var_export($got, true) . ' instead of ' . var_export($expected, true) . "\n");
        exit(1);
    }
}

// Whatever a row's page tells has its meaning in Chinese, and nothing else has.
$docs = [];
foreach (array_keys(PAGE_OF_TABLE) as $table) {
    $schema = tableSchema($table);
    array_push($docs, $schema['doc'], ...array_column($schema['columns'], 'doc'));
}
$known = array_keys(require $argv[1] . '/lang/columns_zh.php');
same(array_values(array_diff($docs, $known)), [], 'not in lang/columns_zh.php');
same(array_values(array_diff($known, $docs)), [], 'in lang/columns_zh.php for nobody');

// Zones as POSIX writes them are what PHP knows by name, every five hours for two years.
$zones = [
    'CST-8' => 'Asia/Shanghai',
    'UTC0' => 'UTC',
    '<+0530>-5:30' => 'Asia/Kolkata',
    'CET-1CEST,M3.5.0,M10.5.0/3' => 'Europe/Berlin',
    'EST5EDT,M3.2.0,M11.1.0' => 'America/New_York',
    'AEST-10AEDT,M10.1.0,M4.1.0/3' => 'Australia/Sydney',
    '<+1030>-10:30<+11>-11,M10.1.0,M4.1.0' => 'Australia/Lord_Howe',
];
foreach ($zones as $text => $name) {
    $posix = PosixZone::parse($text);
    $known = new DateTimeZone($name);
    for ($secs = 1735689600; $secs < 1735689600 + 2 * 365 * 86400; $secs += 5 * 3600) {
        same($posix->offset((float) $secs), $known->getOffset(new DateTimeImmutable("@$secs")), "$text at $secs");
    }
}
foreach (['', 'nonsense', 'CST', 'CET-1CEST,J60,J300', '../etc/passwd'] as $text) {
    same(PosixZone::parse($text), null, "zone $text");
}

same(digits(1795199636212808.0), '1795199636212808', 'digits');
same(Clock::utc(4102444800.0)->format('Y'), '2100', 'a time that an int of 32 bits does not hold');
same(bytes(0), '0 B', 'bytes');
same(bytes(999.0), '999 B', 'bytes');
same(bytes(1000.0), '1.00 kB', 'bytes');
same(bytes(999500.0), '1.00 MB', 'bytes');
same(bytes(12345678901234.0), '12.3 TB', 'bytes');
same(bitrate(60e6, 60), '8.00 Mbit/s', 'bitrate');
same(duration(400.0), '400 µs', 'duration');
same(duration(999499.0), '999 ms', 'duration');
same(duration(999999.0), '1.0 s', 'duration');
same(duration(59.94e6), '59 s', 'duration');
same(duration(3599e6), '59 min 59 s', 'duration');
same(duration(3600e6), '1 h 00 min', 'duration');
same(duration(200000e6), '2 d 7 h', 'duration');
same(percent(1, 100000), '< 0.1 %', 'percent');
same(percent(1, 0), DASH, 'percent');

same(h("<b>\u{202e}\x07\x7f&'\""), '&lt;b&gt;\u202e\u0007\u007f&amp;&#039;&quot;', 'h');
same(h("\xff"), "\u{fffd}", 'h of no UTF-8');
same(csvCell(Kind::Text, '=1+1'), "'=1+1", 'csv');
same(csvCell(Kind::Count, 12.0), '12', 'csv');
same(jsonValue(['a' => 9007199254740991.0, 'b' => [1.0, null, "\xff", '</script>']]),
    '{"a":9007199254740991,"b":[1,null,"' . "\u{fffd}" . '","\u003C/script\u003E"]}', 'json');
same(endpoint('2001:db8::1', 443.0, 'tcp'), '[2001:db8::1]:443', 'endpoint');
same(endpoint('192.0.2.1', 2048.0, 'icmp'), '192.0.2.1', 'endpoint');
same(tcpFlags(18.0), 'SYN ACK', 'flags');
same(Db::contained('50%_!'), '%50!%!_!!%', 'search');
foreach (['zh' => 'zh', 'en, zh' => 'en', 'fr, zh-TW;q=0.5' => 'zh', '' => 'en', 'de' => 'en'] as $accepted => $language) {
    $_SERVER['HTTP_ACCEPT_LANGUAGE'] = $accepted;
    same(browserLanguage(), $language, "language of $accepted");
}

foreach ([
    [0.0, 0.0, 'same', 0.0], [0.0, 1.0, 'new', 0.0], [1.0, 0.0, 'gone', 0.0], [200.0, 200.0, 'same', 0.0],
    [1000.0, 1004.0, 'same', 0.0], [1000.0, 1005.0, 'up', 0.5], [100.0, 140.0, 'up', 40.0], [100.0, 25.0, 'down', 75.0],
] as [$before, $now, $kind, $percent]) {
    same(change($before, $now)[0], $kind, "change from $before to $now");
    same(round(change($before, $now)[1], 6), $percent, "percent from $before to $now");
}
same(changeMark(null, 5.0), '', 'a change without a time before');
same(strip_tags(changeMark(100.0, 140.0)), '▲ 40 % more than before: 40 %', 'words of a change');
same(strip_tags(changeMark(1000.0, 1.0)), '▼ 99 % less than before: 99 %', 'a little left is not nothing');
same(strip_tags(changeMark(100.0, 1000.0)), '▲ 900 % more than before: 900 %', 'percent');
same(strip_tags(changeMark(100.0, 1300.0)), '▲ × 13 more than before: × 13', 'times');
same(largest(['b' => 5.0, 'a' => 5.0, 'c' => 0.0, '7' => 9.0], 2), [7 => 9.0, 'a' => 5.0], 'the largest, equals by name');

same(pulse(null), ['is_live' => false, 'step' => null], 'no daemon');
same(pulse(['error' => 'unknown command']), ['is_live' => false, 'step' => null], 'an older daemon');
same(pulse(['pulse' => null]), ['is_live' => true, 'step' => null], 'a daemon that was not asked before');
same(pulse(['pulse' => ['step' => 0, 'in' => [1]]])['step'], null, 'a step of nothing');
same(pulse(['pulse' => ['step' => 2, 'in' => [1, 'x', [], 250], 'out' => 'x']]),
    ['is_live' => true, 'step' => 2, 'in' => [1.0, 250.0], 'in_text' => '1.00 kbit/s', 'out' => [], 'out_text' => null], 'nonsense in a pulse');
same(count(pulse(['pulse' => ['step' => 1, 'in' => range(1, 999), 'out' => []]])['in']), PULSE_STEPS, 'no more steps than are drawn');

// Where a page of rows begins.
same(Cursor::parse('123~-45')?->number, '-45', 'cursor');
same(Cursor::parse('tcp80@192.0.2.1')?->key, 'tcp80@192.0.2.1', 'cursor by a name');
foreach (['', '~1', 'a~b', str_repeat('a', 65), '1~2~3', '1~99999999999999999999'] as $text) {
    same(Cursor::parse($text), null, "cursor $text");
}
$place = static fn (array $values): array => Place::read(new Request($values))->state();
same($place(['p' => '3', 'after' => '5~7']), ['p' => '3', 'after' => '5~7'], 'place');
same($place(['p' => '0', 'after' => '5', 'before' => '6', 'until' => "1'"]), ['after' => '5~'], 'nonsense in places');

$ended = (new Segment('last', 'id', [], '10', '20'))->within('5', '15');
same([$ended->where()->sql(), $ended->where()->params], [' WHERE (last >= ?) AND (last < ?)', ['10', '15']], 'segment');
$order = static function (string $by, bool $isDown, bool $isWhole, ?string $value, bool $isBackwards): array {
    $order = new Order('x', new Column('x', Kind::Number, $by), 'id', $isDown, $isWhole, new Cursor('7', $value), $value);
    $order->beside($where = new Where(), $isBackwards);
    return [...$order->ends($isBackwards), trim($where->sql()), ...$where->params];
};
same($order('last', true, true, '9', false), [null, '10', 'WHERE (last < ? OR id < ?)', '9', '7'], 'behind by an index');
same($order('last', true, true, '9', true), ['9', null, 'WHERE (last > ? OR id > ?)', '9', '7'], 'before by an index');
same($order('id', true, true, null, false), [null, '7', ''], 'behind by the key');
same($order('id', false, true, null, false), ['8', null, ''], 'behind by the key, upwards');
same($order('rtt_us', true, false, null, false), [null, null, 'WHERE (rtt_us IS NULL AND id < ?)', '7'], 'behind what has no value');
same(
    $order('a - b', false, false, '9', false),
    [null, null, 'WHERE (a - b > (? + 0) OR (a - b = (? + 0) AND id > ?))', '9', '9', '7'],
    'behind by what is reckoned',
);

$asked = static fn (string $query): ?array => askedColumns(new Request(['cols' => 'x']), $query);
same($asked('page=dns&cols=time&cols=qname%2Crcode'), ['time', 'qname', 'rcode'], 'columns');
same($asked('cols=%3Cb%3E'), null, 'columns that make no sense');

same(eveTime(1445495344123456.0), '2015-10-22T06:29:04.123456+0000', 'EVE time');
same(eveName('a\\255.b\\.c\\\\\\065'), "a\xff.b.c\\\\065", 'EVE name');
$ends = ['client' => '128.232.110.120', 'client_port' => 34855.0, 'server' => '66.35.250.204', 'server_port' => 80.0];
same(communityId(6, $ends), '1:LQU9qZlK+B5F3KDmev6m5PMibrg=', 'Community ID, the first example of its specification');
