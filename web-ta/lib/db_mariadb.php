<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

final class DbMariadb extends Db
{
    /** As many as a page shows to choose from. */
    private const MOST_ROUTERS = 100;

    /** MariaDB's number for a table that does not exist. */
    private const NO_TABLE = 1146;

    /**
     * The databases on this server that a Weir writes into and that we may read,
     * with the name of the router, how far its clock is ahead, in seconds, and
     * when it wrote last.
     *
     * @return array<string, array{name: string, ahead: ?float, last: int|float|string}> by database
     */
    public function routers(): array
    {
        $names = $this->all("SELECT TABLE_SCHEMA AS name FROM information_schema.TABLES
            WHERE TABLE_NAME = 'router' ORDER BY TABLE_SCHEMA LIMIT " . self::MOST_ROUTERS);
        $routers = [];
        foreach (array_column($names, 'name') as $database) {
            $quoted = '`' . str_replace('`', '``', $database) . '`';
            try {
                $row = $this->all("SELECT name, ahead_ms, last FROM $quoted.router ORDER BY last DESC LIMIT 1")[0] ?? null;
            } catch (PDOException) {
                // A table of that name that is not Weir's, or not for us.
                continue;
            }
            if ($row !== null) {
                $ahead = $row['ahead_ms'] === null ? null : $row['ahead_ms'] / 1000;
                $routers[$database] = ['name' => $row['name'], 'ahead' => $ahead, 'last' => $row['last']];
            }
        }
        return $routers;
    }

    /** @param array<string, mixed> $store {"host", "port", "socket", "database", "user", "password", "ca"} */
    public static function connect(array $store): DbMariadb
    {
        self::needDriver('mysql');
        $get = static fn (string $key): string => (string) ($store[$key] ?? '');
        $place = $get('socket') !== ''
            ? 'unix_socket=' . $get('socket')
            : 'host=' . $get('host') . ';port=' . $get('port');
        $dsn = "mysql:$place;dbname=" . $get('database') . ';charset=utf8mb4';
        // A socket does not leave the machine.
        $tls = $get('ca') === '' || $get('socket') !== '' ? [] : self::tls($get('ca'));
        try {
            $pdo = new PDO($dsn, $get('user'), $get('password'), $tls + [
                PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
                PDO::ATTR_TIMEOUT => self::PATIENCE,
                PDO::ATTR_EMULATE_PREPARES => false,
                // Otherwise the driver takes the whole result into PHP's memory.
                PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => false,
            ]);
        } catch (PDOException $error) {
            throw new Trouble(503, self::reason($error), driverWords($error));
        }
        return new DbMariadb($pdo);
    }

    /**
     * TLS, to a server whose certificate is signed by one in this file and names it.
     *
     * @return array<int, mixed>
     */
    private static function tls(string $ca): array
    {
        if (!extension_loaded('openssl')) {
            throw new Trouble(503, t('PHP lacks the extension {name}.', ['name' => 'openssl']));
        }
        if (!is_readable($ca)) {
            throw new Trouble(503, t('The file {path} is missing or may not be read.', ['path' => $ca]));
        }
        return [PDO::MYSQL_ATTR_SSL_CA => $ca, PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => true];
    }

    private static function reason(PDOException $error): string
    {
        return match ((int) $error->getCode()) {
            1044, 1045, 1698 => t('The database server does not let us in: wrong user, password or rights.'),
            1049 => t('The database does not exist on the server.'),
            default => t('The database server can not be reached.'),
        };
    }

    protected function schema(): int
    {
        try {
            return (int) $this->value("SELECT value FROM meta WHERE name='schema'");
        } catch (PDOException $error) {
            if (($error->errorInfo[1] ?? 0) === self::NO_TABLE) {
                return 0;
            }
            throw $error;
        }
    }

    protected function indexes(string $table): array
    {
        $sql = 'SELECT DISTINCT INDEX_NAME AS name FROM information_schema.STATISTICS'
            . ' WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?';
        return array_column($this->all($sql, [$table]), 'name');
    }

    public function hasBegins(string $table, string $column): bool
    {
        $sql = 'SELECT MAX(SUB_PART) FROM information_schema.STATISTICS'
            . ' WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND INDEX_NAME = ?';
        return $this->value($sql, [$table, "{$table}_$column"]) !== null;
    }

    public function hint(string $table, string $column): string
    {
        return $column === 'id' ? ' USE INDEX (PRIMARY)' : " USE INDEX (`{$table}_$column`)";
    }

    public function contains(string $column): string
    {
        // The columns compare byte by byte; a search should not.
        return "LOWER($column) LIKE LOWER(?) ESCAPE '!'";
    }

    public function ip6Hex(string $column): string
    {
        return "$column LIKE '%:%' AND HEX(INET6_ATON($column))";
    }
}
