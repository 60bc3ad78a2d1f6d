<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// What people say of a device: its card, with a form for who is signed in.

/** Others that it may be the same as, in the form. */
const SAID_OTHERS = 100;

/**
 * What stands for a device, by the daemon's word for it.
 *
 * @return array<string, string>
 */
function deviceIcons(): array
{
    return [
        'phone' => t('Phone'),
        'tablet' => t('Tablet'),
        'laptop' => t('Laptop'),
        'desktop' => t('Computer'),
        'tv' => t('Television'),
        'console' => t('Games console'),
        'speaker' => t('Speaker'),
        'camera' => t('Camera'),
        'printer' => t('Printer'),
        'watch' => t('Watch'),
        'light' => t('Light'),
        'home' => t('Smart home'),
        'server' => t('Server'),
        'router' => t('Router'),
    ];
}

/**
 * How much of a device is written down.
 *
 * @return array<string, string>
 */
function privacyLevels(): array
{
    return [
        'full' => t('Everything'),
        'domain' => t('Sessions and names, cut to the domain'),
        'app' => t('Only which apps, and when'),
        'counts' => t('Only how much'),
        'off' => t('Nothing'),
    ];
}

/**
 * What is said of the device.
 *
 * @return array{alias: ?string, icon: ?string, grp: ?string, part_of: ?string, level: string}
 */
function saidOf(Db $db, string $device): array
{
    $rows = $db->all('SELECT alias, icon, grp, part_of, level FROM label WHERE device = ?', [$device]);
    return $rows[0] ?? ['alias' => null, 'icon' => null, 'grp' => null, 'part_of' => null, 'level' => 'full'];
}

/** The devices that are the same as $device by what people say, itself among them. */
function sameDevices(Db $db, string $device): array
{
    $rows = $db->all('SELECT device FROM label WHERE part_of = ?', [$device]);
    return [$device, ...array_map(strval(...), array_column($rows, 'device'))];
}

/** The card "What you call it" of the page of a device. */
function saidCard(Db $db, string $device, Labels $labels): string
{
    $said = saidOf($db, $device);
    $door = Door::here();
    if ($door->session === null) {
        $level = privacyLevels()[$said['level']] ?? $said['level'];
        return card(t('What you call it'), '<dl class="facts">'
            . fact(t('Name'), $said['alias']) . fact(t('Group'), $said['grp']) . fact(t('Written down'), $level) . '</dl>'
            . '<p class="hint">' . anchor('door.php', say('Sign in to change something.')) . '</p>');
    }
    $csrf = (string) $door->session['csrf'];
    $parts = array_diff(sameDevices($db, $device), [$device]);
    $labels->load(array_map(static fn (string $part): array => ['device' => $part], $parts));
    $also = implode(', ', array_map($labels->deviceText(...), $parts));
    $form = saidForm($device, $csrf, 'label',
        '<label><span>' . say('Name') . '</span><input type="text" name="alias" maxlength="64" value="'
        . h($said['alias'] ?? '') . '" autocomplete="off"></label>'
        . select('icon', t('Picture'), t('None'), deviceIcons(), $said['icon'])
        . '<label><span>' . say('Group') . '</span><input type="text" name="group" maxlength="64" list="groups" value="'
        . h($said['grp'] ?? '') . '" autocomplete="off" placeholder="' . say('a person or a room') . '"></label>' . groups($db)
        . ($parts !== [] ? '' : select('part_of', t('Is the same as'), t('No other'), saidOthers($db, $device, $labels), $said['part_of']))
        . saidLevels($said['level'])
        . '<button type="submit">' . say('Save') . '</button>');
    return card(t('What you call it'), $form
        . ($also === '' ? '' : '<p class="hint">' . say('The same device: {names}', ['names' => $also]) . '</p>')
        . '<details class="danger"><summary>' . say('Delete what was recorded') . '</summary>'
        . saidForm($device, $csrf, 'purge', '<label class="check"><input type="checkbox" name="sure" value="1" required><span>'
            . say('Delete all sessions, names, apps and volumes of this device for good') . '</span></label>'
            . '<button type="submit" class="danger">' . say('Delete') . '</button>')
        . '<p class="hint">' . say('Copies that were sent elsewhere (syslog, files, captures) stay.') . '</p></details>');
}

function fact(string $title, ?string $text): string
{
    return '<div><dt>' . h($title) . '</dt><dd>' . ($text === null ? DASH : h($text)) . '</dd></div>';
}

function saidForm(string $device, string $csrf, string $do, string $fields): string
{
    $html = '<form method="post" action="said.php" class="said">';
    foreach (['do' => $do, 'device' => $device, 'csrf' => $csrf] as $name => $value) {
        $html .= '<input type="hidden" name="' . $name . '" value="' . h($value) . '">';
    }
    return "$html$fields</form>";
}

function saidLevels(string $chosen): string
{
    $html = '';
    foreach (privacyLevels() as $level => $text) {
        $html .= "<option value=\"$level\"" . ($level === $chosen ? ' selected' : '') . '>' . h($text) . '</option>';
    }
    return '<label><span>' . say('Written down') . "</span><select name=\"level\">$html</select></label>";
}

/** Groups that there are, for the field. */
function groups(Db $db): string
{
    $html = '';
    foreach ($db->each('SELECT DISTINCT grp FROM label WHERE grp IS NOT NULL ORDER BY grp LIMIT 100') as $row) {
        $html .= '<option value="' . h((string) $row['grp']) . '"></option>';
    }
    return "<datalist id=\"groups\">$html</datalist>";
}

/**
 * Devices that it could be the same as: none that is part of another.
 *
 * @return array<string, string> device => text
 */
function saidOthers(Db $db, string $device, Labels $labels): array
{
    $sql = 'SELECT device FROM device WHERE device <> ? AND device NOT IN (SELECT device FROM label WHERE part_of IS NOT NULL)'
        . ' ORDER BY last DESC LIMIT ?';
    $rows = $db->all($sql, [$device, SAID_OTHERS]);
    $labels->load($rows);
    $others = [];
    foreach ($rows as ['device' => $other]) {
        $text = $labels->deviceText($other);
        $others[$other] = $text === $other ? $text : "$text ($other)";
    }
    natsort($others);
    return $others;
}
