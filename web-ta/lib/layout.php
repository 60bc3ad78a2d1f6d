<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require __DIR__ . '/filter_bar.php';

/**
 * A whole page.
 *
 * @param callable(): void $body prints what is in it
 * @param ?Filter $filter null where something went wrong before there was one
 * @param bool $isDoor whether it is the one before all others
 * @param string $self its address, up to further parameters, where there is no filter
 */
function layout(string $title, callable $body, Pages $pages, ?Filter $filter, bool $isDoor = false, string $self = ''): string
{
    ob_start();
    $body();
    $main = ob_get_clean();
    $theme = theme() === null ? '' : ' data-theme="' . theme() . '"';
    $refresh = $filter?->page->refresh === null ? '' : ' data-refresh="' . $filter->page->refresh . '"';
    $lang = language() === 'zh' ? 'zh-CN' : 'en';
    return "<!DOCTYPE html>\n<html lang=\"$lang\"$theme>\n<head>\n<meta charset=\"utf-8\">\n"
        . '<meta name="viewport" content="width=device-width, initial-scale=1">' . "\n"
        . '<meta name="robots" content="noindex">' . "\n"
        . '<title>' . h($title) . " · Weir</title>\n"
        . '<link rel="icon" href="' . asset('icon.svg') . "\">\n"
        . '<link rel="stylesheet" href="' . asset('style.css') . "\">\n"
        . '<script src="' . asset('app.js') . "\" defer></script>\n"
        . ($filter?->page->hasFilter ? '<script src="' . asset('query.js') . "\" defer></script>\n" : '')
        . '<script src="' . asset('follow.js') . "\" defer></script>\n</head>\n<body>\n"
        . '<a class="skip" href="#main">' . say('To the content') . "</a>\n"
        . topBar($pages, $filter, $isDoor, $self)
        . "<main id=\"main\"$refresh>\n<div class=\"title\"><h1>" . parentLink($pages, $filter) . h($title) . '</h1>'
        . ($filter === null ? '' : exports($filter)) . "</div>\n$main</main>\n" . foot($filter) . "</body>\n</html>\n";
}

/** A file of static/, with its age in the address, so that browsers take a new one. */
function asset(string $name): string
{
    return "static/$name?" . dechex(filemtime(__DIR__ . "/../static/$name"));
}

function topBar(Pages $pages, ?Filter $filter, bool $isDoor, string $self = ''): string
{
    // Who is not let in has nowhere to go.
    $isIn = !$isDoor || Door::isSomebodyIn();
    $here = $filter === null ? null : ($filter->page->parent($filter) ?? $filter->page->id);
    $items = $isIn ? menuItems($pages, $filter, $here) : '';
    $other = language() === 'zh' ? 'en' : 'zh';
    $name = $other === 'zh' ? '中文' : 'English';
    $theme = theme() === 'dark' ? 'light' : 'dark';
    $with = static fn (array $change): string => h(
        $filter?->url($change) ?? ($isDoor ? 'door.php?' : ($self === '' ? './?' : $self)) . http_build_query($change));
    $current = str_starts_with($self, 'settings.php') ? ' aria-current="page"' : '';
    $settings = !$isIn || Door::isGuestIn() ? '' : '<a href="settings.php" aria-label="' . say('Settings') . '" title="'
        . say('Settings') . "\"$current>" . icon('settings') . '</a>';
    $account = !Door::isSomebodyIn() ? '' : '<a href="door.php" aria-label="' . say('Your sign-in') . '" title="'
        . say('Your sign-in') . '">' . icon('door') . '</a>';
    return '<header class="top"><a class="brand" href="' . h($filter?->to(Pages::HOME) ?? './') . '">'
        . icon('weir') . 'Weir</a><nav aria-label="' . say('Pages') . "\"><ul>$items</ul></nav><div class=\"tools\">"
        . '<a href="' . $with(['lang' => $other]) . "\" lang=\"$other\" hreflang=\"$other\">$name</a>"
        . '<a href="' . $with(['theme' => $theme]) . '" class="theme" role="button" aria-label="'
        . say('Light or dark') . '" title="' . say('Light or dark') . '">' . icon('theme') . "</a>$settings$account</div></header>\n";
}

/** The menu; what is needed less often is folded away, without script. */
function menuItems(Pages $pages, ?Filter $filter, ?string $here): string
{
    [$items, $more, $isInMore] = ['', '', false];
    foreach ($pages->menu() as $page) {
        $url = $filter?->to($page->id) ?? "./?page=$page->id";
        $current = $page->id === $here ? ' aria-current="page"' : '';
        $item = '<li><a href="' . h($url) . "\"$current>" . icon($page->icon) . say($page->title) . '</a></li>';
        $page->isMore ? $more .= $item : $items .= $item;
        $isInMore = $isInMore || ($page->isMore && $current !== '');
    }
    return $more === '' ? $items : "$items<li><details class=\"menu\"><summary" . ($isInMore ? ' class="here"' : '') . '>'
        . say('More') . "</summary><ul>$more</ul></details></li>";
}

/** The way back from a page that is not in the menu. */
function parentLink(Pages $pages, ?Filter $filter): string
{
    $parent = $filter?->page->parent($filter);
    return $parent === null ? '' : anchor($filter->to($parent), say($pages->find($parent)->title)) . ' / ';
}

function exports(Filter $filter): string
{
    $url = static fn (string $format): string => $filter->url(['format' => $format], 'api.php');
    return '<div class="exports"><span>' . say('All rows as') . '</span>'
        . anchor($url('csv'), 'CSV') . anchor($url('json'), 'JSON')
        . ($filter->page->table === null ? '' : anchor($url('eve'), 'EVE')) . '</div>';
}

function foot(?Filter $filter): string
{
    $clock = Clock::local();
    $text = t('Times are local: UTC{offset}.', ['offset' => $clock->offsetName($clock->now())]);
    $newest = $filter?->span->newest;
    return '<footer>' . h($text) . ($newest === null ? '' : ' ' . say('Newest record:') . ' ' . timeTag($newest))
        . "</footer>\n";
}

/** A small picture, drawn in lines on 24 × 24. */
function icon(string $name): string
{
    $path = match ($name) {
        'weir' => 'M3 5v6c3 0 3 2 6 2s3-2 6-2 3 2 6 2M3 17c3 0 3 2 6 2s3-2 6-2 3 2 6 2M9 4v5M15 4v4',
        'overview' => 'M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z',
        'devices' => 'M3 5h12v9H3zM6 18h6M9 14v4M18 9h3v9h-3z',
        'apps' => 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z',
        'dns' => 'M4 6h16v5H4zM4 13h16v5H4zM7.5 8.5h.01M7.5 15.5h.01',
        'http' => 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c5 6 5 12 0 18M12 3c-5 6-5 12 0 18',
        'sessions' => 'M7 7h13l-4-4M17 17H4l4 4',
        'logins' => 'M14 7a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM3 20c1-4 3-6 7-6M15 14v6M12 17h9M21 17v3',
        'tls' => 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
        'icmp' => 'M12 4l9 16H3zM12 10v5M12 17.5h.01',
        'services' => 'M12 4v6M5 20v-4h14v4M12 10v6M4 20h2M18 20h2',
        'door' => 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 20c1-4 4-5 8-5s7 1 8 5',
        'stops' => 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5.6 5.6l12.8 12.8',
        'alerts' => 'M6 16V11a6 6 0 1 1 12 0v5l2 2H4zM10 21h4',
        'phone' => 'M8 3h8v18H8zM11 18h2',
        'tablet' => 'M5 3h14v18H5zM11 18h2',
        'laptop' => 'M5 5h14v10H5zM2 19h20',
        'desktop' => 'M3 4h18v12H3zM8 20h8M12 16v4',
        'tv' => 'M3 6h18v12H3zM8 21h8M9 2l3 4 3-4',
        'console' => 'M7 8h10a4 4 0 0 1 4 5l-1 3c-1 2-3 2-4 0H8c-1 2-3 2-4 0l-1-3a4 4 0 0 1 4-5zM8 10v4M6 12h4M16 12h.01',
        'speaker' => 'M6 3h12v18H6zM12 7h.01M12 17a3 3 0 1 0 0-6 3 3 0 0 0 0 6z',
        'camera' => 'M3 7h4l2-3h6l2 3h4v12H3zM12 16a3 3 0 1 0 0-6 3 3 0 0 0 0 6z',
        'printer' => 'M7 9V3h10v6M5 9h14v8H5zM8 14h8v7H8z',
        'watch' => 'M12 17a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM9 7l1-4h4l1 4M9 17l1 4h4l1-4M12 10v2l1 1',
        'light' => 'M9 17h6M10 21h4M12 3a6 6 0 0 0-3 11v3h6v-3a6 6 0 0 0-3-11z',
        'home' => 'M3 11l9-8 9 8M6 9v11h12V9M10 20v-6h4v6',
        'server' => 'M4 4h16v7H4zM4 13h16v7H4zM8 7.5h.01M8 16.5h.01',
        'router' => 'M3 14h18v6H3zM7 17h.01M11 17h.01M17 14V8M13 6a6 6 0 0 1 8 0',
        'settings' => 'M4 7h8M18 7h2M15 4v6M4 17h2M12 17h8M9 14v6',
        'theme' => 'M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18',
        default => 'M4 12h16',
    };
    return '<svg class="icon" width="20" height="20" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
        . " stroke-width=\"1.8\" stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\"><path d=\"$path\"/></svg>";
}
