// The search shows at once what fits. Without this its button does.
'use strict';

(() => {
  const form = document.querySelector('form.settings');
  const field = form?.querySelector('[name=q]');
  const only = form?.querySelector('[name=changed]');
  // What a search left out is not here to be found.
  if (!field || field.defaultValue !== '' || only.defaultChecked) {
    return;
  }
  const sections = [...document.querySelectorAll('details.section')];
  const filter = () => {
    const text = field.value.trim().toLowerCase();
    for (const section of sections) {
      const head = section.querySelector('summary').textContent.toLowerCase();
      let shown = 0;
      for (const setting of section.querySelectorAll('.field')) {
        const fits = (head + setting.textContent.toLowerCase()).includes(text) && (!only.checked || setting.querySelector('.badge'));
        setting.hidden = !fits;
        shown += fits ? 1 : 0;
      }
      section.hidden = shown === 0;
      section.open = shown > 0 && (text !== '' || only.checked);
    }
  };
  form.addEventListener('submit', (event) => event.preventDefault());
  field.addEventListener('input', filter);
  only.addEventListener('change', filter);
})();
