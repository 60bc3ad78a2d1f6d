<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

// The account page for who may change things: the password of guests, and the
// tokens by which programs read the API.

/** @return array<string, mixed> {"guest", "tokens"}; empty where the daemon says nothing */
function account(Door $door): array
{
    return $door->ask('account') ?? [];
}

function guestCard(Door $door, bool $isThere): string
{
    $csrf = ['csrf' => (string) $door->session['csrf']];
    $away = $isThere ? doorForm('no_guests', '', t('No guests any more'), $csrf, 'plain') : '';
    return card(
        t('Guests'),
        '<p>' . say('Guests see the pages and their files. They change nothing, and see neither settings nor packets.')
            . '</p>' . doorForm('guests', newSecret(), $isThere ? t('Another password') : t('Set the password'), $csrf) . $away
            . '<p class="hint">' . say('Guests who are signed in have to do it again.') . '</p>',
    );
}

/** @param list<array{name: string, made: int, used: ?int}> $tokens */
function tokensCard(Door $door, array $tokens, ?string $made): string
{
    $csrf = ['csrf' => (string) $door->session['csrf']];
    $list = '';
    foreach ($tokens as $token) {
        $used = $token['used'] === null ? t('never used') : t('last used {day}', ['day' => dayOf($token['used'])]);
        $list .= '<li><div><b>' . h($token['name']) . '</b><small>' . say('made {day}', ['day' => dayOf($token['made'])])
            . ' · ' . h($used) . ' · ' . say('reads only') . '</small></div>'
            . doorForm('remove_token', '', t('Take away'), $csrf + ['name' => $token['name']], 'plain', $token['name']) . '</li>';
    }
    $field = '<label><span>' . say('Name, for you to know it by') . '</span><input type="text" name="name" required'
        . ' maxlength="40" autocomplete="off"></label>';
    return card(
        t('Tokens for programs'),
        ($made === null ? '' : madeToken($made))
            . '<p>' . say('A program reads the API by a token, without a password.') . ' '
            . anchor('api.php/v1/openapi.json', say('What the API can do')) . '</p>'
            . ($list === '' ? '' : "<ul class=\"tokens\">$list</ul>") . doorForm('add_token', $field, t('Make a token'), $csrf),
    );
}

function madeToken(string $token): string
{
    return '<div class="notice" role="status"><p>' . say('Keep it now: it is not shown again.') . '</p><p><code>'
        . h($token) . '</code></p></div>';
}

/** The day that begins at $secs since 1970, in UTC. */
function dayOf(int $secs): string
{
    return gmdate('Y-m-d', $secs);
}
