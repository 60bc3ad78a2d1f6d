<?php

declare(strict_types=1);

// What passes in this second, for static/live.js: the daemon is asked, not the database.

require __DIR__ . '/lib/start.php';
require __DIR__ . '/lib/export.php';
require __DIR__ . '/lib/pulse.php';

serve(
    static function (): void {
        if (!Door::here()->isOpen) {
            throw new Trouble(401, t('Sign in first.'));
        }
        header('Content-Type: application/json; charset=utf-8');
        echo jsonValue(pulse(askDaemon(['command' => 'now', 'pulse' => true]))), "\n";
    },
    static function (Trouble $trouble): void {
        header('Content-Type: application/json; charset=utf-8');
        echo jsonValue(['error' => $trouble->getMessage()]), "\n";
    },
);
