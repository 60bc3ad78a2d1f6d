// A list that new rows come into, on top, for as long as somebody wants that.
'use strict';

(() => {
  const EVERY = 2000;
  const MOST = 500;
  const button = document.querySelector('button.follow');
  const body = document.querySelector('.list-tools ~ .table tbody');
  if (!button || !body) {
    return;
  }
  const label = button.textContent;
  let timer = 0;
  let busy = false;

  // Who points at a row, selects text or has scrolled down reads.
  const isReading = () => body.matches(':hover') || body.contains(document.activeElement)
    || !getSelection().isCollapsed || body.parentElement.getBoundingClientRect().top < -200;

  const say = (text) => {
    if (button.textContent !== text) {
      button.textContent = text;
    }
  };

  // Rows are sorted by their latest packet: one that went on comes again, and its old line goes.
  const put = (rows) => {
    const keys = new Set(rows.map((row) => row.dataset.key.split('~')[0]));
    for (const old of [...body.rows]) {
      if (keys.has(old.dataset.key.split('~')[0])) {
        old.remove();
      }
    }
    rows.forEach((row) => row.classList.add('new'));
    body.prepend(...rows);
    while (body.rows.length > MOST) {
      body.lastElementChild.remove();
    }
  };

  const look = async () => {
    if (document.hidden || busy) {
      return;
    }
    say(isReading() ? button.dataset.paused : button.dataset.on);
    if (isReading()) {
      return;
    }
    busy = true;
    const address = new URL(location.href);
    address.searchParams.delete('p');
    address.searchParams.set('before', body.rows[0]?.dataset.key ?? '');
    address.searchParams.set('tail', '1');
    try {
      const answer = await fetch(address, { credentials: 'same-origin' });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const rows = [...page.querySelectorAll('.list-tools ~ .table tbody tr')];
      if (answer.ok && rows.length > 0) {
        put(rows.map((row) => document.adoptNode(row)));
      }
    } catch {
      // The router is away for a moment; the next try may find it.
    }
    busy = false;
  };

  button.hidden = false;
  button.addEventListener('click', () => {
    const isOn = timer === 0;
    clearInterval(timer);
    timer = isOn ? setInterval(look, EVERY) : 0;
    button.setAttribute('aria-pressed', String(isOn));
    say(isOn ? button.dataset.on : label);
  });
})();
