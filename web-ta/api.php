<?php

declare(strict_types=1);

// The same rows as data: api.php/v1/NAME?format=json|csv and the same parameters
// as the page NAME; all rows of the filter, or one page of them. What there is
// tells api.php/v1/openapi.json. api.php?page=NAME is the same, and overlooks
// parameters that make no sense as the pages do.

require __DIR__ . '/lib/start.php';
require __DIR__ . '/lib/export.php';
require __DIR__ . '/lib/api.php';

serve(
    static function (): void {
        if (!Door::forPrograms()->isOpen) {
            header('WWW-Authenticate: Bearer');
            throw new Trouble(401, t('Sign in first.'));
        }
        $path = (string) ($_SERVER['PATH_INFO'] ?? '');
        if ($path === '/v1/openapi.json') {
            header('Content-Type: application/json; charset=utf-8');
            echo json_encode(openApi(Pages::scan()), JSON_UNESCAPED_SLASHES), "\n";
            return;
        }
        $request = Request::get();
        $page = $path === '' ? Pages::scan()->find($request->text('page') ?? Pages::HOME) : apiPage($path);
        $format = $request->text('format') ?? 'json';
        if (!in_array($format, FORMATS, true)) {
            throw new Trouble(400, t('The format can be json or csv.'));
        }
        $db = Db::open(storeInfo());
        $filter = new Filter($page, $request, Span::read($db, $request));
        $filter->mustMakeSense();
        if ($path !== '') {
            checkStrictly($page, $request, $filter);
        }
        $rows = $page->rows($db, $filter);
        match (true) {
            $format === 'csv' => sendCsv($page, $rows, $filter),
            $path !== '' && $request->text('p') !== null => sendPage($page, $rows, $db, $filter),
            default => sendJson($page, $rows, $db, $filter),
        };
    },
    static function (Trouble $trouble): void {
        header('Content-Type: application/json; charset=utf-8');
        echo jsonValue(['error' => $trouble->getMessage()] + $trouble->place), "\n";
    },
);
