// Puts a backup that is chosen as a file into the field. Without this it is pasted.
'use strict';

(() => {
  const label = document.querySelector('#restore [data-file]');
  const area = document.querySelector('#restore textarea');
  if (!label || !area) {
    return;
  }
  label.hidden = false;
  label.querySelector('input').addEventListener('change', async (event) => {
    const file = event.target.files[0];
    if (file && file.size < 1e6) {
      area.value = await file.text();
    }
  });
})();
