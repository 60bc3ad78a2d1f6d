<?php

declare(strict_types=1);

// An export while sessions go on: php snapshot.php WEB-TA DATABASE
//
// The oldest rows become the newest when the first have been read; prints how many
// rows came, and how many different ones.

$_SERVER['REQUEST_METHOD'] = 'GET';
$_GET = ['page' => 'sessions', 'range' => 'all'];
require $argv[1] . '/lib/start.php';
require $argv[1] . '/lib/export.php';

$db = Db::open(['kind' => 'sqlite', 'path' => $argv[2], 'shared' => true]);
$page = Pages::scan()->find('sessions');
$filter = new Filter($page, Request::get(), Span::read($db, Request::get()));
$count = 0;
$ids = [];
foreach ($page->rows($db, $filter)->all('-last') as $row) {
    $ids[digits($row['id'])] = true;
    if (++$count === 10) {
        $writer = new PDO("sqlite:$argv[2]");
        $writer->exec('UPDATE session SET last = last + 1000000000000 WHERE id IN (SELECT id FROM session ORDER BY last LIMIT 500)');
    }
}
echo $count, ' ', count($ids), "\n";
