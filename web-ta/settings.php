<?php

declare(strict_types=1);

// What people change: settings.php?part=NAME. The daemon does it; a part shows the
// forms and what came of them.

require __DIR__ . '/lib/start.php';
require __DIR__ . '/lib/layout.php';
require __DIR__ . '/lib/edit.php';
require __DIR__ . '/lib/edit_html.php';

serve(
    static function (): void {
        $door = Door::here();
        if ($door->way('') !== null) {
            header('Location: door.php', true, 303);
            return;
        }
        $name = Request::get()->text('part') ?? 'settings';
        if (!isset(EDIT_PARTS[$name])) {
            throw new Trouble(400, t('There is no such page.'));
        }
        if (Door::isGuestIn()) {
            throw new Trouble(403, t('Guests do not see this page.'));
        }
        if ($door->session === null) {
            http_response_code($_SERVER['REQUEST_METHOD'] === 'POST' ? 403 : 200);
            echo editPage($name, needsSession());
            return;
        }
        if ($_SERVER['REQUEST_METHOD'] === 'POST' && $_POST === []) {
            // What is beyond post_max_size PHP leaves out without a word.
            throw new Trouble(400, t('This is too long. Nothing was saved.'));
        }
        $edit = new Edit($name, $door->session);
        if ($_SERVER['REQUEST_METHOD'] === 'POST' && !Door::isOwnForm()) {
            throw new Trouble(403, t('The form does not come from this page. Nothing was done.'));
        }
        require __DIR__ . "/lib/edit_$name.php";
        $html = EDIT_PARTS[$name][1]($edit);
        // A part that sent something else, or to elsewhere, has no page.
        if ($html !== null) {
            echo editPage($name, editTabs($name) . $html);
        }
    },
    static function (Trouble $trouble): void {
        echo layout($trouble->title(), static fn () => print troubleCard($trouble), Pages::scan(), null, self: 'settings.php?');
    },
    ['GET', 'HEAD', 'POST'],
);
