<?php

declare(strict_types=1);

// The pages: index.php?page=NAME shows pages/NAME.php.

require __DIR__ . '/lib/start.php';
require __DIR__ . '/lib/layout.php';

serve(
    static function (): void {
        $way = Door::here()->way((string) ($_SERVER['QUERY_STRING'] ?? ''));
        if ($way !== null) {
            // A choice of language in the address is remembered on the way.
            language();
            header("Location: $way", true, 303);
            return;
        }
        $pages = Pages::scan();
        $page = $pages->find(Request::get()->text('page') ?? Pages::HOME);
        $db = Db::open(storeInfo());
        $filter = new Filter($page, Request::get(), Span::read($db, Request::get()));
        $body = static function () use ($page, $db, $filter): void {
            echo $page->hasFilter ? filterBar($db, $filter) : '', remarks($filter);
            if ($filter->span->isEmpty()) {
                echo notice(t('There are no records yet. They appear here within a minute of the first packet.'));
                return;
            }
            if ($filter->mistake !== null) {
                // Said below the search; rather no rows than wrong ones.
                return;
            }
            ($page->view)($page->rows($db, $filter), $page->parts($db, $filter), $filter, new Labels($db));
        };
        if ($filter->mistake !== null) {
            http_response_code(400);
        }
        echo layout(t($page->title), $body, $pages, $filter);
    },
    static function (Trouble $trouble): void {
        echo layout($trouble->title(), static fn () => print troubleCard($trouble), Pages::scan(), null);
    },
);
