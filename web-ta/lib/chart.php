<?php

declare(strict_types=1);

if (!defined('WEIR')) {
    http_response_code(404);
    exit;
}

/**
 * Traffic over time as bars, received below and sent on top. The drawing is
 * stretched to the width there is; texts and lines stay as they are.
 */
final class Chart
{
    private const HEIGHT = 220;
    /** Above the bars, for the highest label. */
    private const TOP = 14;
    /** Below the bars, for the times. */
    private const BOTTOM = 24;
    /** Times below the bars: as many as a phone has room for. */
    private const LABELS = 4;

    /** @var array<int, array{float, float}> bar => bytes in and out */
    private array $bars = [];
    private readonly int $count;

    /**
     * @param list<array<string, float|string|null>> $rows time, bytes_in, bytes_out
     * @param float $start begin of the first bar, in microseconds
     */
    public function __construct(array $rows, private readonly Filter $filter, private readonly float $start)
    {
        $step = $filter->span->step() * 1e6;
        $this->count = max(1, (int) ceil(($filter->span->to - $start) / $step));
        foreach ($rows as $row) {
            $bar = (int) floor(($row['time'] - $start) / $step);
            if ($bar >= 0 && $bar < $this->count) {
                $this->bars[$bar] = [$row['bytes_in'], $row['bytes_out']];
            }
        }
    }

    /** How long a bar is, in words. */
    public static function stepText(float $secs): string
    {
        return match (true) {
            $secs === 60.0 => t('per minute'),
            $secs === 600.0 => t('per 10 minutes'),
            $secs === 3600.0 => t('per hour'),
            $secs === 86400.0 => t('per day'),
            default => t('per {n} days', ['n' => digits($secs / 86400)]),
        };
    }

    /**
     * What static/chart.js draws.
     *
     * @return array<string, mixed>
     */
    public function series(): array
    {
        $step = $this->filter->span->step();
        $series = ['step' => (int) $step, 'ahead' => (int) (barOffset($this->filter->span) / 1e6)];
        foreach (['times', 'received', 'sent'] as $name) {
            $series[$name] = [];
        }
        for ($bar = 0; $bar < $this->count; $bar++) {
            [$in, $out] = $this->bars[$bar] ?? [0.0, 0.0];
            $series['times'][] = $this->begin($bar);
            $series['received'][] = $in;
            $series['sent'][] = $out;
        }
        return $series;
    }

    /** The numbers, for who does not see bars: those that there are. */
    public function table(): string
    {
        $columns = [
            'time' => new Column('Time', Kind::Time, ''),
            'bytes_in' => new Column('Received', Kind::Bytes, ''),
            'bytes_out' => new Column('Sent', Kind::Bytes, ''),
        ];
        $rows = [];
        foreach ($this->bars as $bar => [$in, $out]) {
            $rows[] = ['time' => $this->begin($bar) * 1e6, 'bytes_in' => $in, 'bytes_out' => $out];
        }
        return table($columns, $rows, [
            'time' => fn (array $row): string => anchor(
                $this->zoom((int) round(($row['time'] - $this->start) / 1e6 / $this->filter->span->step())),
                timeTag($row['time']),
            ),
            'bytes_in' => null,
            'bytes_out' => null,
        ], 'time', t('Traffic over time'));
    }

    public function svg(): string
    {
        $scale = self::scale(array_map(array_sum(...), $this->bars));
        $height = self::HEIGHT - self::TOP - self::BOTTOM;
        $total = array_map(fn (int $way) => array_sum(array_column($this->bars, $way)), [0, 1]);
        return '<svg class="chart" width="100%" height="' . self::HEIGHT . '" role="group" aria-labelledby="chart-t chart-d">'
            . '<title id="chart-t">' . say('Traffic over time') . '</title><desc id="chart-d">'
            . say('{in} received and {out} sent, {step}.', [
                'in' => bytes($total[0]),
                'out' => bytes($total[1]),
                'step' => self::stepText($this->filter->span->step()),
            ]) . '</desc>' . self::lines($scale, $height)
            . '<svg y="' . self::TOP . "\" width=\"100%\" height=\"$height\" viewBox=\"0 0 $this->count 1000\""
            . ' preserveAspectRatio="none">' . $this->drawing($scale) . '</svg>' . $this->times() . '</svg>';
    }

    private function drawing(float $scale): string
    {
        $svg = '';
        // Narrow bars stand side by side, wide ones with a gap.
        $gap = $this->count > 60 ? 0.12 : 0.2;
        $width = 1 - $gap;
        foreach ($this->bars as $bar => [$in, $out]) {
            $x = $bar + $gap / 2;
            [$inHeight, $outHeight] = [$in / $scale * 1000, $out / $scale * 1000];
            $svg .= sprintf(
                '<a href="%s" tabindex="-1"><title>%s</title><rect class="hit" x="%d" width="1" height="1000"/>'
                . '<rect class="in" x="%.2F" y="%.1F" width="%.2F" height="%.1F"/>'
                . '<rect class="out" x="%.2F" y="%.1F" width="%.2F" height="%.1F"/></a>',
                h($this->zoom($bar)),
                h($this->tip($bar, $in, $out)),
                $bar,
                $x,
                1000 - $inHeight,
                $width,
                $inHeight,
                $x,
                1000 - $inHeight - $outHeight,
                $width,
                $outHeight,
            );
        }
        return $svg;
    }

    /** When a bar begins, in seconds. */
    private function begin(int $bar): float
    {
        return $this->start / 1e6 + $bar * $this->filter->span->step();
    }

    private function tip(int $bar, float $in, float $out): string
    {
        return moment($this->begin($bar) * 1e6) . ' – ' . moment($this->begin($bar + 1) * 1e6)
            . "\n" . t('received') . ' ' . bytes($in) . "\n" . t('sent') . ' ' . bytes($out);
    }

    /** The page for the time of one bar alone. */
    private function zoom(int $bar): string
    {
        $time = fn (int $bar): string => Clock::local()->format('Y-m-d\TH:i', $this->begin($bar));
        return $this->filter->url(['range' => null, 'from' => $time($bar), 'to' => $time($bar + 1)]);
    }

    /** Lines at the half and the whole of the scale, with what they stand for. */
    private static function lines(float $scale, float $height): string
    {
        $svg = '';
        foreach ([1, 0.5, 0] as $part) {
            $y = self::TOP + $height * (1 - $part);
            $svg .= "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"$y\" y2=\"$y\"/>";
            if ($part > 0) {
                $svg .= '<text x="0" y="' . ($y - 4) . '">' . h(bytes($scale * $part)) . '</text>';
            }
        }
        return $svg;
    }

    private function times(): string
    {
        $svg = '';
        // A bar of a day or more is named by its date.
        $isLong = $this->filter->span->step() >= 86400;
        $format = $isLong ? 'm-d' : ($this->filter->span->to - $this->start > 86400e6 * 1.5 ? 'm-d H:i' : 'H:i');
        for ($label = 0; $label < self::LABELS; $label++) {
            $bar = (int) floor($this->count * $label / self::LABELS);
            $x = number_format($bar / $this->count * 100, 2, '.', '');
            $svg .= "<text x=\"$x%\" y=\"" . (self::HEIGHT - 6) . '">'
                . h(Clock::local()->format($format, $this->begin($bar))) . '</text>';
        }
        return $svg;
    }

    /**
     * A round number at or above the largest.
     *
     * @param array<int, float> $sums
     */
    private static function scale(array $sums): float
    {
        $largest = max([1.0, ...$sums]);
        $power = 10 ** floor(log10($largest));
        foreach ([1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10] as $factor) {
            if ($factor * $power >= $largest) {
                break;
            }
        }
        return (float) $factor * $power;
    }
}

/**
 * The time line of traffic with its ways to other times. It needs no script;
 * with it, static/chart.js draws it anew.
 *
 * @param list<array<string, float|string|null>> $bars time, bytes_in, bytes_out
 */
function trafficCard(array $bars, Filter $filter, string $title): string
{
    $sum = static fn (string $column): float => array_sum(array_column($bars, $column));
    $chart = new Chart($bars, $filter, barStart($filter->span));
    $series = $chart->series() + [
        'files' => [asset('vendor/uPlot.iife.min.js'), asset('vendor/uPlot.min.css')],
        'texts' => ['received' => t('received'), 'sent' => t('sent'), 'hint' => t('Drag over a time to see it alone.'),
            'label' => t('Traffic over time; arrow keys go along it, Enter goes into a bar')],
    ];
    $legend = '<p class="legend"><span class="in">' . say('received') . ' <b>' . h(bytes($sum('bytes_in')))
        . '</b></span><span class="out">' . say('sent') . ' <b>' . h(bytes($sum('bytes_out'))) . '</b></span></p>';
    // On paper there is no filter that tells it.
    $when = '<p class="paper">' . timeTag($filter->span->from) . ' – ' . timeTag($filter->span->to) . '</p>';
    $html = $when . '<div class="timeline" data-module="' . asset('chart.js') . '" data-series="' . jsonAttribute($series)
        . '" data-address="' . h($filter->url(['range' => null])) . '">' . $chart->svg() . '</div>'
        . '<div class="under">' . zoomLinks($filter) . '<details><summary>' . say('As a table') . '</summary>'
        . $chart->table() . '</details></div>';
    return card($title . ' ' . Chart::stepText($filter->span->step()), $html, $legend, 'traffic');
}

/** Earlier, later, nearer and farther, as links: dragging needs a mouse and a script. */
function zoomLinks(Filter $filter): string
{
    $span = $filter->span;
    $length = $span->to - $span->from;
    $now = Clock::local()->now() * 1e6;
    $link = static function (float $from, float $to, string $text) use ($filter, $now): string {
        $time = static fn (float $micros): string => Clock::local()->format('Y-m-d\TH:i', $micros / 1e6);
        $isThere = $from >= 0 && $from < $now && $to - $from >= 60e6;
        return $isThere
            ? anchor($filter->url(['range' => null, 'from' => $time($from), 'to' => $time($to)]), h($text), 'button')
            : '<span class="button off" aria-hidden="true">' . h($text) . '</span>';
    };
    // Times in addresses are whole minutes.
    $part = static fn (float $share): float => Span::minute($length * $share);
    return '<nav class="zoom" aria-label="' . say('Time') . '">'
        . $link($span->from - $length, $span->from, '‹ ' . t('Earlier'))
        . $link($span->from + $part(0.25), $span->to - $part(0.25), t('Zoom in'))
        . $link($span->from - $part(0.5), $span->to + $part(0.5), t('Zoom out'))
        . $link($span->to, $span->to + $length, t('Later') . ' ›') . '</nav>';
}
