<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * What devices and apps are called. The rows have a device as its MAC or IP
 * address and an app by its English name; people know the one by the address
 * it has now, and the other in their own language.
 */
final class Labels
{
    /** Devices in the menu; more are found by the search. */
    private const MENU = 200;

    /** What is known of a device, and before it what people say of it. */
    private const SELECT = 'SELECT device.device, COALESCE(label.alias, whole.alias, name) AS name,'
        . ' mac, ipv4, ipv6, COALESCE(label.icon, whole.icon) AS icon FROM device LEFT JOIN label ON label.device = device.device'
        . ' LEFT JOIN label AS whole ON whole.device = label.part_of';

    /** @var array<string, array{string, string, string}> device => its name, its address and its MAC, each "" if unknown */
    private array $devices = [];
    /** @var array<string, string> device => what stands for it, see icon() */
    private array $icons = [];
    /** @var array<string, string> */
    private array $apps = [];

    public function __construct(private readonly Db $db)
    {
    }

    /**
     * Looks up what is in the columns "device" and "app" of the rows.
     *
     * @param list<array<string, float|string|null>> ...$lists
     */
    public function load(array ...$lists): void
    {
        $rows = array_merge(...$lists);
        $this->know($this->lookUp(self::SELECT . ' WHERE device.device', $rows, 'device'));
        if (language() !== 'zh') {
            return;
        }
        foreach ($this->lookUp('SELECT app, app_zh FROM catalog WHERE app', $rows, 'app') as $row) {
            $this->apps[$row['app']] = $row['app_zh'] ?? $row['app'];
        }
    }

    /** @param list<array<string, mixed>> $devices rows of the table of devices */
    private function know(array $devices): void
    {
        foreach ($devices as $row) {
            $address = $row['ipv4'] ?? $row['ipv6'] ?? '';
            $this->devices[$row['device']] = [$row['name'] ?? '', $address, $row['mac'] ?? ''];
            if ($row['icon'] !== null) {
                $this->icons[$row['device']] = (string) $row['icon'];
            }
        }
    }

    /**
     * @param list<array<string, float|string|null>> $rows
     * @return list<array<string, mixed>>
     */
    private function lookUp(string $sql, array $rows, string $column): array
    {
        $values = array_values(array_unique(array_filter(array_column($rows, $column), is_string(...))));
        $marks = implode(',', array_fill(0, count($values), '?'));
        return $values === [] ? [] : $this->db->all("$sql IN ($marks)", $values);
    }

    /** A device in one line of text. */
    public function deviceText(string $device): string
    {
        if ($device === '') {
            return t('Others'); // the smallest of too many, see rollup.max_pairs
        }
        foreach ($this->devices[$device] ?? [] as $text) {
            if ($text !== '') {
                return $text;
            }
        }
        return $device;
    }

    /** What people picture a device as. */
    public function sign(string $device): string
    {
        return isset($this->icons[$device]) ? icon($this->icons[$device]) : '';
    }

    /** A device as a link, with its address below where it has a name, otherwise with its MAC. */
    public function device(string $device, string $url): string
    {
        $text = $this->deviceText($device);
        if ($device === '') {
            return h($text);
        }
        [$name, $address, $mac] = $this->devices[$device] ?? ['', '', ''];
        $below = $name === '' ? $mac : $address;
        return anchor($url, $this->sign($device) . h($text), 'device')
            . ($below === '' || $below === $text ? '' : '<small class="mac">' . h($below) . '</small>');
    }

    /** An app's name in the language of the page. */
    public function appText(?string $app): string
    {
        return $app === null ? t('Not recognised') : ($this->apps[$app] ?? $app);
    }

    /** An app as a link, with its mark. */
    public function app(?string $app, string $url): string
    {
        $text = $this->appText($app);
        return '<span class="app">' . mark($app ?? '', $app === null ? '' : $text) . anchor($url, h($text)) . '</span>';
    }

    /**
     * The devices seen last, for a menu.
     *
     * @return array<string, string> device => text
     */
    public function menu(?string $chosen): array
    {
        $seen = $this->db->all(self::SELECT . ' ORDER BY last DESC LIMIT ?', [self::MENU]);
        $this->know($seen);
        if ($chosen !== null) {
            $seen[] = ['device' => $chosen];
            $this->load([['device' => $chosen]]);
        }
        $menu = [];
        foreach ($seen as ['device' => $device]) {
            $text = $this->deviceText($device);
            $menu[$device] = $text === $device ? $text : "$text ($device)";
        }
        natsort($menu);
        return $menu;
    }

    /**
     * The categories of apps.
     *
     * @return array<string, string> class => its name in the language of the page
     */
    public function classes(): array
    {
        $name = language() === 'zh' ? 'class_zh' : 'class_en';
        $classes = [];
        foreach ($this->db->each("SELECT class, MAX($name) AS title FROM catalog GROUP BY class") as $row) {
            if ($row['class'] !== null) {
                $classes[$row['class']] = $row['title'] ?? $row['class'];
            }
        }
        asort($classes);
        return $classes;
    }
}
