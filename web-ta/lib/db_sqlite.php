<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

final class DbSqlite extends Db
{
    /** @param array<string, mixed> $store {"path": …, "shared": whether others can read it} */
    public static function connect(array $store): DbSqlite
    {
        self::needDriver('sqlite');
        $path = (string) ($store['path'] ?? '');
        if (!is_file($path)) {
            throw new Trouble(
                503,
                t('The database is not there.'),
                t('There is no file {path}. Is the daemon running?', ['path' => $path]),
            );
        }
        if (($store['shared'] ?? true) === false) {
            throw new Trouble(
                503,
                t('The pages can not read the database where it lies.'),
                t('The file system of {path} has no locks. Let the database lie in memory, with a copy there.', ['path' => $path]),
            );
        }
        try {
            return self::read($path);
        } catch (PDOException $error) {
            return self::readAtRest($path) ?? throw new Trouble(
                503,
                t('The database can not be opened.'),
                "$path: " . driverWords($error),
            );
        }
    }

    private static function read(string $name): DbSqlite
    {
        $pdo = new PDO("sqlite:$name", null, null, [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_TIMEOUT => self::PATIENCE,
            PDO::SQLITE_ATTR_OPEN_FLAGS => PDO::SQLITE_OPEN_READONLY,
        ]);
        // Sorting happens in memory: a router's file systems are slow and small.
        $pdo->exec('PRAGMA temp_store=MEMORY');
        $db = new DbSqlite($pdo);
        // Opening alone reads nothing; what is wrong shows here.
        $db->schema();
        return $db;
    }

    /**
     * A database with a write-ahead log is read by way of files beside it. When
     * the daemon does not run they are not there, and only who may write in the
     * folder could make them; but then nobody changes the database either.
     */
    private static function readAtRest(string $path): ?DbSqlite
    {
        if (is_file("$path-wal")) {
            return null;
        }
        try {
            return self::read('file:' . str_replace('%2F', '/', rawurlencode($path)) . '?immutable=1');
        } catch (PDOException) {
            return null;
        }
    }

    protected function schema(): int
    {
        return (int) $this->value('PRAGMA user_version');
    }

    public function contains(string $column): string
    {
        // LIKE takes upper and lower case of ASCII as the same here.
        return "$column LIKE ? ESCAPE '!'";
    }

    public function ip6Hex(string $column): string
    {
        // PHP 8.5 has another name for it, which those of today have not.
        @$this->pdo->sqliteCreateFunction('ip6_hex', static function (?string $text): ?string {
            $bytes = $text === null ? false : @inet_pton($text);
            return $bytes === false || strlen($bytes) !== 16 ? null : strtoupper(bin2hex($bytes));
        }, 1);
        return "ip6_hex($column)";
    }
}
