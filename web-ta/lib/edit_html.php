<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// Pieces that the parts of the settings have in common. HTML, as in html.php.

function editPage(string $name, string $html): string
{
    return layout(t('Settings'), static fn () => print $html, Pages::scan(), null, self: "settings.php?part=$name&");
}

function partTitle(string $name): string
{
    return match ($name) {
        'settings' => t('Settings'),
        'signatures' => t('Signatures'),
        'policies' => t('Policies'),
        'lists' => t('Threat lists'),
        'outs' => t('Ways out'),
        'backup' => t('Backup'),
    };
}

/** The parts beside each other. */
function editTabs(string $here): string
{
    $links = '';
    foreach (array_keys(EDIT_PARTS) as $name) {
        $current = $name === $here ? ' aria-current="page"' : '';
        $links .= "<a href=\"settings.php?part=$name\"$current>" . h(partTitle($name)) . '</a>';
    }
    return '<nav class="spans parts" aria-label="' . say('Settings') . "\">$links</nav>";
}

/** For who may see the pages without a sign-in. */
function needsSession(): string
{
    return '<section class="card door"><p>' . say('Only who is signed in can change something. While there is no password, nobody is.')
        . '</p><p class="hint">' . say('To set one: weir passwd on the router, then come back and sign in.') . '</p><p>'
        . anchor('door.php', say('To the sign-in'), 'button') . '</p></section>';
}

/** What the daemon said to the files when it took them over. @param array<string, mixed> $now */
function troubleBox(array $now): string
{
    $text = $now['trouble'] ?? null;
    return is_string($text) ? wrongBox(t('The daemon did not take over everything: {text}', ['text' => $text])) : '';
}

/** What came of a form. */
function wrongBox(string $text): string
{
    return $text === '' ? '' : '<p class="wrong" role="alert">' . h($text) . '</p>';
}

function doneBox(): string
{
    $text = match (Request::get()->text('done')) {
        'saved' => t('Saved. The daemon takes it over.'),
        'undone' => t('The earlier version is back.'),
        'deleted' => t('Deleted.'),
        'restored' => t('Restored. The daemon takes it over.'),
        default => '',
    };
    return $text === '' ? '' : '<p class="done" role="status">' . h($text) . '</p>';
}

/**
 * A form that the daemon's session vouches for. Its text may be long, so it is sent
 * in parts and not escaped.
 *
 * @param array<string, string> $hidden
 */
function editForm(Edit $edit, string $html, array $hidden = [], string $class = '', string $id = ''): string
{
    $fields = '';
    foreach (['csrf' => $edit->csrf()] + $hidden as $name => $value) {
        $fields .= '<input type="hidden" name="' . h($name) . '" value="' . h($value) . '">';
    }
    $id = $id === '' ? '' : " id=\"$id\"";
    return '<form method="post" enctype="multipart/form-data" action="' . h($edit->url()) . "\" class=\"edit $class\"$id>$fields$html</form>";
}

function doButton(string $do, string $title, string $class = ''): string
{
    return "<button type=\"submit\" name=\"do\" value=\"$do\" class=\"$class\">" . h($title) . '</button>';
}

/** Removes the entry called $name. @param array<string, mixed> $now what config_get told */
function deleteForm(Edit $edit, array $now, string $name, string $title): string
{
    return editForm($edit, doButton('delete', $title, 'danger'), ['name' => $name, 'version' => $now['version']], 'inline');
}

/** A field for a text of many lines, exactly as it is: h() would spell out its line ends. */
function textArea(string $name, string $text, string $title, int $rows, string $more = ''): string
{
    // The parser of HTML drops a first line end.
    return "<textarea name=\"$name\" rows=\"$rows\" aria-label=\"" . h($title) . '" spellcheck="false" autocapitalize="off"'
        . " autocomplete=\"off\"$more>\n" . htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8') . '</textarea>';
}

/** @param list<array<string, mixed>> $mistakes */
function mistakeList(array $mistakes, int $number): string
{
    if ($mistakes === []) {
        return '';
    }
    $items = '';
    foreach ($mistakes as $mistake) {
        $place = isset($mistake['line']) ? ' data-line="' . (int) $mistake['line'] . '" data-column="' . (int) $mistake['column'] . '"' : '';
        $items .= "<li$place>" . h(mistakeText($mistake)) . '</li>';
    }
    $more = $number > count($mistakes) ? '<p class="hint">' . say('{n} in all', ['n' => grouped((float) $number)]) . '</p>' : '';
    return "<ol class=\"mistakes\">$items</ol>$more";
}

/** A label above a field, with what it means below. */
function labelled(string $title, string $field, string $hint = '', string $wrong = ''): string
{
    return '<label class="field' . ($wrong === '' ? '' : ' is-wrong') . '"><span>' . h($title) . "</span>$field"
        . ($wrong === '' ? '' : '<small class="fault" role="alert">' . h($wrong) . '</small>')
        . ($hint === '' ? '' : '<small>' . h($hint) . '</small>') . '</label>';
}

/** @param array<string, string> $choices */
function choiceField(string $attributes, array $choices, string $chosen): string
{
    $html = '';
    foreach ($choices as $value => $title) {
        $selected = (string) $value === $chosen ? ' selected' : '';
        $html .= '<option value="' . h((string) $value) . "\"$selected>" . h($title) . '</option>';
    }
    return "<select $attributes>$html</select>";
}
