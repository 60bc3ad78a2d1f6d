<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The [[out]] of config.toml: where records go besides the database.

/** What can be set of each kind here. Files are not among them: paths are changed in config.toml itself. */
const OUT_FIELDS = [
    'syslog' => ['server', 'transport', 'form', 'types', 'header', 'framing', 'facility', 'tag', 'deep'],
    'influx' => ['url', 'org', 'bucket', 'token', 'db', 'user', 'password'],
    'mqtt' => ['server', 'user', 'password', 'client_id', 'topic', 'qos'],
    'ipfix' => ['server', 'transport', 'domain'],
];

/** Fields with a few words to choose from; the first is what it is otherwise. */
const OUT_CHOICES = [
    'transport' => ['udp', 'tcp'],
    'form' => ['eve', 'asset'],
    'header' => ['rfc5424', 'rfc3164'],
    'framing' => ['octets', 'newline'],
    'qos' => ['0', '1'],
];

const OUT_SECRETS = ['password', 'token'];

function outsPart(Edit $edit): ?string
{
    $does = $edit->does();
    $answer = [];
    if ($does === 'delete') {
        $answer = $edit->remove('out');
    } elseif ($does === 'save') {
        $answer = $edit->save(outEntry($edit));
    }
    if (isset($answer['done'])) {
        return $edit->goOn($does === 'delete' ? 'deleted' : 'saved');
    }
    $now = $edit->ask('config_get');
    if (isset($now['error'])) {
        return wrongBox(editWords($now));
    }
    if ($answer !== []) {
        http_response_code(422);
    }
    $html = doneBox() . troubleBox($now) . ($answer === [] ? '' : wrongBox(editWords($answer)))
        . ($now['made'] === true ? notice(editWords(['error' => 'made'])) : '');
    if ($does === 'save') {
        return $html . outForm($edit, $now, outEntry($edit)['fields'], $edit->field('old'), $answer);
    }
    $chosen = Request::get()->text('edit');
    foreach ($now['outs'] as $out) {
        if ($chosen !== null && ($out['name'] ?? null) === $chosen && isset(OUT_FIELDS[$out['kind'] ?? ''])) {
            return $html . outForm($edit, $now, $out, $chosen, []);
        }
    }
    $new = Request::get()->text('new');
    if (isset(OUT_FIELDS[$new ?? ''])) {
        return $html . outForm($edit, $now, ['kind' => $new], '', []);
    }
    return $html . outCards($edit, $now);
}

/** @return array<string, mixed> the entry that a form describes */
function outEntry(Edit $edit): array
{
    $kind = $edit->field('kind');
    $fields = ['name' => trim($edit->field('name')), 'kind' => $kind];
    foreach (OUT_FIELDS[$kind] ?? [] as $name) {
        $value = $name === 'types' ? $edit->fields($name) : trim($edit->field($name));
        // A secret that is not given anew stays.
        if (!in_array($name, OUT_SECRETS, true) || $value !== '') {
            $fields[$name] = $value;
        }
    }
    $old = $edit->field('old');
    return ['kind' => 'out', 'old' => $old === '' ? null : $old, 'fields' => $fields];
}

function outKind(string $kind): string
{
    return match ($kind) {
        'eve' => t('A file of EVE JSON'),
        'syslog' => t('Syslog'),
        'influx' => 'InfluxDB',
        'mqtt' => 'MQTT',
        'ipfix' => 'IPFIX',
        default => $kind,
    };
}

/** @param array<string, mixed> $now */
function outCards(Edit $edit, array $now): string
{
    $status = array_column(askDaemon(['command' => 'status'])['outs'] ?? [], null, 'name');
    $cards = '';
    foreach ($now['outs'] as $out) {
        [$name, $kind] = [(string) ($out['name'] ?? ''), (string) ($out['kind'] ?? '')];
        $is = $status[$name] ?? null;
        $place = (string) ($out['server'] ?? $out['url'] ?? $out['path'] ?? DASH);
        $pairs = [t('Kind') => h(outKind($kind)), t('Goes to') => h($place)];
        if ($is !== null) {
            $pairs[t('Sent')] = h(grouped((float) $is['written']));
            $pairs[t('Lost')] = h(grouped((float) $is['lost']));
            $pairs[t('Waiting')] = h(grouped((float) $is['waiting']));
        }
        $state = match (true) {
            $is === null => badge(t('not begun'), 'plain'),
            $is['trouble'] !== null => badge(t('away'), 'bad'),
            default => badge(t('up'), 'ok'),
        };
        $trouble = wrongBox((string) ($is['trouble'] ?? ''));
        $change = isset(OUT_FIELDS[$kind]) ? anchor($edit->url(['edit' => $name]), say('Change'), 'button') : '';
        $buttons = $now['writable'] !== true ? '' : "<div class=\"buttons\">$change"
            . deleteForm($edit, $now, $name, t('Delete')) . '</div>';
        $cards .= card($name, pairs($pairs) . $trouble . $buttons, $state);
    }
    $links = '';
    foreach ($now['writable'] === true ? array_keys(OUT_FIELDS) : [] as $kind) {
        $links .= ' ' . anchor($edit->url(['new' => $kind]), say('New: {kind}', ['kind' => outKind($kind)]), 'button');
    }
    return ($cards === '' ? '<p class="card none">' . say('Records go to the database only.') . '</p>' : "<div class=\"grid three\">$cards</div>")
        . "<p class=\"buttons\">$links</p><p class=\"hint\">" . say('A way out to a file is written into config.toml itself, as paths are.') . '</p>';
}

/** A field's title, and what it means. @return array{string, string} */
function outWords(string $field): array
{
    return match ($field) {
        'server' => [t('Server'), t('With its port, like 192.0.2.1:514 or [2001:db8::1]:514.')],
        'url' => [t('Address'), t('Like http://192.0.2.1:8086, without TLS.')],
        'transport' => [t('Transport'), ''],
        'form' => [t('Form'), t('"asset" has services alone, as passive asset platforms read them.')],
        'types' => [t('Types of records'), t('Those of EVE, like alert or dns, one a line. None means all.')],
        'header' => [t('Header'), ''],
        'framing' => [t('Between messages'), t('Of TCP: the length before each, or a line end behind.')],
        'facility' => [t('Facility'), t('Like daemon or local0.')],
        'tag' => [t('Tag'), ''],
        'deep' => [t('With the body of pages'), ''],
        'org' => [t('Organisation'), t('Of version 2, with bucket and token.')],
        'bucket' => [t('Bucket'), ''],
        'token' => [t('Token'), t('Empty leaves the one that is there.')],
        'db' => [t('Database'), t('Of version 1, with user and password.')],
        'user' => [t('User'), ''],
        'password' => [t('Password'), t('Empty leaves the one that is there.')],
        'client_id' => [t('Name of the client'), ''],
        'topic' => [t('Topic'), t('What topics begin with.')],
        'qos' => [t('Quality of service'), t('1 is sent until it is confirmed.')],
        'domain' => [t('Observation domain'), ''],
    };
}

/**
 * @param array<string, mixed> $now
 * @param array<string, mixed> $out
 * @param array<string, mixed> $answer
 */
function outForm(Edit $edit, array $now, array $out, string $old, array $answer): string
{
    $kind = (string) $out['kind'];
    $wrong = array_column($answer['mistakes'] ?? [], 'text', 'name');
    $html = labelled(t('Name'), '<input type="text" name="name" value="' . h((string) ($out['name'] ?? '')) . '" required maxlength="64">', '', (string) ($wrong['name'] ?? ''));
    foreach (OUT_FIELDS[$kind] ?? [] as $name) {
        [$title, $hint] = outWords($name);
        $value = $out[$name] ?? '';
        if ($name === 'deep') {
            $checked = $value === true || $value === 'true' ? ' checked' : '';
            $html .= "<label class=\"check\"><input type=\"checkbox\" name=\"deep\" value=\"true\"$checked><span>" . h($title) . '</span></label>';
            continue;
        }
        $field = match (true) {
            isset(OUT_CHOICES[$name]) => choiceField("name=\"$name\"", array_combine(OUT_CHOICES[$name], OUT_CHOICES[$name]), (string) $value),
            $name === 'types' => textArea($name, implode("\n", array_map(strval(...), is_array($value) ? $value : [])), $title, 3),
            in_array($name, OUT_SECRETS, true) => "<input type=\"password\" name=\"$name\" autocomplete=\"new-password\" maxlength=\"1000\">",
            default => "<input type=\"text\" name=\"$name\" value=\"" . h((string) $value) . '" maxlength="1000">',
        };
        $html .= labelled($title, $field, $hint, (string) ($wrong[$name] ?? ''));
    }
    $html .= '<div class="buttons">' . doButton('save', t('Save'), 'main') . anchor($edit->url(), say('Cancel'), 'button') . '</div>';
    return card(outKind($kind), editForm($edit, $html, ['version' => (string) $now['version'], 'old' => $old, 'kind' => $kind]));
}
