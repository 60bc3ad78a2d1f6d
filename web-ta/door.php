<?php

declare(strict_types=1);

// Signing in and out, and the password: door.php. LuCI's ticket comes here too.

require __DIR__ . '/lib/start.php';
require __DIR__ . '/lib/layout.php';
require __DIR__ . '/lib/door_html.php';
require __DIR__ . '/lib/account.php';

serve(
    static function (): void {
        $get = Request::get();
        $back = backTo($get->text('back'));
        $wrong = $made = null;
        if ($_SERVER['REQUEST_METHOD'] === 'POST') {
            $back = backTo((new Request($_POST))->text('back'));
            [$wrong, $made] = act();
            if ($wrong === null && $made === null) {
                // Of the account one sees what became of it.
                $isAccount = in_array(posted('do'), ['guests', 'no_guests', 'remove_token'], true);
                header('Location: ./' . ($isAccount ? 'door.php' : $back), true, 303);
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
        [$title, $card] = doorCard(Door::here(), $wrong, $back, $made);
        echo doorPage($title, static fn () => print $card);
    },
    static function (Trouble $trouble): void {
        echo doorPage($trouble->title(), static fn () => print troubleCard($trouble));
    },
    ['GET', 'HEAD', 'POST'],
);

/**
 * Does what a form asks for.
 *
 * @return array{?string, ?string} what is wrong, and the token that was made
 */
function act(): array
{
    if (!Door::isOwnForm()) {
        return [t('The form does not come from this page. Nothing was done.'), null];
    }
    $csrf = posted('csrf');
    if (posted('do') === 'add_token') {
        $answer = told('add_token', $csrf, ['name' => trim(posted('name'))]);
        return isset($answer['made']) ? [null, (string) $answer['made']] : [Door::words($answer), null];
    }
    return [match (posted('do')) {
        'in' => Door::enter(['command' => 'sign_in', 'password' => posted('password')]),
        'out' => Door::leave($csrf, false),
        'everywhere' => Door::leave($csrf, true),
        'set' => setPassword($csrf),
        'guests' => setGuests($csrf),
        'no_guests' => wrongOf(told('set_guest', $csrf, ['password' => ''])),
        'remove_token' => wrongOf(told('remove_token', $csrf, ['name' => posted('name')])),
        default => t('This was not understood'),
    }, null];
}

/**
 * Tells the daemon, by the csrf token of the form and no other.
 *
 * @param array<string, mixed> $with
 * @return ?array<string, mixed>
 */
function told(string $command, string $csrf, array $with): ?array
{
    return Door::here()->ask($command, ['csrf' => $csrf] + $with);
}

/** @param ?array<string, mixed> $answer */
function wrongOf(?array $answer): ?string
{
    return isset($answer['done']) ? null : Door::words($answer);
}

function setGuests(string $csrf): ?string
{
    if (posted('password') !== posted('again')) {
        return t('The two passwords are not the same.');
    }
    // Without one there would be no guests any more: there is another button for that.
    return posted('password') === ''
        ? t('The password needs at least 8 characters.')
        : wrongOf(told('set_guest', $csrf, ['password' => posted('password')]));
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
