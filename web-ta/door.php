<?php

declare(strict_types=1);

// Signing in and out, and the password: door.php. LuCI's ticket comes here too.

require __DIR__ . '/lib/start.php';
require __DIR__ . '/lib/layout.php';
require __DIR__ . '/lib/door_html.php';

serve(
    static function (): void {
        $get = Request::get();
        $back = backTo($get->text('back'));
        $wrong = null;
        if ($_SERVER['REQUEST_METHOD'] === 'POST') {
            $back = backTo((new Request($_POST))->text('back'));
            $wrong = act();
            if ($wrong === null) {
                header("Location: ./$back", true, 303);
                return;
            }
        } elseif ($get->text('ticket') !== null) {
            $wrong = Door::enter(['command' => 'redeem', 'ticket' => $get->text('ticket')]);
            if ($wrong === null) {
                // A page and no redirect: a browser that comes from https keeps
                // the cookie, but does not send it before it starts from here.
                header('Refresh: 0; url=./');
                echo doorPage(t('Signed in'), static fn () => print signedInCard());
                return;
            }
            $wrong = t('The ticket was used before, or is older than half a minute. Open the pages from LuCI again.');
        }
        if ($wrong !== null) {
            http_response_code(403);
        }
        [$title, $card] = doorCard(Door::here(), $wrong, $back);
        echo doorPage($title, static fn () => print $card);
    },
    static function (Trouble $trouble): void {
        echo doorPage($trouble->title(), static fn () => print troubleCard($trouble));
    },
    ['GET', 'HEAD', 'POST'],
);

/** Does what a form asks for; returns what is wrong. */
function act(): ?string
{
    if (!Door::isOwnForm()) {
        return t('The form does not come from this page. Nothing was done.');
    }
    $csrf = posted('csrf');
    return match (posted('do')) {
        'in' => Door::enter(['command' => 'sign_in', 'password' => posted('password')]),
        'out' => Door::leave($csrf, false),
        'everywhere' => Door::leave($csrf, true),
        'set' => setPassword($csrf),
        default => t('This was not understood'),
    };
}

function setPassword(string $csrf): ?string
{
    if (posted('password') !== posted('again')) {
        return t('The two passwords are not the same.');
    }
    $voucher = isset($_POST['code'])
        ? ['code' => posted('code')]
        : ['session' => Door::here()->session['token'] ?? '', 'csrf' => $csrf, 'old' => posted('old')];
    return Door::enter(['command' => 'set_password', 'password' => posted('password')] + $voucher);
}

/** A field of a form as it is: a password may begin with a space. */
function posted(string $name): string
{
    $value = $_POST[$name] ?? '';
    return is_string($value) && strlen($value) <= 4096 ? $value : '';
}

/** The query of a page of ours to come back to; anything else is the overview. */
function backTo(?string $query): string
{
    return $query !== null && preg_match('/^[\w.~%&=+:-]+$/D', $query) === 1 ? "?$query" : '';
}
