<?php

declare(strict_types=1);

// The same rows as data: api.php?page=NAME&format=json|csv|eve and the same
// parameters as the page; all rows of the filter, not only one page of them.

require __DIR__ . '/lib/start.php';
require __DIR__ . '/lib/export.php';

serve(
    static function (): void {
        if (!Door::here()->isOpen) {
            throw new Trouble(401, t('Sign in first.'));
        }
        $request = Request::get();
        $format = $request->text('format') ?? 'json';
        if (!in_array($format, ['json', 'csv', 'eve'], true)) {
            throw new Trouble(400, t('The format can be json, csv or eve.'));
        }
        $page = Pages::scan()->find($request->text('page') ?? Pages::HOME);
        $db = Db::open(storeInfo());
        $filter = new Filter($page, $request, Span::read($db, $request));
        $rows = $page->rows($db, $filter);
        match ($format) {
            'csv' => sendCsv($page, $rows, $filter),
            'eve' => sendEve($page, $rows, $filter),
            default => sendJson($page, $rows, $db, $filter),
        };
    },
    static function (Trouble $trouble): void {
        header('Content-Type: application/json; charset=utf-8');
        echo jsonValue(['error' => $trouble->getMessage()]), "\n";
    },
);
