<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The [[threat]] of config.toml: lists of what is bad, from one folder.

/** Days of alerts that count as hits. */
const HIT_DAYS = 30;

function listsPart(Edit $edit): ?string
{
    $does = $edit->does();
    $answer = [];
    if ($does === 'delete') {
        $answer = $edit->remove('threat');
    } elseif ($does === 'save') {
        $answer = $edit->save(['kind' => 'threat', 'fields' => [
            'name' => trim($edit->field('name')),
            // The daemon takes nothing from another folder.
            'path' => 'lists/' . $edit->field('file'),
            'severity' => $edit->field('severity'),
        ]]);
    }
    if (isset($answer['done'])) {
        return $edit->goOn($does === 'delete' ? 'deleted' : 'saved');
    }
    $now = $edit->ask('config_get');
    $lists = $edit->ask('lists_get');
    if (isset($now['error'])) {
        return wrongBox(editWords($now));
    }
    if ($answer !== []) {
        http_response_code(422);
    }
    return doneBox() . ($answer === [] ? '' : wrongBox(editWords($answer))) . ($now['made'] === true ? notice(editWords(['error' => 'made'])) : '')
        . listCards($edit, $now, $lists) . ($now['writable'] === true ? newList($edit, $now, $lists) : '');
}

/**
 * @param array<string, mixed> $now
 * @param array<string, mixed> $lists
 */
function listCards(Edit $edit, array $now, array $lists): string
{
    $status = askDaemon(['command' => 'status'])['watch']['threats']['lists'] ?? [];
    $loaded = array_column($status, null, 'name');
    $hits = listHits();
    $html = '';
    foreach ($lists['lists'] ?? [] as $list) {
        $name = (string) $list['name'];
        $is = $loaded[$name] ?? null;
        $pairs = [t('File') => h((string) $list['path'])];
        if ($is !== null) {
            $pairs[t('Entries')] = h(t('{addresses} addresses, {networks} networks, {names} names', [
                'addresses' => grouped((float) $is['addresses']),
                'networks' => grouped((float) $is['networks']),
                'names' => grouped((float) $is['names']),
            ]));
            $pairs[t('Lines not understood')] = h(grouped((float) $is['unread']));
            if ($is['dropped'] > 0) {
                $pairs[t('Left out beyond the limits')] = h(grouped((float) $is['dropped']));
            }
            $pairs[t('Version')] = h(listVersion((string) $is['version']));
        }
        $count = t('{n} in {days} days', ['n' => grouped($hits[$name] ?? 0.0), 'days' => (string) HIT_DAYS]);
        $pairs[t('Alerts')] = isset($hits[$name]) ? anchor('./?' . http_build_query(['page' => 'alerts', 'q' => $name, 'range' => '30d']), h($count)) : h($count);
        $state = match (true) {
            $list['there'] !== true => badge(t('the file is missing'), 'bad'),
            $is === null => badge(t('not read yet'), 'plain'),
            default => badge(t('read'), 'ok'),
        };
        $delete = $now['writable'] !== true ? '' : deleteForm($edit, $now, $name, t('Remove'));
        $html .= card($name, pairs($pairs) . $delete, $state);
    }
    return $html === '' ? '<p class="card none">' . say('There are no lists yet.') . '</p>' : "<div class=\"grid three\">$html</div>";
}

/** A daemon's time as text: "2026-11-20T…" as people have it here. */
function listVersion(string $text): string
{
    $secs = strtotime(substr($text, 0, 19) . ' UTC');
    return $secs === false ? $text : Clock::local()->format('Y-m-d H:i', (float) $secs);
}

/** @return array<string, float> alerts of the last days by list */
function listHits(): array
{
    try {
        $db = Db::open(storeInfo());
        $from = Span::id((Clock::local()->now() - HIT_DAYS * 86400) * 1e6);
        $hits = [];
        foreach ($db->each('SELECT list, SUM(count) AS hits FROM alert WHERE id >= ? AND list IS NOT NULL GROUP BY list', [$from]) as $row) {
            $hits[(string) $row['list']] = (float) $row['hits'];
        }
        return $hits;
    } catch (Trouble | PDOException) {
        return [];
    }
}

/**
 * @param array<string, mixed> $now
 * @param array<string, mixed> $lists
 */
function newList(Edit $edit, array $now, array $lists): string
{
    $folder = (string) ($lists['folder'] ?? 'lists');
    $about = '<p class="hint">' . say('Put files into {folder} on the router; one of them can be chosen here. Usual forms are FireHOL, Spamhaus DROP, hosts files, adblock, dnsmasq and CSV of abuse.ch.', ['folder' => $folder]) . '</p>';
    $options = '';
    foreach ($lists['files'] ?? [] as $file) {
        $options .= '<option value="' . h((string) $file) . '">' . h((string) $file) . '</option>';
    }
    if ($options === '') {
        return card(t('Add a list'), $about);
    }
    $form = labelled(t('Name'), '<input type="text" name="name" required maxlength="100">')
        . labelled(t('File'), "<select name=\"file\">$options</select>")
        . labelled(t('How grave'), '<select name="severity"><option value="1">' . say('grave') . '</option><option value="2" selected>'
            . say('to be looked at') . '</option><option value="3">' . say('news') . '</option></select>')
        . '<div class="buttons">' . doButton('save', t('Add'), 'main') . '</div>';
    return card(t('Add a list'), $about . editForm($edit, $form, ['version' => (string) $now['version']]));
}
