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
 * What is said of the device, with what else could be.
 *
 * @return array<string, mixed>
 */
function saidOf(Db $db, string $device): array
{
    $texts = static fn (string $sql, array $params): array =>
        array_map(strval(...), array_column($db->all($sql, $params), 'value'));
    $rows = $db->all('SELECT alias, icon, grp, part_of, level FROM label WHERE device = ?', [$device]);
    return ($rows[0] ?? ['alias' => null, 'icon' => null, 'grp' => null, 'part_of' => null, 'level' => 'full']) + [
        'same' => $texts('SELECT device AS value FROM label WHERE part_of = ?', [$device]),
        'groups' => $texts('SELECT DISTINCT grp AS value FROM label WHERE grp IS NOT NULL ORDER BY grp LIMIT 100', []),
        'others' => $texts(
            'SELECT device AS value FROM device WHERE device <> ? AND device NOT IN'
                . ' (SELECT device FROM label WHERE part_of IS NOT NULL) ORDER BY last DESC LIMIT ?',
            [$device, SAID_OTHERS],
        ),
    ];
}

/**
 * The card "What you call it" of the page of a device.
 *
 * @param array<string, mixed> $said see saidOf()
 */
function saidCard(string $device, array $said, Labels $labels): string
{
    $door = Door::here();
    if (!$door->mayChange()) {
        $level = privacyLevels()[$said['level']] ?? $said['level'];
        return card(t('What you call it'), '<dl class="facts">'
            . fact(t('Name'), $said['alias']) . fact(t('Group'), $said['grp']) . fact(t('Written down'), $level) . '</dl>'
            . (Door::isGuestIn() ? '' : '<p class="hint">' . anchor('door.php', say('Sign in to change something.')) . '</p>'));
    }
    $csrf = (string) $door->session['csrf'];
    $rows = static fn (array $devices): array => array_map(static fn (string $one): array => ['device' => $one], $devices);
    $labels->load($rows($said['same']), $rows($said['others']));
    $also = implode(', ', array_map($labels->deviceText(...), $said['same']));
    return card(t('What you call it'), saidForm($device, $csrf, 'label', saidFields($said, $labels))
        . ($also === '' ? '' : '<p class="hint">' . say('The same device: {names}', ['names' => $also]) . '</p>')
        . '<details class="danger"><summary>' . say('Delete what was recorded') . '</summary>'
        . saidForm($device, $csrf, 'purge', '<label class="check"><input type="checkbox" name="sure" value="1" required><span>'
            . say('Delete all sessions, names, apps and volumes of this device for good') . '</span></label>'
            . '<button type="submit" class="danger">' . say('Delete') . '</button>')
        . '<p class="hint">' . say('Copies that were sent elsewhere (syslog, files, captures) stay.') . '</p></details>');
}

/** @param array<string, mixed> $said */
function saidFields(array $said, Labels $labels): string
{
    $groups = '';
    foreach ($said['groups'] as $group) {
        $groups .= '<option value="' . h($group) . '"></option>';
    }
    // What others are part of can not be part of another.
    $same = $said['same'] !== [] ? '' : select('part_of', t('Is the same as'), t('No other'), saidOthers($said['others'], $labels), $said['part_of']);
    return '<label><span>' . say('Name') . '</span><input type="text" name="alias" maxlength="64" value="'
        . h($said['alias'] ?? '') . '" autocomplete="off"></label>'
        . select('icon', t('Picture'), t('None'), deviceIcons(), $said['icon'])
        . '<label><span>' . say('Group') . '</span><input type="text" name="group" maxlength="64" list="groups" value="'
        . h($said['grp'] ?? '') . '" autocomplete="off" placeholder="' . say('a person or a room') . '"></label>'
        . "<datalist id=\"groups\">$groups</datalist>$same" . saidLevels($said['level'])
        . '<button type="submit">' . say('Save') . '</button>';
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

/**
 * Devices that it could be the same as.
 *
 * @param list<string> $devices
 * @return array<string, string> device => text
 */
function saidOthers(array $devices, Labels $labels): array
{
    $others = [];
    foreach ($devices as $other) {
        $text = $labels->deviceText($other);
        $others[$other] = $text === $other ? $text : "$text ($other)";
    }
    natsort($others);
    return $others;
}
