<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** What a parameter of a page may be. */
enum Param
{
    case Text;
    case Word;
    case Address;
    case Port;
    case Size;
    case Flag;
    case Id;

    /** @return string the pattern of a whole value */
    public function pattern(): string
    {
        return match ($this) {
            Param::Text => '/^.{1,1024}$/Dsu',
            Param::Word => '/^[\w.-]{1,48}$/D',
            Param::Address => '/^[0-9A-Fa-f:.]{2,45}$/D',
            Param::Port => '/^[0-9]{1,5}$/D',
            Param::Size => '/^[0-9]{1,15}$/D',
            Param::Flag => '/^1$/D',
            Param::Id => '/^[0-9]{1,16}$/D',
        };
    }
}

/** Stands for "without a value" in parameters of rows that may have none: an app, a response code. */
const NONE = '-';

/**
 * What a page shows: the parameters of the URL, checked once. A parameter that
 * makes no sense counts as not given, and the page says so.
 */
final class Filter
{
    /** Rows on one page. */
    public const PAGE_ROWS = 50;

    /** Beyond this, a narrower filter is the way to find something. */
    private const LAST_NUMBER = 100000;

    /** Whose rows, as the tables name it. */
    public readonly ?string $device;
    /** What is searched for; null for nothing. */
    public readonly ?Query $text;
    /** …as it was asked for. */
    public readonly string $asked;
    /** Why that makes no sense; then there are no rows. */
    public readonly ?QueryMistake $mistake;
    /** A column, after "-" for downwards. */
    public readonly string $sort;
    /** Which page of rows, from 1. */
    public readonly int $number;
    private readonly Query $query;
    /** @var array<string, string> the page's own parameters that are given */
    private array $own = [];

    public function __construct(
        public readonly Page $page,
        private readonly Request $request,
        public readonly Span $span,
    ) {
        $this->device = $this->checked('device', Param::Address);
        $this->query = $query = $page->hasFilter ? Query::of($request, $page->id) : new Query([]);
        $this->text = $query->isNarrow() ? $query : null;
        $asked = $page->hasFilter ? $request->query() ?? '' : '';
        // What is no text at all would only make every link long.
        $this->asked = trim($asked) !== '' && strlen($asked) <= Query::known()['longest'] && preg_match('//u', $asked) === 1 ? $asked : '';
        $this->mistake = $query->mistake;
        foreach ($page->params as $name => $param) {
            $value = $this->checked($name, $param);
            if ($value !== null) {
                $this->own[$name] = $value;
            }
        }
        $this->sort = $this->checkedSort($request->text('sort'));
        $number = $request->text('p') ?? '1';
        if (preg_match('/^[1-9][0-9]{0,5}$/D', $number) !== 1 || (int) $number > self::LAST_NUMBER) {
            $request->ignore('p');
            $number = '1';
        }
        $this->number = (int) $number;
    }

    private function checked(string $name, Param $param): ?string
    {
        $value = $this->request->text($name);
        if ($value !== null && preg_match($param->pattern(), $value) !== 1) {
            $this->request->ignore($name);
            return null;
        }
        return $value;
    }

    private function checkedSort(?string $sort): string
    {
        if ($sort === null) {
            return $this->page->sort;
        }
        $column = $this->page->columns[preg_replace('/^-/', '', $sort)] ?? null;
        if ($column === null || !$column->sortable) {
            $this->request->ignore('sort');
            return $this->page->sort;
        }
        return $sort;
    }

    /** One of the page's own parameters. */
    public function get(string $name): ?string
    {
        return $this->own[$name] ?? null;
    }

    /** One that the page can not do without. */
    public function need(string $name): string
    {
        return $this->get($name) ?? throw new Trouble(400, t('The address lacks what to show: {name}.', ['name' => $name]));
    }

    /** @return list<string> parameters that made no sense */
    public function ignored(): array
    {
        return $this->request->ignored();
    }

    /**
     * All that is set, as parameters of a URL; what is as usual is left out.
     *
     * @return array<string, string>
     */
    public function state(): array
    {
        $state = $this->page->id === Pages::HOME ? [] : ['page' => $this->page->id];
        $state += $this->lasting() + $this->own;
        if ($this->span->choice === 'query') {
            // The query itself says so.
            unset($state['from'], $state['to']);
        }
        $state += $this->asked === '' ? [] : ['q' => $this->asked];
        $state += $this->sort === $this->page->sort ? [] : ['sort' => $this->sort];
        return $state + ($this->number === 1 ? [] : ['p' => (string) $this->number]);
    }

    /**
     * What stays when one goes to another page: router, time and device.
     *
     * @return array<string, string>
     */
    private function lasting(): array
    {
        $router = chosenRouter();
        $lasting = $router === null ? [] : ['router' => $router];
        $lasting += $this->device === null ? [] : ['device' => $this->device];
        if (in_array($this->span->choice, ['custom', 'query'], true)) {
            $lasting['from'] = Clock::local()->format('Y-m-d\TH:i', $this->span->from / 1e6);
            $lasting['to'] = Clock::local()->format('Y-m-d\TH:i', $this->span->to / 1e6);
        } elseif ($this->span->choice !== Span::USUAL) {
            $lasting['range'] = $this->span->choice;
        }
        return $lasting;
    }

    /**
     * This page with some parameters changed, or without those that are null.
     *
     * @param array<string, ?string> $changes
     */
    public function url(array $changes = [], string $script = ''): string
    {
        // Another filter or order begins at its first page.
        $state = array_replace($this->state(), ['p' => null]);
        if (array_intersect_key($changes, ['range' => 1, 'from' => 1, 'to' => 1]) !== []) {
            $state['q'] = $this->untimed();
        }
        $state = array_replace($state, $changes);
        return self::query(array_filter($state, static fn ($value) => $value !== null), $script);
    }

    /**
     * This page with a term more: the field has this value, or has it not. Null where
     * it can not be written, or is there already.
     */
    public function with(string $field, ?string $value, bool $isExcluded = false): ?string
    {
        $term = Query::written($field, $value, $isExcluded);
        if ($term === null || str_contains(" $this->asked ", " $term ")) {
            return null;
        }
        return $this->url(['q' => ltrim("$this->asked $term")]);
    }

    /** What was asked for without its since and until, which win over any other choice; null for nothing. */
    private function untimed(): ?string
    {
        $text = $this->query->untimed($this->asked);
        return $text === '' ? null : $text;
    }

    /** The address of with(), or of this page where there is nothing to add. */
    public function add(string $field, ?string $value): string
    {
        return $this->with($field, $value) ?? $this->url();
    }

    /** Fails where the query makes no sense, for whoever asks for data. */
    public function mustMakeSense(): void
    {
        if ($this->mistake !== null) {
            $place = ['column' => $this->mistake->column, 'length' => $this->mistake->length];
            throw new Trouble(400, $this->mistake->getMessage(), place: $place);
        }
    }

    /**
     * Another page, for the same time and device.
     *
     * @param array<string, ?string> $changes
     */
    public function to(string $page, array $changes = []): string
    {
        $state = ($page === Pages::HOME ? [] : ['page' => $page]) + $changes + $this->lasting();
        return self::query(array_filter($state, static fn ($value) => $value !== null), '');
    }

    /** @param array<string, string> $state */
    private static function query(array $state, string $script): string
    {
        return ($script === '' ? './' : $script) . ($state === [] ? '' : '?' . http_build_query($state));
    }
}
