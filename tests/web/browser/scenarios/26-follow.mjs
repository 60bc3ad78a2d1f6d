// A list that is followed: new rows come on top, unless somebody reads.

import assert from 'node:assert/strict';

export async function run(site) {
  const visit = await site.visitor();
  const { page } = visit;
  const follow = page.locator('button.follow');
  const rows = page.locator('.list-tools ~ .table tbody tr');
  const top = () => rows.first().locator('td.col-host a.host').innerText();
  try {
    await visit.open('?page=sessions&range=all');
    const count = await rows.count();
    await follow.click();
    assert.equal(await follow.getAttribute('aria-pressed'), 'true');
    site.put('one');
    await page.waitForSelector('tr.new');
    assert.match(await top(), /^one\./);
    assert.equal(await rows.count(), count + 1);

    // Whoever points at a row is left alone, and gets what came meanwhile.
    await rows.nth(1).hover();
    await page.waitForFunction(() => {
      const button = document.querySelector('button.follow');
      return button.textContent === button.dataset.paused;
    });
    site.put('two');
    assert.match(await top(), /^one\./);
    await follow.hover();
    await page.waitForFunction(() => document.querySelectorAll('tr.new').length === 2);
    assert.match(await top(), /^two\./);

    await follow.click();
    assert.equal(await follow.getAttribute('aria-pressed'), 'false');
    await visit.checkAll('a list that was followed');
  } finally {
    site.put('');
  }
}
