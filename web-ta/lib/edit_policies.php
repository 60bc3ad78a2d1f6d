<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The [[policy]] of config.toml: what shall be stopped, tried on the past week.

/** Devices that are offered by name. */
const OFFERED_DEVICES = 100;

function policiesPart(Edit $edit): ?string
{
    $does = $edit->does();
    $answer = [];
    if ($does === 'delete') {
        $answer = $edit->remove('policy');
        if (isset($answer['done'])) {
            return $edit->goOn('deleted');
        }
    } elseif ($does === 'save' || $does === 'try') {
        $entry = policyEntry($edit);
        if ($does === 'save') {
            $answer = $edit->save($entry);
            if (isset($answer['done'])) {
                return $edit->goOn('saved');
            }
        } else {
            $answer = $edit->trial('policy_try', ['entry' => $entry]);
        }
    }
    $now = $edit->ask('config_get');
    if (isset($now['error'])) {
        return wrongBox(editWords($now));
    }
    $isWrong = isset($answer['error']) || isset($answer['mistakes']);
    if ($isWrong) {
        http_response_code(422);
    }
    $html = doneBox() . troubleBox($now) . ($isWrong ? wrongBox(editWords($answer)) : '') . ($now['made'] === true ? notice(editWords(['error' => 'made'])) : '');
    if ($now['blocking'] !== true) {
        $html .= notice(t('Nothing is stopped while "enabled" in [blocking] is off.'));
    }
    $chosen = Request::get()->text('edit');
    if ($does === 'save' || $does === 'try') {
        return $html . policyForm($edit, $now, policyEntry($edit)['fields'], $edit->field('old'), $answer);
    }
    foreach ($now['policies'] as $policy) {
        if ($chosen !== null && ($policy['name'] ?? null) === $chosen) {
            return $html . policyForm($edit, $now, $policy, $chosen, []);
        }
    }
    if (Request::get()->text('new') !== null) {
        return $html . policyForm($edit, $now, ['dry_run' => true], '', []);
    }
    return $html . policyList($edit, $now);
}

/** @return array<string, mixed> the entry that a form describes */
function policyEntry(Edit $edit): array
{
    $fields = ['name' => trim($edit->field('name')), 'quota' => trim($edit->field('quota')), 'dry_run' => $edit->field('dry_run') !== ''];
    foreach (['devices', 'apps', 'hosts', 'times'] as $list) {
        $fields[$list] = $edit->fields($list);
    }
    $fields['devices'] = array_values(array_unique([...$fields['devices'], ...$edit->fields('device')]));
    $fields['classes'] = $edit->fields('class');
    $old = $edit->field('old');
    return ['kind' => 'policy', 'old' => $old === '' ? null : $old, 'fields' => $fields];
}

/** @param array<string, mixed> $now */
function policyList(Edit $edit, array $now): string
{
    $labels = deviceLabels();
    $cards = '';
    foreach ($now['policies'] as $policy) {
        $name = (string) ($policy['name'] ?? '');
        $devices = array_map(static fn (mixed $device) => $labels?->deviceText((string) $device) ?? (string) $device, $policy['devices'] ?? []);
        $what = [...($policy['apps'] ?? []), ...($policy['classes'] ?? []), ...($policy['hosts'] ?? [])];
        $pairs = [
            t('Devices') => h($devices === [] ? t('all') : implode(', ', $devices)),
            t('What') => h($what === [] ? t('everything') : implode(', ', $what)),
            t('When') => h(($policy['times'] ?? []) === [] ? t('always') : implode(', ', $policy['times'])),
        ];
        if (isset($policy['quota'])) {
            $pairs[t('Free in a day')] = h((string) $policy['quota']);
        }
        $state = ($policy['dry_run'] ?? false) === true ? badge(t('only tried'), 'plain') : badge(t('stops'), 'ok');
        $buttons = $now['writable'] !== true ? '' : '<div class="buttons">' . anchor($edit->url(['edit' => $name]), say('Change'), 'button')
            . deleteForm($edit, $now, $name, t('Delete')) . '</div>';
        $cards .= card($name, pairs($pairs) . $buttons, $state);
    }
    $new = $now['writable'] === true ? '<p>' . anchor($edit->url(['new' => '1']), say('New policy'), 'button') . '</p>' : '';
    return ($cards === '' ? '<p class="card none">' . say('There are no policies yet.') . '</p>' : "<div class=\"grid three\">$cards</div>") . $new;
}

/** Names of devices and categories, where the data can be read. */
function deviceLabels(): ?Labels
{
    try {
        return new Labels(Db::open(storeInfo()));
    } catch (Trouble | PDOException) {
        return null;
    }
}

/**
 * @param array<string, mixed> $now
 * @param array<string, mixed> $policy
 * @param array<string, mixed> $answer
 */
function policyForm(Edit $edit, array $now, array $policy, string $old, array $answer): string
{
    $wrong = array_column($answer['mistakes'] ?? [], 'text', 'name');
    $lines = static fn (string $name): string => implode("\n", array_map(strval(...), $policy[$name] ?? []));
    $field = static fn (string $name, string $title, string $hint, int $rows = 3): string =>
        labelled($title, textArea($name, $lines($name), $title, $rows), $hint, (string) ($wrong[$name] ?? ''));
    $labels = deviceLabels();
    $text = static fn (string $name, string $more): string =>
        "<input type=\"text\" name=\"$name\" value=\"" . h((string) ($policy[$name] ?? '')) . "\" $more>";
    $html = labelled(t('Name'), $text('name', 'required maxlength="100"'), '', (string) ($wrong['name'] ?? ''))
        . $field('devices', t('Devices'), t('MAC addresses, addresses or networks, one a line. None means all devices.'))
        . offeredDevices($labels, $policy['devices'] ?? [])
        . classBoxes($labels, $policy['classes'] ?? [])
        . $field('apps', t('Apps'), t('By their English names as in features.txt, one a line.'))
        . $field('hosts', t('Hosts'), t('Names like example.com, each with all below it, one a line. No app, category or host means everything.'))
        . $field('times', t('Times'), t('Like "mon-fri 21:00-07:00", "sat,sun" or "13:00-14:30", one a line. None means always.'))
        . labelled(t('Free in a day'), $text('quota', 'maxlength="20" placeholder="2h"'), t('For each device: a time like 90min, or a volume like 500MB; it is stopped when that is used up. Empty for none.'), (string) ($wrong['quota'] ?? ''))
        . '<label class="check"><input type="checkbox" name="dry_run" value="true"' . (($policy['dry_run'] ?? false) === true ? ' checked' : '')
        . '><span>' . say('Only try it: write down what would be stopped, and stop nothing') . '</span></label>';
    $hasResult = isset($answer['sessions']);
    $buttons = '<div class="buttons">' . doButton('try', t('Try on the past week'), $hasResult ? '' : 'main')
        . ($now['writable'] === true ? doButton('save', t('Save'), $hasResult ? 'main' : '') : '') . anchor($edit->url(), say('Cancel'), 'button') . '</div>';
    $version = $edit->does() === null ? (string) $now['version'] : $edit->field('version');
    $result = '';
    if ($hasResult) {
        $result = policyTrial($answer, $labels);
    } elseif (($answer['running'] ?? false) === true) {
        $result = notice(t('{n} sessions were looked at so far. Press the button again for the rest.', ['n' => grouped((float) $answer['looked'])]));
    }
    $form = editForm($edit, $html . $result . $buttons, ['version' => $version, 'old' => $old]);
    return card($old === '' ? t('New policy') : $old, $form);
}

/** @param list<mixed> $chosen */
function offeredDevices(?Labels $labels, array $chosen): string
{
    $boxes = '';
    foreach (array_slice($labels?->menu(null) ?? [], 0, OFFERED_DEVICES, true) as $device => $text) {
        if (!in_array($device, $chosen, true)) {
            $boxes .= '<label class="check"><input type="checkbox" name="device[]" value="' . h((string) $device) . '"><span>' . h($text) . '</span></label>';
        }
    }
    return $boxes === '' ? '' : '<details><summary>' . say('Choose among the devices seen last') . "</summary><div class=\"fieldset\">$boxes</div></details>";
}

/** @param list<mixed> $chosen */
function classBoxes(?Labels $labels, array $chosen): string
{
    $classes = $labels?->classes() ?? [];
    foreach ($chosen as $class) {
        $classes[(string) $class] ??= (string) $class;
    }
    $boxes = '';
    foreach ($classes as $class => $title) {
        $checked = in_array((string) $class, array_map(strval(...), $chosen), true) ? ' checked' : '';
        $boxes .= '<label class="check"><input type="checkbox" name="class[]" value="' . h((string) $class) . "\"$checked><span>" . h($title) . '</span></label>';
    }
    return $boxes === '' ? '' : '<fieldset class="fieldset"><legend>' . say('Categories') . "</legend>$boxes</fieldset>";
}

/** @param array<string, mixed> $answer */
function policyTrial(array $answer, ?Labels $labels): string
{
    $labels?->load($answer['rows']);
    $items = [];
    foreach ($answer['rows'] as $row) {
        $items[] = [
            h($labels?->deviceText($row['device']) ?? $row['device']) . ' · ' . h($row['what']),
            h(grouped((float) $row['sessions'])) . ' · ' . h(bytes((float) $row['bytes'])),
            (float) $row['bytes'],
        ];
    }
    $text = t('In the past week it would have stopped {n} sessions of {devices} devices, {bytes}; {looked} sessions were looked at.', [
        'n' => grouped((float) $answer['sessions']),
        'devices' => grouped((float) $answer['devices']),
        'bytes' => bytes((float) $answer['bytes']),
        'looked' => grouped((float) $answer['looked']),
    ]);
    return '<div class="done trial" role="status"><p>' . h($text) . '</p>'
        . ($items === [] ? '' : ranking($items, (float) $answer['bytes'])) . '</div>';
}
