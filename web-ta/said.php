<?php

declare(strict_types=1);

// What a person says of a device, from the form of its page: said.php. The
// daemon writes it down.

require __DIR__ . '/lib/start.php';
require __DIR__ . '/lib/layout.php';

/** Seconds until what was said is in the database; the daemon looks twice a second. */
const SAID_PATIENCE = 3.0;

serve(
    static function (): void {
        $post = new Request($_POST);
        $device = $post->text('device');
        if ($device === null || preg_match(Param::Address->pattern(), $device) !== 1) {
            throw new Trouble(400, t('The address lacks what to show: {name}.', ['name' => 'device']));
        }
        if (!Door::here()->isOpen) {
            throw new Trouble(401, t('Sign in first.'));
        }
        if (!Door::isOwnForm()) {
            throw new Trouble(403, t('The form does not come from this page. Nothing was done.'));
        }
        $db = Db::open(storeInfo());
        $before = saidAt($db, $device);
        $question = ['device' => $device, 'csrf' => $post->text('csrf') ?? '']
            + ['session' => Door::here()->session['token'] ?? ''];
        $isPurge = $post->text('do') === 'purge';
        if ($isPurge && $post->text('sure') === null) {
            throw new Trouble(400, t('Tick the box to delete what was recorded.'));
        }
        if (!$isPurge) {
            foreach (['alias', 'icon', 'group', 'part_of', 'level'] as $name) {
                if (isset($_POST[$name])) {
                    $question[$name] = is_string($_POST[$name]) ? trim($_POST[$name]) : '';
                }
            }
        }
        $answer = askDaemon($question + ['command' => $isPurge ? 'purge' : 'label']);
        if (!isset($answer['done'])) {
            throw new Trouble(403, saidWrong($answer), t('Nothing was changed.'));
        }
        $until = microtime(true) + SAID_PATIENCE;
        while (!$isPurge && saidAt($db, $device) === $before && microtime(true) < $until) {
            usleep(50000);
        }
        $back = ['page' => 'device', 'device' => $device] + ($isPurge ? ['purged' => '1'] : []);
        header('Location: ./?' . http_build_query($back), true, 303);
    },
    static function (Trouble $trouble): void {
        echo layout($trouble->title(), static fn () => print troubleCard($trouble), Pages::scan(), null);
    },
    ['POST'],
);

/** When something was said of the device last, as digits. */
function saidAt(Db $db, string $device): string
{
    return (string) $db->value('SELECT changed FROM label WHERE device = ?', [$device]);
}

/** @param ?array<string, mixed> $answer */
function saidWrong(?array $answer): string
{
    $fields = [
        'alias' => t('The name may have up to 64 characters.'),
        'group' => t('The group may have up to 64 characters.'),
        'part_of' => t('That can not be the same device: one of the two is part of another already.'),
    ];
    return match ($answer['error'] ?? null) {
        null => t('The daemon does not answer, so nothing can be changed.'),
        'wrong' => t('Sign in to change something.'),
        'field' => $fields[$answer['field'] ?? ''] ?? t('This was not understood'),
        'too many' => t('There are too many devices with a name already.'),
        'file' => t('The daemon can not write the file: {file}', ['file' => (string) ($answer['file'] ?? '')]),
        default => t('The daemon did not understand. Is it as new as these pages?'),
    };
}
