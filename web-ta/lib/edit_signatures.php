<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// features.txt: an editor, what a text would have named, and earlier versions.

function signaturesPart(Edit $edit): ?string
{
    $wrong = '';
    $answer = [];
    switch ($edit->does()) {
        case null:
            break;
        case 'check':
            return checkAnswer($edit);
        case 'save':
            $answer = $edit->change('features_save', ['text' => editedText($edit), 'version' => $edit->field('version')]);
            if (isset($answer['done'])) {
                return $edit->goOn('saved');
            }
            break;
        case 'look':
            $answer = askDaemon(['command' => 'check', 'features' => editedText($edit)]) ?? [];
            break;
        case 'try':
            $answer = $edit->trial('features_try', ['text' => editedText($edit)]);
            break;
        case 'undo':
            $number = (int) $edit->field('number');
            $answer = $edit->change('features_undo', ['number' => $number, 'version' => $edit->field('version')]);
            if (isset($answer['done'])) {
                return $edit->goOn('undone');
            }
            break;
        case 'relabel':
            $answer = $edit->trial('features_relabel', []);
            break;
        default:
            // A line of what has no name, by a button of its own: see editedText().
    }
    if (isset($answer['error'])) {
        $wrong = editWords($answer);
    }
    if ($wrong !== '' || ($answer['mistakes'] ?? []) !== []) {
        http_response_code($edit->does() === 'look' ? 200 : 422);
    }
    return signaturesPage($edit, $answer, $wrong);
}

/** The text in the editor, with the line that was asked for behind it. */
function editedText(Edit $edit): string
{
    $text = $edit->file('text');
    $line = $edit->field('line');
    return $line === '' ? $text : rtrim($text, "\n") . "\n" . str_replace("\n", ' ', $line) . "\n";
}

/** For the script, while somebody types. */
function checkAnswer(Edit $edit): ?string
{
    header('Content-Type: application/json; charset=utf-8');
    $answer = askDaemon(['command' => 'check', 'features' => $edit->file('text')]) ?? ['error' => 'away'];
    $mistakes = array_slice($answer['mistakes'] ?? [], 0, 100);
    $told = ['error' => $answer['error'] ?? null, 'mistakes' => [], 'summary' => isset($answer['error']) ? editWords($answer) : checkedText($answer)];
    foreach ($mistakes as $mistake) {
        $told['mistakes'][] = ['line' => (int) $mistake['line'], 'column' => (int) $mistake['column'], 'text' => mistakeText($mistake)];
    }
    echo json_encode($told, JSON_INVALID_UTF8_SUBSTITUTE | JSON_HEX_TAG | JSON_UNESCAPED_UNICODE);
    return null;
}

/** @param array<string, mixed> $answer of "check" */
function checkedText(array $answer): string
{
    $number = (float) ($answer['number'] ?? 0);
    if ($number > 0) {
        return $number === 1.0 ? t('1 mistake') : t('{n} mistakes', ['n' => grouped($number)]);
    }
    return t('No mistakes: {apps} apps by {features} features.', [
        'apps' => grouped((float) ($answer['apps'] ?? 0)),
        'features' => grouped((float) ($answer['features'] ?? 0)),
    ]);
}

/** @param array<string, mixed> $answer what came of the form */
function signaturesPage(Edit $edit, array $answer, string $wrong): string
{
    $file = $edit->ask('features_get', ['most' => LONGEST_TEXT]);
    if (isset($file['error'])) {
        return wrongBox(editWords($file));
    }
    $isPosted = isset($_POST['text']);
    $text = $isPosted ? editedText($edit) : (string) $file['text'];
    // Who read an earlier version is told so when it is saved.
    $version = $isPosted ? $edit->field('version') : (string) $file['version'];
    $shown = Request::get()->text('backup');
    $does = $edit->does();
    if ($does === 'save' && ($answer['mistakes'] ?? []) !== []) {
        $wrong = t('Nothing was saved because of these mistakes:') . ' ' . checkedText($answer);
    }
    $html = doneBox() . troubleBox($file) . wrongBox($wrong) . editorCard($edit, $file, $text, $version, $answer);
    if ($does === 'try' && isset($answer['unnamed'])) {
        $html .= trialCards($answer);
    } elseif (($answer['running'] ?? false) === true) {
        $html .= notice(t('{n} sessions were looked at so far. Press the button again for the rest.', ['n' => grouped((float) $answer['looked'])]));
    }
    return $html . '<div class="grid two">' . versionsCard($edit, $file, $shown) . relabelCard($edit, $answer) . '</div>'
        . '<script src="' . asset('edit.js') . '" defer></script>';
}

/**
 * @param array<string, mixed> $file
 * @param array<string, mixed> $answer
 */
function editorCard(Edit $edit, array $file, string $text, string $version, array $answer): string
{
    $isWritable = $file['writable'] === true;
    $mistakes = $answer['mistakes'] ?? null;
    $summary = $mistakes === null ? '' : checkedText($answer);
    $state = '<p class="state" role="status" data-check="' . h($edit->url()) . '">' . h($summary) . '</p>'
        . mistakeList($mistakes ?? [], (int) ($answer['number'] ?? 0));
    $buttons = '<div class="buttons">' . ($isWritable ? doButton('save', t('Save'), 'main') : '')
        . doButton('look', t('Check')) . doButton('try', t('Test against the past week')) . '</div>';
    $hint = $isWritable ? '' : notice(t('The daemon may not write {path}: change it in LuCI, or on the router itself.', ['path' => $file['path']]));
    $form = editForm(
        $edit,
        '<div class="editor">' . textArea('text', $text, t('Signatures'), 28, ' wrap="off"') . "</div>$state$buttons",
        ['version' => $version],
        'code',
        'signatures',
    );
    return card(t('Signatures'), "$hint$form", '<span class="hint">' . h($file['path']) . '</span>');
}

/** What a text would have named. @param array<string, mixed> $answer */
function trialCards(array $answer): string
{
    $about = t('{n} sessions of the past week were looked at.', ['n' => grouped((float) $answer['looked'])])
        . ($answer['all'] === true ? '' : ' ' . t('There are more; these are the oldest.'))
        . ' ' . t('What only first bytes tell is not known of the past.');
    $list = static function (array $rows, Closure $name): string {
        $items = '';
        foreach ($rows as $row) {
            $items .= '<li><div class="row"><span class="name">' . $name($row) . '</span><span class="num">'
                . say('{n} sessions of {devices} devices', [
                    'n' => grouped((float) $row['sessions']),
                    'devices' => grouped((float) $row['devices']),
                ]) . '</span></div></li>';
        }
        return $items === '' ? '<p class="none">' . say('None.') . '</p>' : "<ol class=\"ranking\">$items</ol>";
    };
    $none = t('no name');
    $changed = $list($answer['apps'], static fn (array $row) => h($row['app']));
    $renamed = $list($answer['renamed'], static fn (array $row) => h(($row['old'] ?? $none) . ' → ' . ($row['new'] ?? $none)));
    $unnamed = $list($answer['unnamed'], static fn (array $row) => h($row['name']) . ' ' . lineButton($row));
    return '<div class="grid three trial">'
        . card(t('Lines that you changed would have matched'), "<p class=\"hint\">" . h($about) . "</p>$changed")
        . card(t('What would be called otherwise'), $renamed)
        . card(t('What stays without a name'), $unnamed) . '</div>';
}

/** @param array<string, mixed> $row */
function lineButton(array $row): string
{
    if (!is_string($row['line'] ?? null)) {
        return '';
    }
    return '<button type="submit" form="signatures" name="line" value="' . h($row['line']) . '" class="small">'
        . say('Make a line of it') . '</button>';
}

/** @param array<string, mixed> $file */
function versionsCard(Edit $edit, array $file, ?string $shown): string
{
    $items = '';
    foreach ($file['backups'] as $backup) {
        $number = (string) (int) $backup['number'];
        $undo = editForm($edit, doButton('undo', t('Take back')), ['number' => $number, 'version' => (string) $file['version']], 'inline');
        $items .= '<li>' . timeTag((float) $backup['written']) . ' <span>' . h(bytes((float) $backup['size'])) . '</span> '
            . anchor($edit->url(['backup' => $number]) . '#version', say('Show'), 'button small') . ($file['writable'] === true ? $undo : '') . '</li>';
    }
    $html = $items === '' ? '<p class="none">' . say('There are none yet. Each time this file is saved here, what it was before is kept.') . '</p>'
        : "<ol class=\"versions\">$items</ol>";
    if ($shown !== null && preg_match('/^\d{1,3}$/D', $shown) === 1) {
        $answer = $edit->ask('features_backup', ['number' => (int) $shown, 'most' => LONGEST_TEXT]);
        $html .= isset($answer['text'])
            ? '<div id="version">' . textArea('old', $answer['text'], t('Version {n}', ['n' => $shown]), 12, ' readonly wrap="off"') . '</div>'
            : wrongBox(editWords($answer));
    }
    return card(t('Earlier versions'), $html);
}

/** @param array<string, mixed> $answer */
function relabelCard(Edit $edit, array $answer): string
{
    $told = isset($answer['told']) ? '<pre class="told">' . implode("\n", array_map(h(...), explode("\n", (string) $answer['told']))) . '</pre>' : '';
    return card(t('Name the past week again'), '<p class="hint">'
        . say('The sessions of the past week get the names that the saved signatures give them now. The use of apps and the volumes stay as they were written.')
        . '</p>' . editForm($edit, doButton('relabel', t('Name them again'))) . $told);
}
