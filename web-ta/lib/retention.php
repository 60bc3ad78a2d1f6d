<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// How far back records reach with what is set, by what the last days wrote.

/** Days that the rate is of. */
const RATE_DAYS = 7;

/** More rows than this are not counted: the age of the oldest has to do. */
const RATE_ROWS = 500000;

/** @param list<array<string, mixed>> $settings of [store] */
function retentionText(array $settings): string
{
    $of = array_column($settings, 'value', 'name');
    if (!isset($of['keep_days'], $of['max_mb'])) {
        return '';
    }
    try {
        $rate = dailyBytes(Db::open(storeInfo()));
    } catch (Trouble | PDOException) {
        return '';
    }
    if ($rate === null || $rate <= 0) {
        return '';
    }
    $fits = $of['max_mb'] * 1048576 / $rate;
    $days = min((float) $of['keep_days'], $fits);
    $text = t('With {days} days and {mb} MB: at the rate of the last {span} days, {rate} a day, records reach back about {reach} days.', [
        'days' => (string) $of['keep_days'],
        'mb' => (string) $of['max_mb'],
        'span' => (string) RATE_DAYS,
        'rate' => bytes($rate),
        'reach' => $days < 10 ? number_format($days, 1) : grouped(floor($days)),
    ]);
    $why = $fits < $of['keep_days'] ? t('The size is what limits it.') : t('The age is what limits it.');
    return notice("$text $why " . writtenText());
}

/** What went to lasting storage, and what may. */
function writtenText(): string
{
    $flash = askDaemon(['command' => 'status'])['store']['flash_bytes'] ?? null;
    if (!is_array($flash) || ($flash['yesterday'] ?? 0) <= 0) {
        return '';
    }
    return t('Yesterday {bytes} were written to lasting storage.', ['bytes' => bytes((float) $flash['yesterday'])]);
}

/** Bytes that a day adds to the database, by the sessions of the last days among all. */
function dailyBytes(Db $db): ?float
{
    $size = databaseSize($db);
    $edges = $db->all('SELECT MIN(last) AS oldest, MAX(last) AS newest FROM session')[0] ?? [];
    if ($size === null || ($edges['newest'] ?? null) === null) {
        return null;
    }
    $from = (float) $edges['newest'] - RATE_DAYS * 86400e6;
    $span = ((float) $edges['newest'] - max($from, (float) $edges['oldest'])) / 86400e6;
    if ($span < 0.02) {
        return null; // half an hour says nothing
    }
    $count = static fn (float $from): float => (float) $db->value(
        'SELECT COUNT(*) FROM (SELECT 1 FROM session WHERE last >= ? LIMIT ' . RATE_ROWS . ') AS counted', [digits($from)]);
    $all = $count(0.0);
    if ($all >= RATE_ROWS) {
        return $size / max(1.0, ((float) $edges['newest'] - (float) $edges['oldest']) / 86400e6);
    }
    return $size * $count($from) / max(1.0, $all) / $span;
}

function databaseSize(Db $db): ?float
{
    $store = storeInfo();
    if ($store['kind'] === 'sqlite') {
        $size = @filesize((string) $store['path']);
        return $size === false ? null : (float) $size;
    }
    $size = $db->value('SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()');
    return $size === null ? null : (float) $size;
}
