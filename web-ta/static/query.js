// Suggests fields and their values while a query is typed. The box works without.
'use strict';

(() => {
  const box = document.querySelector('#query[data-fields]');
  if (!box) {
    return;
  }
  const MOST = 12;
  const fields = JSON.parse(box.dataset.fields);
  const list = document.createElement('ul');
  list.className = 'suggestions';
  list.id = 'suggestions';
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', box.placeholder);
  list.hidden = true;
  const label = box.closest('.search');
  // What is suggested is no part of the box's name.
  box.setAttribute('aria-label', label.querySelector('span').textContent);
  label.append(list);
  for (const [name, value] of [['role', 'combobox'], ['aria-autocomplete', 'list'], ['aria-expanded', 'false'],
    ['aria-controls', list.id]]) {
    box.setAttribute(name, value);
  }
  let found = [];
  let active = -1;

  // The term before the caret, unless that is in quotes.
  const term = () => {
    const before = box.value.slice(0, box.selectionStart);
    const parts = before.match(/"(?:\\.|[^"\\])*"?|[^\s\u3000"]+|[\s\u3000]+/g) ?? [];
    const last = parts.at(-1) ?? '';
    return /^[\s\u3000"]/.test(last) ? '' : last;
  };

  const quoted = (text) => (/^[^\s\u3000",*\\]+$/.test(text) && text !== '-' ? text : `"${text.replace(/["\\]/g, '\\$&')}"`);

  // Each: what is shown, what beside it, how much before the caret it stands for, and what is put there.
  const suggestions = (all) => {
    const typed = term();
    const value = typed.match(/^-?([a-z]\w*):(?:.*,)?([^,]*)$/i);
    if (value) {
      const select = box.form.elements[value[1].toLowerCase()];
      const options = select instanceof HTMLSelectElement ? [...select.options].filter((option) => option.value !== '') : [];
      const part = value[2].toLowerCase();
      return options
        .filter((option) => `${option.value} ${option.text}`.toLowerCase().includes(part) && option.value !== value[2])
        .map((option) => ({
          text: option.value, more: option.text === option.value ? '' : option.text,
          length: value[2].length, put: `${quoted(option.value)} `,
        }));
    }
    const name = typed.replace(/^-/, '').toLowerCase();
    if (!/^\w*$/.test(name) || (name === '' && !all)) {
      return [];
    }
    return fields.filter(([field]) => field.startsWith(name)).map(([field, example]) => ({
      text: field, more: /^[<>]/.test(example) ? `${field}${example}` : `${field}:${example}`,
      length: name.length, put: /^[<>]/.test(example) ? `${field}>` : `${field}:`,
    }));
  };

  const close = () => {
    [found, active] = [[], -1];
    list.hidden = true;
    box.setAttribute('aria-expanded', 'false');
    box.removeAttribute('aria-activedescendant');
  };

  const mark = (next) => {
    active = next;
    [...list.children].forEach((item, n) => item.setAttribute('aria-selected', String(n === active)));
    box.setAttribute('aria-activedescendant', `suggestion-${active}`);
    list.children[active].scrollIntoView({ block: 'nearest' });
  };

  const take = (suggestion) => {
    const end = box.selectionStart;
    box.setRangeText(suggestion.put, end - suggestion.length, end, 'end');
    box.focus();
    show(false);
  };

  const show = (all) => {
    const next = suggestions(all).slice(0, all ? fields.length : MOST);
    close();
    found = next;
    list.replaceChildren(...found.map((suggestion, n) => {
      const item = document.createElement('li');
      item.id = `suggestion-${n}`;
      item.setAttribute('role', 'option');
      item.setAttribute('aria-selected', 'false');
      const more = document.createElement('small');
      more.textContent = suggestion.more;
      item.append(suggestion.text, more);
      // The box keeps the focus.
      item.addEventListener('mousedown', (event) => {
        event.preventDefault();
        take(suggestion);
      });
      return item;
    }));
    list.hidden = found.length === 0;
    box.setAttribute('aria-expanded', String(!list.hidden));
  };

  box.addEventListener('input', () => show(false));
  box.addEventListener('blur', close);
  box.addEventListener('keydown', (event) => {
    if (event.isComposing) {
      return;
    }
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (list.hidden) {
        show(true);
      }
      if (found.length > 0) {
        const step = event.key === 'ArrowDown' ? 1 : -1;
        mark(active < 0 && step < 0 ? found.length - 1 : (active + step + found.length) % found.length);
        event.preventDefault();
      }
    } else if (active >= 0 && (event.key === 'Enter' || event.key === 'Tab')) {
      take(found[active]);
      event.preventDefault();
    } else if (event.key === 'Escape' && !list.hidden) {
      close();
      event.preventDefault();
    }
  });
})();
