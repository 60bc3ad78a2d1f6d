<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * A page, as its file in pages/ describes it by an array:
 *
 *   title    English, see t()
 *   order    its place in the menu; a page without one is not in it
 *   icon     of the menu, see icon()
 *   isMore   it is folded away in the menu
 *   parent   the page of the menu that it belongs to, if it is not in it; or fn (Filter): string
 *   refresh  seconds after which it is shown anew; it is not without this
 *   params   its own parameters: name => Param
 *   controls those with a field: name => [title, options], where options are
 *            true for yes or no, null for a number, or fn (Labels): array
 *   chips    those that a link sets: name => title
 *   needs    those of params that it can not do without
 *   admin    true for a page that guests and programs may not see
 *   filter   false for a page that shows one row, where there is nothing to narrow down
 *   columns  of its rows: name => Column
 *   table    the table that its rows are of, where they are a Listing
 *   sort     the usual order: a column, after "-" for downwards
 *   rows     fn (Db, Filter): Rows
 *   parts    fn (Db, Filter): array, what else is on it: name => rows or numbers
 *   view     fn (Rows, array $parts, Filter, Labels): void, prints it as HTML
 */
final class Page
{
    public readonly string $title;
    public readonly ?int $order;
    public readonly string $icon;
    public readonly bool $isMore;
    private readonly Closure|string|null $parent;
    public readonly ?int $refresh;
    public readonly bool $hasFilter;
    public readonly bool $isAdmin;
    /** @var list<string> */
    public readonly array $needs;
    /** @var array<string, Param> */
    public readonly array $params;
    /** @var array<string, array{string, Closure|bool|null}> */
    public readonly array $controls;
    /** @var array<string, string> */
    public readonly array $chips;
    /** @var array<string, Column> */
    public readonly array $columns;
    /** The table whose rows it lists, if it does. */
    public readonly ?string $table;
    public readonly string $sort;
    public readonly Closure $view;
    private readonly Closure $rows;
    private readonly Closure $parts;

    /** @param array<string, mixed> $page */
    public function __construct(public readonly string $id, array $page)
    {
        $this->title = $page['title'];
        $this->order = $page['order'] ?? null;
        $this->icon = $page['icon'] ?? '';
        $this->isMore = $page['isMore'] ?? false;
        $this->parent = $page['parent'] ?? null;
        $this->refresh = $page['refresh'] ?? null;
        $this->hasFilter = $page['filter'] ?? true;
        $this->isAdmin = $page['admin'] ?? false;
        $this->needs = $page['needs'] ?? [];
        $this->params = $page['params'] ?? [];
        $this->controls = $page['controls'] ?? [];
        $this->chips = $page['chips'] ?? [];
        $this->columns = $page['columns'];
        $this->table = $page['table'] ?? null;
        $this->sort = $page['sort'];
        $this->rows = $page['rows'];
        $this->parts = $page['parts'] ?? static fn (): array => [];
        $this->view = $page['view'];
    }

    /** The page of the menu that it belongs to; null if it is in it itself. */
    public function parent(Filter $filter): ?string
    {
        return $this->parent instanceof Closure ? ($this->parent)($filter) : $this->parent;
    }

    public function rows(Db $db, Filter $filter): Rows
    {
        return ($this->rows)($db, $filter);
    }

    /** @return array<string, mixed> */
    public function parts(Db $db, Filter $filter): array
    {
        return ($this->parts)($db, $filter);
    }
}

/** All pages: every file of pages/ is one. */
final class Pages
{
    public const HOME = 'overview';

    /** @param array<string, Page> $pages */
    private function __construct(private readonly array $pages)
    {
    }

    public static function scan(): Pages
    {
        static $scanned = null;
        if ($scanned === null) {
            $pages = [];
            foreach (glob(__DIR__ . '/../pages/*.php') as $file) {
                $id = basename($file, '.php');
                $pages[$id] = new Page($id, require $file);
            }
            $scanned = new Pages($pages);
        }
        return $scanned;
    }

    public function find(string $id): Page
    {
        $page = $this->pages[$id] ?? throw new Trouble(400, t('There is no such page.'));
        if ($page->isAdmin && Door::isGuestIn()) {
            throw new Trouble(403, t('Guests do not see this page.'));
        }
        return $page;
    }

    /** @return array<string, Page> those that programs may read, by their names */
    public function open(): array
    {
        return array_filter($this->pages, static fn (Page $page) => !$page->isAdmin);
    }

    /** @return list<Page> those of the menu, in its order */
    public function menu(): array
    {
        $isGuest = Door::isGuestIn();
        $menu = array_filter(
            $this->pages,
            static fn (Page $page) => $page->order !== null && !($page->isAdmin && $isGuest),
        );
        usort($menu, static fn (Page $a, Page $b) => $a->order <=> $b->order);
        return $menu;
    }
}
