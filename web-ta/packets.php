<?php

declare(strict_types=1);

// The packets of a session as a capture file, while the daemon keeps them:
// packets.php?id=NUMBER.

require __DIR__ . '/lib/start.php';
require __DIR__ . '/lib/layout.php';

/** The daemon sends half a megabyte, in base64. */
const LONGEST_CAPTURE = 800000;

serve(
    static function (): void {
        if (!Door::here()->isOpen) {
            throw new Trouble(401, t('Sign in first.'));
        }
        if (Door::isGuestIn()) {
            throw new Trouble(403, t('Guests do not see packets.'));
        }
        $db = Db::open(storeInfo());
        $filter = new Filter(Pages::scan()->find('session'), Request::get(), Span::read($db, Request::get()));
        $id = $filter->need('id');
        $sql = 'SELECT proto, client, client_port, server, server_port, start, last FROM session WHERE id = ?';
        $session = $db->all($sql, [$id])[0]
            ?? throw new Trouble(400, t('There is no such session, or it is deleted by now.'));
        foreach (['client_port', 'server_port', 'start', 'last'] as $number) {
            $session[$number] = (int) $session[$number];
        }
        $answer = askDaemon(['command' => 'packets'] + $session, LONGEST_CAPTURE);
        $capture = base64_decode($answer['pcap'] ?? '', true);
        if ($capture === false || $capture === '') {
            throw new Trouble(404, t('The packets of this session are not kept, or not any more.'));
        }
        header('Content-Type: application/octet-stream');
        header("Content-Disposition: attachment; filename=\"weir-session-$id.pcapng\"");
        echo $capture;
    },
    static function (Trouble $trouble): void {
        echo layout($trouble->title(), static fn () => print troubleCard($trouble), Pages::scan(), null);
    },
);
