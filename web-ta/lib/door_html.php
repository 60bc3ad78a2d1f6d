<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** @param callable(): void $body prints what is in it */
function doorPage(string $title, callable $body): string
{
    return layout($title, $body, Pages::scan(), null, true);
}

function signedInCard(): string
{
    return '<section class="card door"><p>' . say('You are signed in.') . '</p><p>'
        . anchor('./', say('To the overview'), 'button') . '</p></section>';
}

/**
 * What there is to do for who stands before the door.
 *
 * @return array{string, string} title and HTML
 */
function doorCard(Door $door, ?string $wrong, string $back, ?string $made = null): array
{
    $say = $wrong === null ? '' : '<p class="wrong" role="alert">' . h($wrong) . '</p>';
    return match (true) {
        $door->session !== null => [t('Your sign-in'), $say . accountCards($door, $made)],
        $door->isDaemonAway => [t('Sign in'), '<section class="card door"><p>'
            . say('The daemon does not answer, so nobody can sign in.') . '</p></section>'],
        $door->hasPassword => [t('Sign in'), signInCard($say, $back)],
        default => [t('Set a password'), firstCard($say)],
    };
}

/** @param array<string, string> $hidden name => value */
function doorForm(string $do, string $fields, string $button, array $hidden = [], string $class = '', string $what = ''): string
{
    // Beside others like it, a button says to whom cannot see it what it is for.
    $unseen = $what === '' ? '' : '<span class="unseen"> ' . h($what) . '</span>';
    $html = "<form method=\"post\" action=\"door.php\" class=\"door $class\">";
    foreach (['do' => $do] + $hidden as $name => $value) {
        $html .= '<input type="hidden" name="' . h($name) . '" value="' . h($value) . '">';
    }
    return "$html$fields<button type=\"submit\">" . h($button) . "$unseen</button></form>";
}

function secret(string $name, string $title, string $complete, string $more = ''): string
{
    return '<label><span>' . h($title) . "</span><input type=\"password\" name=\"$name\" required maxlength=\"1024\""
        . " autocomplete=\"$complete\"$more></label>";
}

function signInCard(string $say, string $back): string
{
    $form = doorForm(
        'in',
        secret('password', t('Password'), 'current-password', ' autofocus'),
        t('Sign in'),
        ['back' => ltrim($back, '?')],
    );
    return "<section class=\"card door\">$say$form<p class=\"hint\">"
        . say('Forgotten? On the router: weir passwd. Or come from LuCI: Services, Weir, Open Weir.') . '</p></section>';
}

/** The new password, twice. */
function newSecret(): string
{
    return secret('password', t('New password'), 'new-password', ' minlength="8"')
        . secret('again', t('The same again'), 'new-password', ' minlength="8"');
}

function firstCard(string $say): string
{
    $code = '<label><span>' . say('Code in the log of the daemon') . '</span><input type="text" name="code" required'
        . ' maxlength="20" inputmode="numeric" autocomplete="off" placeholder="0000-0000"></label>';
    return "<section class=\"card door\">$say<p>"
        . say('These pages show what everybody on the network does, so they ask for a password. There is none yet.')
        . '</p>' . doorForm('set', $code . newSecret(), t('Set the password')) . '<p class="hint">'
        . say('Only who may read the log of the daemon knows the code. Without it: come from LuCI (Services, Weir, Open Weir), or use weir passwd on the router.')
        . '</p></section>';
}

/** @param ?string $made a token, to be shown this once */
function accountCards(Door $door, ?string $made): string
{
    $csrf = ['csrf' => (string) $door->session['csrf']];
    $here = doorForm('out', '', t('Sign out here'), $csrf);
    if (!$door->mayChange()) {
        return card(t('Sign out'), '<p>' . say('You are signed in as a guest: you see everything but the settings, and change nothing.')
            . "</p>$here");
    }
    $needsOld = $door->hasPassword && $door->session['by_ticket'] !== true;
    $old = $needsOld ? secret('old', t('Password so far'), 'current-password') : '';
    $account = account($door);
    return '<div class="grid two">' . card(
        t('Sign out'),
        $here . doorForm('everywhere', '', t('Sign out everywhere'), $csrf, 'plain'),
    ) . card(
        $door->hasPassword ? t('Another password') : t('Set a password'),
        doorForm('set', $old . newSecret(), t('Set the password'), $csrf)
            . '<p class="hint">' . say('Everybody else is signed out by that.') . '</p>',
    ) . (isset($account['tokens'])
        ? guestCard($door, $account['guest'] === true) . tokensCard($door, $account['tokens'], $made)
        : '<p class="wrong" role="alert">' . h(Door::words($account)) . '</p>') . '</div>';
}
