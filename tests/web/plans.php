<?php

declare(strict_types=1);

// How the database goes about the first page of each list: php plans.php WEB-TA JSON
// prints for each statement the page, the plan and the statement, with tabs between.

$_SERVER['REQUEST_METHOD'] = 'GET';
putenv("WEIR_WEB=$argv[2]");
require $argv[1] . '/lib/start.php';
require $argv[1] . '/lib/layout.php';

/** Remembers what was executed. */
final class Watched extends PDOStatement
{
    /** @var list<array{string, array<int, mixed>}> */
    public static array $all = [];
    /** @var array<int, mixed> */
    private array $values = [];

    protected function __construct()
    {
    }

    public function bindValue(int|string $param, mixed $value, int $type = PDO::PARAM_STR): bool
    {
        $this->values[$param] = [$value, $type];
        return parent::bindValue($param, $value, $type);
    }

    public function execute(?array $params = null): bool
    {
        self::$all[] = [$this->queryString, $this->values];
        return parent::execute($params);
    }
}

/** @param array<int, mixed> $values */
function planOf(PDO $pdo, bool $isSqlite, string $sql, array $values): string
{
    $statement = $pdo->prepare(($isSqlite ? 'EXPLAIN QUERY PLAN ' : 'EXPLAIN ') . $sql);
    foreach ($values as $place => [$value, $type]) {
        $statement->bindValue($place, $value, $type);
    }
    $statement->execute();
    $steps = array_map(static fn (array $row): string => $isSqlite
        ? $row['detail']
        : "$row[table] $row[type] $row[key] $row[Extra]", $statement->fetchAll(PDO::FETCH_ASSOC));
    return implode('; ', $steps);
}

$db = Db::open(storeInfo());
$pdo = (new ReflectionProperty(Db::class, 'pdo'))->getValue($db);
$pdo->setAttribute(PDO::ATTR_STATEMENT_CLASS, [Watched::class]);
$device = '02:00:00:00:00:01';
foreach (['sessions', 'dns', 'tls', 'http'] as $id) {
    $page = Pages::scan()->find($id);
    foreach ([[], ['range' => '30d'], ['range' => 'all'], ['device' => $device], ['range' => '30d', 'q' => 'nothing'],
        ['range' => '30d', 'sort' => 'device'], ['range' => '30d', 'device' => $device, 'q' => 'nothing']] as $params) {
        $request = new Request($params);
        $filter = new Filter($page, $request, Span::read($db, $request));
        Watched::$all = [];
        $rows = $page->rows($db, $filter);
        $shown = $rows->page($filter->sort, $filter->number);
        $rows->count();
        $seen = Watched::$all;
        foreach ($seen as [$sql, $values]) {
            $plan = planOf($pdo, $db instanceof DbSqlite, $sql, $values);
            echo $id, ' ', json_encode($params), "\t", $plan, "\t", preg_replace('/\s+/', ' ', $sql), "\n";
        }
    }
}
