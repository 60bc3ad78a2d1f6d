// The pages work without this; it saves some clicks.
'use strict';

(() => {
  const root = document.documentElement;
  const YEAR = 31536000;

  // Light or dark, without loading the page again.
  document.querySelector('a.theme')?.addEventListener('click', (event) => {
    event.preventDefault();
    const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
    const next = (root.dataset.theme || system) === 'dark' ? 'light' : 'dark';
    root.dataset.theme = next;
    document.cookie = `theme=${next}; max-age=${YEAR}; samesite=lax`;
  });

  // A choice in the filter shows at once; fields for text wait for Enter. What
  // has no name folds the form open, and is no choice.
  const form = document.querySelector('form.filters');
  form?.addEventListener('change', (event) => {
    if (event.target.matches('select, input[type=checkbox][name]')) {
      form.requestSubmit();
    }
  });

  // Empty fields would only make the address longer.
  form?.addEventListener('submit', () => {
    for (const field of form.elements) {
      if (field.name && field.value === '') {
        field.disabled = true;
      }
    }
  });

  // Coming back by the browser's history, the fields are to work again.
  addEventListener('pageshow', () => {
    for (const field of form?.elements ?? []) {
      field.disabled = false;
    }
  });

  // Parts of a page that have a script of their own, and codes of countries.
  const names = new Intl.DisplayNames([root.lang], { type: 'region', fallback: 'code' });
  const start = () => {
    for (const part of document.querySelectorAll('[data-module]')) {
      import(new URL(part.dataset.module, document.baseURI)).then((module) => module.start(part));
    }
    for (const place of document.querySelectorAll('[data-country]')) {
      if (/^[A-Z]{2}$/.test(place.dataset.country)) {
        place.textContent = names.of(place.dataset.country);
      }
    }
  };
  start();

  // The overview shows itself anew, unless nobody looks or somebody is at it.
  const main = document.querySelector('main[data-refresh]');
  const isBusy = () => document.hidden || main.contains(document.activeElement) || main.matches(':hover');
  const refresh = async () => {
    if (isBusy()) {
      return;
    }
    try {
      const answer = await fetch(location.href, { credentials: 'same-origin' });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const fresh = page.querySelector('main[data-refresh]');
      if (fresh) {
        main.replaceChildren(...fresh.childNodes);
        start();
      }
    } catch {
      // The router is away for a moment; the next try may find it.
    }
  };
  if (main) {
    setInterval(refresh, main.dataset.refresh * 1000);
  }
})();
