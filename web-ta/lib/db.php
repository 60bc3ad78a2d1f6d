<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

require __DIR__ . '/db_sqlite.php';
require __DIR__ . '/db_mariadb.php';

/**
 * What the daemon wrote about its store.
 *
 * @return array<string, mixed>
 */
function storeInfo(): array
{
    $store = webInfo()['store'];
    $router = chosenRouter();
    return $store['kind'] === 'mariadb' && $router !== null ? ['database' => $router] + $store : $store;
}

/** The database of the router that the request asks for, where several write to one server. */
function chosenRouter(): ?string
{
    $router = Request::get()->text('router');
    if ($router !== null && preg_match('/^[\w-]{1,64}$/D', $router) !== 1) {
        Request::get()->ignore('router');
        return null;
    }
    return $router;
}

/** Bytes that a day may write to lasting storage; 0 for as many as it takes. */
function writeBudget(): float
{
    $budget = webInfo()['write_budget'] ?? 0;
    return is_int($budget) || is_float($budget) ? (float) $budget : 0.0;
}

/**
 * The database, for reading. The statements are the same for both kinds; what
 * differs is in the two classes behind this one.
 *
 * Big numbers (times, ids, bytes) go in as strings and come out as PHP's
 * driver has them: int, float or string. Rows makes one of it.
 */
abstract class Db
{
    /** What these pages know of the tables; the daemon's own tests keep it in step. */
    private const SCHEMA = __DIR__ . '/../schema.json';

    /** Seconds to wait for a writer or for the server. */
    protected const PATIENCE = 5;

    protected function __construct(protected readonly PDO $pdo)
    {
    }

    /** @param array<string, mixed> $store see storeInfo() */
    public static function open(array $store): Db
    {
        $db = match ($store['kind']) {
            'sqlite' => DbSqlite::connect($store),
            'mariadb' => DbMariadb::connect($store),
            'none' => throw new Trouble(503, t('Weir is set to keep no records (store kind "none").')),
            default => throw new Trouble(503, t('These pages do not know this kind of store.'), $store['kind']),
        };
        $db->checkSchema();
        // All that a page says is of one moment, however many statements that takes.
        $db->pdo->beginTransaction();
        return $db;
    }

    /**
     * The routers whose records are to be had from the same server, by their
     * databases; none where there is no server.
     *
     * @return array<string, array{name: string, ahead: ?float, last: int|float|string}>
     */
    public function routers(): array
    {
        return [];
    }

    private int $version = 0;

    /** The version of the tables. */
    public function version(): int
    {
        return $this->version;
    }

    /** What the database says of it; 0 when there are no tables yet. */
    abstract protected function schema(): int;

    /**
     * Columns of a table that have an index named after them.
     *
     * @return list<string>
     */
    public function indexed(string $table): array
    {
        $columns = [];
        foreach ($this->indexes($table) as $name) {
            if (str_starts_with($name, "{$table}_")) {
                $columns[] = substr($name, strlen($table) + 1);
            }
        }
        return $columns;
    }

    /** @return list<string> names */
    abstract protected function indexes(string $table): array;

    /** Whether the index of a column has only the begins of its values, so that it gives no order. */
    public function hasBegins(string $table, string $column): bool
    {
        return false;
    }

    /** Behind a table's name: that its rows are found by the index of this column. */
    public function hint(string $table, string $column): string
    {
        return '';
    }

    /** The condition that the text in $column contains the parameter of contained(). */
    abstract public function contains(string $column): string;

    /** An address of IPv6 as 32 hexadecimal digits in capitals; unknown for anything else. */
    abstract public function ip6Hex(string $column): string;

    private function checkSchema(): void
    {
        $this->version = $schema = $this->schema();
        $known = json_decode(file_get_contents(self::SCHEMA), true)['version'];
        if ($schema > $known) {
            throw new Trouble(
                503,
                t('The data was written by a newer Weir than these pages know.'),
                t('Schema {theirs}, known up to {ours}: update the pages.', [
                    'theirs' => (string) $schema,
                    'ours' => (string) $known,
                ]),
            );
        }
        if ($schema < 1) {
            throw new Trouble(503, t('The database has no tables yet.'), t('Is the daemon running?'));
        }
    }

    /** $text as the parameter for contains(). */
    public static function contained(string $text): string
    {
        return '%' . strtr($text, ['!' => '!!', '%' => '!%', '_' => '!_']) . '%';
    }

    /** Fails unless PHP has the driver. */
    protected static function needDriver(string $driver): void
    {
        if (!in_array($driver, PDO::getAvailableDrivers(), true)) {
            throw new Trouble(503, t('PHP lacks the extension {name}.', ['name' => "pdo_$driver"]));
        }
    }

    /**
     * The rows, one at a time: a result may be larger than PHP's memory.
     *
     * @param list<int|string> $params
     * @return Generator<int, array<string, mixed>>
     */
    public function each(string $sql, array $params = []): Generator
    {
        $statement = $this->pdo->prepare($sql);
        foreach ($params as $place => $value) {
            $statement->bindValue($place + 1, $value, is_int($value) ? PDO::PARAM_INT : PDO::PARAM_STR);
        }
        $statement->execute();
        try {
            while (($row = $statement->fetch(PDO::FETCH_ASSOC)) !== false) {
                yield $row;
            }
        } finally {
            // The next statement needs the connection.
            $statement->closeCursor();
        }
    }

    /**
     * @param list<int|string> $params
     * @return list<array<string, mixed>>
     */
    public function all(string $sql, array $params = []): array
    {
        return iterator_to_array($this->each($sql, $params), false);
    }

    /**
     * The first column of the only row.
     *
     * @param list<int|string> $params
     */
    public function value(string $sql, array $params = []): mixed
    {
        $row = $this->all($sql, $params)[0] ?? [];
        return $row === [] ? null : reset($row);
    }
}
