// What passes now, second by second, while somebody looks at it.

/** Milliseconds between two questions after one without an answer. */
const AWAY = 10000;

/** How often it is told in words to who listens instead of looking, in milliseconds. */
const WORDS_EVERY = 60000;

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

let part = null;
let timer = 0;
let wordsAt = Date.now();

const place = (name) => part.querySelector(`[data-live="${name}"]`);

const path = (steps, most, count) =>
  // What was before the daemon looked is not known, and not drawn.
  steps.map((bytes, n) => `${n ? 'L' : 'M'}${count - steps.length + n},${(100 - (bytes / most) * 100).toFixed(1)}`).join('');

const draw = (pulse, texts) => {
  const count = Math.max(2, pulse.step > 1 ? 60 : 300);
  const [received, sent] = [pulse.in.slice(-count), pulse.out.slice(-count)];
  const most = Math.max(1, ...received, ...sent);
  place('line-in').ownerSVGElement.setAttribute('viewBox', `0 0 ${count - 1} 100`);
  place('line-in').setAttribute('d', path(received, most, count));
  place('line-out').setAttribute('d', path(sent, most, count));
  place('in').textContent = pulse.in_text;
  place('out').textContent = pulse.out_text;
  place('when').textContent = pulse.step > 1 ? fill(texts.each, { n: pulse.step }) : texts.now;
  place('caption').textContent = fill(texts.caption, { n: Math.round((count * pulse.step) / 60) });
  part.classList.add('is-live');
  if (Date.now() - wordsAt > WORDS_EVERY) {
    wordsAt = Date.now();
    place('words').textContent = fill(texts.words, { in: pulse.in_text, out: pulse.out_text });
  }
};

const look = async () => {
  clearTimeout(timer);
  if (document.hidden || !part.isConnected) {
    return;
  }
  let wait = AWAY;
  try {
    const answer = await fetch(part.dataset.from, { credentials: 'same-origin' });
    const pulse = answer.ok ? await answer.json() : null;
    if (pulse && !pulse.is_live) {
      return; // a capture that was read: there is no now
    }
    if (pulse) {
      wait = 1000 * (pulse.step ?? 1);
      if (pulse.in_text) {
        draw(pulse, JSON.parse(part.dataset.texts));
      }
    }
  } catch {
    // The router is away for a moment.
  }
  timer = setTimeout(look, wait);
};

document.addEventListener('visibilitychange', () => part && look());

export const start = (element) => {
  // Of one device or one search the database knows; the daemon has the whole.
  if (!element.dataset.isPart) {
    part = element;
    look();
  }
};
