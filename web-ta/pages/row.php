<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/** The table that was asked for. */
function rowTable(Filter $filter): string
{
    $table = $filter->need('table');
    return isset(PAGE_OF_TABLE[$table]) ? $table : throw new Trouble(400, t('There is no such table.'));
}

// One row of any table: each column with what it means.
return [
    'title' => 'Row',
    'parent' => static fn (Filter $filter): string => PAGE_OF_TABLE[$filter->get('table') ?? ''] ?? Pages::HOME,
    'filter' => false,
    'needs' => ['table', 'key'],
    'params' => ['table' => Param::Word, 'key' => Param::Text],
    'columns' => ['number' => new Column('Number', Kind::Text, '1')],
    'sort' => 'number',

    'rows' => static function (Db $db, Filter $filter): Rows {
        $table = rowTable($filter);
        $columns = allColumns($table);
        $key = array_key_first($columns);
        $named = ['number' => new Column('Number', Kind::Text, $columns[$key]->sql)] + $columns;
        return new Rows($db, $named, "FROM $table WHERE $key = ?", [$filter->need('key')], $key);
    },

    'view' => static function (Rows $all, array $parts, Filter $filter, Labels $labels): void {
        $table = rowTable($filter);
        $row = $all->top(array_key_first($all->columns), 1)[0]
            ?? throw new Trouble(400, t('There is no such row, or it is deleted by now.'));
        $schema = tableSchema($table);
        $list = '';
        foreach ($schema['columns'] as ['name' => $name, 'doc' => $doc]) {
            $list .= '<div><dt><code>' . h($name) . '</code><small>' . h(meaning($doc, 'columns')) . '</small></dt><dd>'
                . usualCell($all->columns[$name]->kind, $row[$name]) . '</dd></div>';
        }
        $session = ($row['session'] ?? null) === null ? '' : '<p>'
            . anchor($filter->to('session', ['id' => digits($row['session'])]), say('The session it is about'), 'button') . '</p>';
        echo card(t('All columns'), '<p class="hint">' . h(meaning($schema['doc'], 'columns')) . "</p>$session<dl class=\"pairs columns\">$list</dl>");
    },
];
