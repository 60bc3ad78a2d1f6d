<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require __DIR__ . '/retention.php';

// config.toml: every setting with its meaning, a form for each section, and the text.

function settingsPart(Edit $edit): ?string
{
    $answer = [];
    $section = '';
    switch ($edit->does()) {
        case 'save':
            $section = $edit->field('section');
            $answer = saveSection($edit, $section);
            if (isset($answer['done'])) {
                return $edit->goOn('saved', ['open' => $section]);
            }
            break;
        case 'text':
        case 'look':
            $command = $edit->does() === 'text' ? 'config_save' : 'config_check';
            $answer = $edit->change($command, ['text' => $edit->file('text'), 'version' => $edit->field('version')]);
            if (isset($answer['done'])) {
                return $edit->goOn('saved', ['text' => '1']);
            }
    }
    $now = $edit->ask('config_get');
    if (isset($now['error'])) {
        return wrongBox(editWords($now));
    }
    $isWrong = isset($answer['error']) || ($answer['mistakes'] ?? []) !== [];
    if ($isWrong) {
        http_response_code(422);
    }
    $html = doneBox() . troubleBox($now) . ($isWrong ? wrongBox(editWords($answer)) : '') . settingsNotices($now);
    if (isset($_POST['text']) || Request::get()->text('text') !== null) {
        return $html . configText($edit, $now, $answer);
    }
    return $html . settingsForms($edit, $now, $section, $answer) . '<script src="' . asset('settings.js') . '" defer></script>';
}

/** @param array<string, mixed> $now */
function settingsNotices(array $now): string
{
    $html = '';
    if ($now['made'] === true) {
        $html = notice(editWords(['error' => 'made']));
    } elseif ($now['writable'] !== true) {
        $html = notice(t('The daemon may not write {path}, so nothing can be changed here.', ['path' => $now['path']]));
    }
    return $html . mistakeList($now['mistakes'], count($now['mistakes']));
}

/** @return array<string, mixed> what the daemon says to the form of a section */
function saveSection(Edit $edit, string $section): array
{
    $changes = [];
    foreach ($edit->fields('names') as $name) {
        $isList = isset($_POST["list:$name"]);
        $value = $isList ? $edit->fields("v:$name") : $edit->field("v:$name");
        // A secret that nobody wrote anew stays, unless it is to go.
        if (isset($_POST["secret:$name"]) && $value === '') {
            if ($edit->field("unset:$name") === '') {
                continue;
            }
        }
        $changes[] = ['section' => $section, 'name' => $name, 'value' => $value];
    }
    return $edit->change('config_save', ['version' => $edit->field('version'), 'changes' => $changes]);
}

/**
 * @param array<string, mixed> $now
 * @param array<string, mixed> $answer
 */
function settingsForms(Edit $edit, array $now, string $section, array $answer): string
{
    $search = small(Request::get()->text('q') ?? '');
    $open = $section !== '' ? $section : Request::get()->text('open');
    $onlyChanged = Request::get()->text('changed') !== null;
    $wrong = [];
    foreach ($answer['mistakes'] ?? [] as $mistake) {
        if (isset($mistake['name'])) {
            $wrong[$mistake['section'] . '.' . $mistake['name']] = (string) $mistake['text'];
        }
    }
    $html = settingsSearch($edit, $search, $onlyChanged);
    foreach ($now['sections'] as $part) {
        $shown = array_filter($part['settings'], static fn (array $setting): bool => (!$onlyChanged || $setting['changed'])
            && ($search === '' || str_contains(small("{$part['name']} {$setting['name']} {$setting['doc']} " . meaning($setting['doc'], 'settings')), $search)));
        if ($shown !== []) {
            $isOpen = $search !== '' || $onlyChanged || $open === $part['name'];
            $html .= sectionForm($edit, $now, ['settings' => array_values($shown)] + $part, $isOpen, $wrong, $section);
        }
    }
    return $html . '<p class="hint">' . anchor($edit->url(['text' => '1']), say('Edit the whole text of config.toml')) . '</p>';
}

/** Small letters, of Latin ones; PHP may not have more. */
function small(string $text): string
{
    return strtolower($text);
}

function settingsSearch(Edit $edit, string $search, bool $onlyChanged): string
{
    return '<form class="filters settings" method="get" action="settings.php" role="search"><div class="fields"><label class="search"><span>' . say('Search')
        . '</span><input type="search" name="q" maxlength="100" value="' . h($search) . '" placeholder="' . say('Name or meaning …') . '"></label>'
        . '<input type="hidden" name="part" value="settings"><button type="submit">' . say('Show') . '</button>'
        . '<label class="check"><input type="checkbox" name="changed" value="1"' . ($onlyChanged ? ' checked' : '') . '><span>'
        . say('Only what is changed') . '</span></label></div></form>';
}

/**
 * @param array<string, mixed> $now
 * @param array<string, mixed> $part
 * @param array<string, string> $wrong
 */
function sectionForm(Edit $edit, array $now, array $part, bool $isOpen, array $wrong, string $posted): string
{
    $name = (string) $part['name'];
    [$html, $changed] = ['', 0];
    foreach ($part['settings'] as $setting) {
        $changed += $setting['changed'] ? 1 : 0;
        $html .= settingField($edit, $setting, $now['writable'] === true, $wrong["$name.{$setting['name']}"] ?? '', $posted === $name);
    }
    $more = $name === 'store' ? retentionText($part['settings']) : '';
    $canChange = $now['writable'] === true && array_filter($part['settings'], static fn (array $setting) => $setting['kind'] !== 'path') !== [];
    $button = $canChange ? '<div class="buttons">' . doButton('save', t('Save'), 'main') . '</div>' : '';
    $version = $posted === $name ? $edit->field('version') : (string) $now['version'];
    $badge = $changed === 0 ? '' : ' ' . badge($changed === 1 ? t('1 changed') : t('{n} changed', ['n' => (string) $changed]), 'ok');
    return '<details class="card section"' . ($isOpen ? ' open' : '') . ' id="s-' . h($name) . '"><summary>[' . h($name) . "]$badge<small>"
        . h(meaning($part['doc'], 'settings')) . "</small></summary>$more" . editForm($edit, $html . $button, ['section' => $name, 'version' => $version]) . '</details>';
}

/** @param array<string, mixed> $setting */
function settingField(Edit $edit, array $setting, bool $isWritable, string $wrong, bool $isPosted): string
{
    $name = (string) $setting['name'];
    $kind = $setting['kind'];
    $value = $setting['value'] ?? '';
    if ($isPosted && isset($_POST["v:$name"])) {
        $value = is_array($value) ? $edit->fields("v:$name") : $edit->field("v:$name");
    }
    $hint = meaning($setting['doc'], 'settings') . ($kind === 'secret' ? '' : ' ' . t('Default: {value}', ['value' => in_array($setting['default'], ['', []], true) ? DASH : plainValue($setting['default'])]));
    if ($kind === 'path') {
        $hint .= ' ' . t('Paths are changed in the file itself.');
    }
    $off = $isWritable && $kind !== 'path' ? '' : ' disabled';
    $attributes = 'name="v:' . h($name) . "\"$off";
    $lines = is_array($value) ? implode("\n", $value) : (string) plainValue($value);
    $field = match ($kind) {
        'bool' => choiceField($attributes, ['true' => t('yes'), 'false' => t('no')], plainValue($value)),
        'one' => choiceField($attributes, array_combine($setting['of'], $setting['of']), plainValue($value)),
        'some', 'list' => '<input type="hidden" name="list:' . h($name) . '" value="1">'
            . textArea("v:$name", $lines, $name, max(2, min(8, substr_count($lines, "\n") + 2)), $off),
        'number' => "<input type=\"number\" $attributes value=\"" . h($lines) . '" min="' . digits((float) $setting['of'][0]) . '" max="' . digits((float) $setting['of'][1]) . '" step="1">',
        'secret' => secretField($name, $attributes, $setting['changed'] === true),
        default => "<input type=\"text\" $attributes maxlength=\"2000\" value=\"" . h($lines) . '">',
    };
    $names = $off === '' ? '<input type="hidden" name="names[]" value="' . h($name) . '">' : '';
    $mark = $setting['changed'] ? ' ' . badge(t('changed'), 'ok') : '';
    $head = '<span>' . h($name) . "$mark</span>";
    return "$names<label class=\"field" . ($wrong === '' ? '' : ' is-wrong') . "\">$head$field"
        . ($wrong === '' ? '' : '<small class="fault" role="alert">' . h($wrong) . '</small>') . '<small>' . h($hint) . '</small></label>'
        . ($kind === 'secret' && $setting['changed'] === true && $off === '' ? unsetBox($name) : '');
}

/** A value as it stands in a field. */
function plainValue(mixed $value): string
{
    return match (true) {
        is_bool($value) => $value ? 'true' : 'false',
        is_array($value) => implode(', ', array_map(plainValue(...), $value)),
        is_float($value) => digits($value),
        default => (string) $value,
    };
}

/** A secret is never here: only whether there is one. */
function secretField(string $name, string $attributes, bool $isSet): string
{
    return '<input type="hidden" name="secret:' . h($name) . "\" value=\"1\"><input type=\"password\" $attributes maxlength=\"4096\" autocomplete=\"new-password\" placeholder=\""
        . ($isSet ? say('set; write here to replace it') : say('not set')) . '">';
}

function unsetBox(string $name): string
{
    return '<label class="check"><input type="checkbox" name="unset:' . h($name) . '" value="1"><span>' . say('Remove it') . '</span></label>';
}

/**
 * @param array<string, mixed> $now
 * @param array<string, mixed> $answer
 */
function configText(Edit $edit, array $now, array $answer): string
{
    $back = '<p>' . anchor($edit->url(), say('To the single settings')) . '</p>';
    if (!is_string($now['text'])) {
        return wrongBox(t('There are mistakes in config.toml; they have to be gone first.')) . $back;
    }
    $isPosted = isset($_POST['text']);
    $text = $isPosted ? $edit->file('text') : $now['text'];
    $version = $isPosted ? $edit->field('version') : (string) $now['version'];
    $right = $edit->does() === 'look' && ($answer['mistakes'] ?? null) === [] ? '<p class="done" role="status">' . say('There are no mistakes.') . '</p>' : '';
    $buttons = $now['writable'] === true ? '<div class="buttons">' . doButton('text', t('Save'), 'main') . doButton('look', t('Check')) . '</div>' : '';
    $form = editForm($edit, '<div class="editor">' . textArea('text', $text, 'config.toml', 28, ' wrap="off"' . ($buttons === '' ? ' readonly' : '')) . '</div>' . $right
        . mistakeList($answer['mistakes'] ?? [], (int) ($answer['number'] ?? 0)) . $buttons, ['version' => $version], 'code', 'signatures');
    return card('config.toml', '<p class="hint">' . say('Passwords and tokens are not shown: "<kept>" stands for one and keeps it. Paths are changed on the router itself.') . "</p>$form",
        '<span class="hint">' . h($now['path']) . '</span>') . $back;
}
