// The links for all rows give files, for each page that has them.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

/** What a click gives: the text of a file that is kept, or of one that is shown. */
async function clicked(visit, link) {
  const kept = visit.page.waitForEvent('download', { timeout: 30000 })
    .then(async (download) => ({ name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') }));
  const shown = visit.page.waitForResponse((answer) => answer.url().includes('api.php'))
    .then(async (answer) => {
      assert.equal(answer.status(), 200);
      const text = await answer.text().catch(() => kept.then((file) => file.text));
      return { name: /filename="([^"]+)"/.exec(answer.headers()['content-disposition'])?.[1], text };
    });
  kept.catch(() => {}); // what is shown is not kept
  await link.click();
  return shown;
}

export async function run(site) {
  const visit = await site.visitor();
  // Where data is shown there is no page that says what its icon is.
  visit.expected.push(/status of 404.*\/favicon\.ico$/);
  let number = 0;
  for (const address of await visit.menu()) {
    await visit.open(address);
    for (const format of ['csv', 'json']) {
      const link = visit.page.locator(`.exports a[href*="format=${format}"]`);
      if (await link.count() === 0) continue;
      const { name, text } = await clicked(visit, link);
      assert.match(name, new RegExp(`^weir-[\\w-]+\\.${format}$`));
      if (format === 'json') assert.ok(Array.isArray(JSON.parse(text).rows), address);
      else assert.match(text, /^"?\w+"?(,|\r\n)/, address);
      number += 1;
      await visit.open(address);
    }
  }
  assert.ok(number > 10, `${number} files`);
  visit.checkQuiet('files');
  return `(${number} files)`;
}
