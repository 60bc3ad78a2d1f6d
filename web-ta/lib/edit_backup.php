<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// One file with all that was set and said, and back.

function backupPart(Edit $edit): ?string
{
    $answer = [];
    switch ($edit->does()) {
        case 'download':
            $answer = $edit->change('backup', []);
            if (isset($answer['text'])) {
                $name = 'weir-' . Clock::local()->format('Ymd-Hi', Clock::local()->now()) . '.txt';
                header('Content-Type: text/plain; charset=utf-8');
                header("Content-Disposition: attachment; filename=\"$name\"");
                echo $answer['text'];
                return null;
            }
            break;
        case 'look':
        case 'restore':
            $check = $edit->does() === 'look';
            $answer = $edit->change('restore', ['text' => $edit->file('backup'), 'check' => $check]);
            if (isset($answer['done'])) {
                return $edit->goOn('restored');
            }
    }
    $isWrong = isset($answer['error']) || isset($answer['mistakes']);
    if ($isWrong) {
        http_response_code(422);
    }
    $text = isset($_POST['backup']) ? $edit->file('backup') : '';
    $found = isset($answer['parts']) ? '<p class="done" role="status">' . say('The backup is right. It has: {parts}.', ['parts' => implode(', ', $answer['parts'])]) . '</p>' : '';
    $save = card(t('Save'), '<p class="hint">' . say('One file with config.toml, policies among it, and features.txt. No password is in it, nor its hash: where it is restored, those that are there stay.')
        . '</p>' . editForm($edit, doButton('download', t('Download'), 'main')));
    $restore = card(t('Restore'), '<p class="hint">' . say('Everything is checked before anything is written. Paths stay those of this machine. What is there now is kept as an earlier version.') . '</p>'
        . editForm($edit, '<label class="field" data-file hidden><span>' . say('Backup') . '</span><input type="file" accept="text/plain,.txt"></label>'
            . textArea('backup', $text, t('Text of the backup'), 10, ' required wrap="off"') . $found
            . '<div class="buttons">' . doButton('look', t('Check')) . doButton('restore', t('Restore'), 'danger') . '</div>', [], '', 'restore'));
    return doneBox() . ($isWrong ? wrongBox(editWords($answer)) : '') . "<div class=\"grid two\">$save$restore</div>"
        . '<script src="' . asset('restore.js') . '" defer></script>';
}
