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
