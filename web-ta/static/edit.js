// The editor of signatures: line numbers, and mistakes while somebody types. Without
// this the button Check tells them.
'use strict';

(() => {
  const form = document.getElementById('signatures');
  const area = form?.querySelector('textarea');
  const state = form?.querySelector('.state');
  if (!area) {
    return;
  }
  const PAUSE = 700;

  const gutter = document.createElement('div');
  const edge = document.createElement('div');
  edge.className = 'gutter';
  edge.setAttribute('aria-hidden', 'true');
  edge.append(gutter);
  area.before(edge);
  let wrong = new Set();
  let lines = 0;

  const number = () => {
    const count = area.value.split('\n').length;
    if (count === lines && number.drawn === wrong) {
      return;
    }
    [lines, number.drawn] = [count, wrong];
    const rows = [];
    for (let line = 1; line <= count; line++) {
      const row = document.createElement(wrong.has(line) ? 'b' : 'span');
      row.textContent = line;
      rows.push(row);
    }
    gutter.replaceChildren(...rows);
    gutter.scrollTop = area.scrollTop;
  };
  area.addEventListener('scroll', () => { gutter.scrollTop = area.scrollTop; });

  // To the place of a mistake.
  const go = (line, column) => {
    let at = 0;
    for (let n = 1; n < line; n++) {
      at = area.value.indexOf('\n', at) + 1;
      if (at === 0) {
        return;
      }
    }
    const end = area.value.indexOf('\n', at);
    // Columns are characters, not units of UTF-16.
    const before = [...area.value.slice(at, end < 0 ? undefined : end)].slice(0, column - 1).join('');
    area.focus();
    area.setSelectionRange(at + before.length, end < 0 ? area.value.length : end);
    const height = area.scrollHeight / lines;
    area.scrollTop = Math.max(0, (line - 4) * height);
  };
  form.addEventListener('click', (event) => {
    const item = event.target.closest('li[data-line]');
    if (item) {
      go(Number(item.dataset.line), Number(item.dataset.column));
    }
  });

  const show = (mistakes) => {
    let list = form.querySelector('.mistakes');
    if (!list) {
      list = document.createElement('ol');
      list.className = 'mistakes';
      state.after(list);
    }
    list.replaceChildren(...mistakes.map((mistake) => {
      const item = document.createElement('li');
      item.dataset.line = mistake.line;
      item.dataset.column = mistake.column;
      item.textContent = mistake.text;
      return item;
    }));
    list.hidden = mistakes.length === 0;
    wrong = new Set(mistakes.map((mistake) => mistake.line));
    number();
  };

  let asked = 0;
  const check = async () => {
    const mine = ++asked;
    const body = new FormData();
    body.set('do', 'check');
    body.set('csrf', form.elements.csrf.value);
    body.set('text', area.value);
    try {
      const answer = await (await fetch(state.dataset.check, { method: 'POST', body, credentials: 'same-origin' })).json();
      // An earlier answer may come later.
      if (mine === asked) {
        state.textContent = answer.summary;
        show(answer.mistakes);
      }
    } catch {
      state.textContent = '';
    }
  };
  let timer = 0;
  area.addEventListener('input', () => {
    number();
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  });

  const first = [...form.querySelectorAll('.mistakes li[data-line]')];
  wrong = new Set(first.map((item) => Number(item.dataset.line)));
  number();
  if (first.length > 0) {
    go(Number(first[0].dataset.line), Number(first[0].dataset.column));
  }
})();
