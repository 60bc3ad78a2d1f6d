<?php

declare(strict_types=1);

// Opened by its own URL, a file of lib/, pages/ or lang/ shows nothing. This is
// the file that defines the constant, so it looks at what was asked for.
if (realpath($_SERVER['SCRIPT_FILENAME'] ?? '') === __FILE__) {
    http_response_code(404);
    exit;
}
define('WEIR', true);

// A router's php.ini shows errors; a page must not, whatever goes wrong.
ini_set('display_errors', '0');
error_reporting(E_ALL);
set_error_handler(static function (int $level, string $text, string $file, int $line): bool {
    // What @ silences is expected; what a newer PHP is going to drop still works.
    if ((error_reporting() & $level) === 0 || ($level & (E_DEPRECATED | E_USER_DEPRECATED)) !== 0) {
        return false;
    }
    throw new ErrorException($text, 0, $level, $file, $line);
});

require __DIR__ . '/trouble.php';
require __DIR__ . '/request.php';
require __DIR__ . '/i18n.php';
require __DIR__ . '/clock.php';
require __DIR__ . '/format.php';
require __DIR__ . '/control.php';
require __DIR__ . '/door.php';
require __DIR__ . '/db.php';
require __DIR__ . '/span.php';
require __DIR__ . '/place.php';
require __DIR__ . '/filter.php';
require __DIR__ . '/same.php';
require __DIR__ . '/rows.php';
require __DIR__ . '/query.php';
require __DIR__ . '/order.php';
require __DIR__ . '/segment.php';
require __DIR__ . '/listing.php';
require __DIR__ . '/listing_html.php';
require __DIR__ . '/columns.php';
require __DIR__ . '/row.php';
require __DIR__ . '/page.php';
require __DIR__ . '/html.php';
require __DIR__ . '/query_html.php';
require __DIR__ . '/labels.php';
require __DIR__ . '/usage.php';
require __DIR__ . '/sums.php';
require __DIR__ . '/volume.php';

/**
 * Answers the request by $work. What goes wrong is told by $failed, with
 * nothing of what $work had printed before.
 *
 * @param list<string> $methods
 */
function serve(callable $work, callable $failed, array $methods = ['GET', 'HEAD']): void
{
    if (headers_sent()) {
        // PHP itself complained about the request, and its php.ini shows that.
        exit;
    }
    sendSafetyHeaders();
    ob_start();
    try {
        if (!in_array($_SERVER['REQUEST_METHOD'] ?? '', $methods, true)) {
            header('Allow: ' . implode(', ', $methods));
            throw new Trouble(405, t('Pages can only be read.'));
        }
        $work();
    } catch (Throwable $error) {
        if (headers_sent()) {
            // An export that is on its way already ends here, incomplete.
            error_log("weir: $error");
            return;
        }
        $trouble = $error instanceof Trouble ? $error : Trouble::of($error);
        ob_clean();
        http_response_code($trouble->status);
        $failed($trouble);
    }
    while (ob_get_level() > 0) {
        ob_end_flush();
    }
}

function sendSafetyHeaders(): void
{
    header_remove('X-Powered-By');
    header("Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; "
        . "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        . "frame-ancestors 'self'");
    header('X-Content-Type-Options: nosniff');
    header('Referrer-Policy: same-origin');
    header('Content-Type: text/html; charset=utf-8');
    // What people did on the network does not belong into a browser's cache.
    header('Cache-Control: no-store');
}
