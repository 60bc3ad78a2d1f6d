// Draws the time line of traffic anew, so that it can be zoomed by dragging.
// The drawing from the server stays for paper, and where this does not run.

const files = new Map();

/** Loads a script or style sheet once; they are of this site, as all is. */
const load = (url) => {
  if (!files.has(url)) {
    const isStyle = url.includes('.css');
    const file = document.createElement(isStyle ? 'link' : 'script');
    Object.assign(file, isStyle ? { rel: 'stylesheet', href: url } : { src: url });
    files.set(url, new Promise((done, failed) => {
      file.onload = done;
      file.onerror = failed;
    }));
    document.head.append(file);
  }
  return files.get(url);
};

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Bytes in the units of the pages: 1.23 MB. */
const bytes = (number) => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  while (number >= 999.5 && unit < units.length - 1) {
    number /= 1000;
    unit += 1;
  }
  return `${number.toFixed(unit === 0 || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2)} ${units[unit]}`;
};

const two = (number) => String(number).padStart(2, '0');

/** The clock on the router's wall at `secs`, whatever zone the browser is in. */
const wall = (secs, ahead) => new Date((secs + ahead) * 1000);
const date = (time) => `${two(time.getUTCMonth() + 1)}-${two(time.getUTCDate())}`;
const clock = (time) => `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}`;
const field = (time) => `${time.getUTCFullYear()}-${date(time)}T${clock(time)}`;

const options = (part, data, step, ahead, texts, readout) => {
  const line = () => colour('--line');
  const bars = uPlot.paths.bars({ size: [data[0].length > 60 ? 0.88 : 0.8, 64], align: 1 });
  const axis = { stroke: () => colour('--soft'), grid: { stroke: line, width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  const series = (name) => ({ stroke: () => colour(name), fill: () => colour(name), width: 0, paths: bars, points: { show: false } });
  const isLong = step >= 86400;
  const tell = (plot) => {
    const at = plot.cursor.idx;
    if (at == null) {
      readout.textContent = texts.hint;
      return;
    }
    const [from, to] = [wall(data[0][at], ahead), wall(data[0][at] + step, ahead)];
    const when = isLong ? date(from) : `${date(from)} ${clock(from)}–${clock(to)}`;
    readout.textContent = `${when} · ${texts.received} ${bytes(data[2][at])} · ${texts.sent} ${bytes(data[1][at] - data[2][at])}`;
  };
  const zoom = (plot) => {
    if (plot.select.width < 6) {
      return;
    }
    // Whole minutes, and one at least.
    const minute = (pixels) => Math.floor(plot.posToVal(pixels, 'x') / 60) * 60;
    const from = minute(plot.select.left);
    const to = Math.max(from + 60, minute(plot.select.left + plot.select.width) + 60);
    const address = new URL(part.dataset.address, document.baseURI);
    address.searchParams.set('from', field(wall(from, ahead)));
    address.searchParams.set('to', field(wall(to, ahead)));
    location.assign(address);
  };
  return {
    width: part.clientWidth,
    height: 240,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: false } },
    // Both ends are those of the time that is shown, not of what there is in it.
    scales: { x: { time: true, range: () => [data[0][0], data[0][data[0].length - 1] + step] }, y: { range: (_, least, most) => [0, most > 0 ? most * 1.06 : 1] } },
    tzDate: (secs) => {
      // uPlot reads the browser's zone from it.
      const time = wall(secs, ahead);
      return new Date(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate(), time.getUTCHours(), time.getUTCMinutes(), time.getUTCSeconds());
    },
    series: [{}, series('--out'), series('--in')],
    axes: [
      { ...axis, size: 28, space: 90, values: (plot, ticks) => ticks.map((secs, n) => {
        if (plot.width - 64 - plot.valToPos(secs, 'x') < 40) {
          return ''; // it would be cut off
        }
        const time = wall(secs, ahead);
        const isNewDay = n === 0 || date(time) !== date(wall(ticks[n - 1], ahead));
        return isLong ? date(time) : (isNewDay && data[0].length * step > 86400 ? `${date(time)} ` : '') + clock(time);
      }) },
      { ...axis, size: 64, values: (_, ticks) => ticks.map(bytes) },
    ],
    hooks: { setCursor: [tell], setSelect: [zoom] },
  };
};

/** Left and right go from bar to bar, Enter goes into one. */
const keys = (plot, part, data, step, ahead) => (event) => {
  const go = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
  const last = data[0].length - 1;
  const at = plot.cursor.idx ?? (go > 0 ? -1 : last + 1);
  if (go !== undefined) {
    event.preventDefault();
    const next = Math.min(last, Math.max(0, at + go));
    plot.setCursor({ left: plot.valToPos(data[0][next] + step / 2, 'x'), top: 0 });
  } else if (event.key === 'Enter' && plot.cursor.idx != null) {
    const [left, right] = [0, step].map((more) => plot.valToPos(data[0][at] + more, 'x'));
    plot.setSelect({ left, width: Math.max(6, right - left - 1), top: 0, height: 0 });
  }
};

export const start = async (part) => {
  const { step, ahead, times, received, sent, texts, files: needed } = JSON.parse(part.dataset.series);
  try {
    await Promise.all(needed.map(load));
  } catch {
    return; // the drawing from the server stays
  }
  const data = [times, received.map((number, n) => number + sent[n]), received];
  const canvas = document.createElement('div');
  canvas.className = 'plot';
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-label', texts.label);
  const readout = document.createElement('p');
  readout.className = 'readout';
  readout.setAttribute('role', 'status');
  readout.textContent = texts.hint;
  part.append(canvas, readout);
  part.classList.add('is-drawn');
  const plot = new uPlot(options(part, data, step, ahead, texts, readout), data, canvas);
  canvas.addEventListener('keydown', keys(plot, part, data, step, ahead));
  new ResizeObserver(() => plot.setSize({ width: part.clientWidth, height: 240 })).observe(part);
  // Colours are those of the page, which change with it.
  const again = () => plot.redraw(false);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ['data-theme'] });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
};
