// A query that is typed with what is suggested, and one that is put together by clicks.

import assert from 'node:assert/strict';

export async function run(site) {
  const visit = await site.visitor();
  const { page } = visit;
  const listed = () => page.locator('#suggestions li').allInnerTexts();

  // Fields, and values where the page knows them; by the keyboard alone.
  await visit.open('?page=sessions&range=all');
  await page.focus('#query');
  await page.keyboard.type('-prot');
  assert.ok((await listed()).some((text) => text.startsWith('proto')), `${await listed()}`);
  await page.keyboard.press('ArrowDown');
  assert.match(await page.getAttribute('#query', 'aria-activedescendant'), /^suggestion-\d+$/);
  await page.keyboard.press('Enter');
  assert.equal(await page.inputValue('#query'), '-proto:');
  await page.keyboard.type('UD');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Tab');
  assert.equal(await page.inputValue('#query'), '-proto:udp ');
  await page.keyboard.type('b');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#suggestions').isVisible(), false);
  // Once more it would empty the box, as browsers do.
  await page.keyboard.press('Backspace');
  await visit.go(() => page.keyboard.press('Enter'));
  assert.equal(visit.param('q').trim(), '-proto:udp');
  assert.ok((await page.locator('td.col-app_proto').allInnerTexts()).every((text) => !/udp/.test(text)));
  visit.checkQuiet('suggestions');

  // A value adds itself, and the link beside it excludes it.
  await visit.open('?page=sessions&range=all');
  const host = page.locator('td.col-host a.host').first();
  const name = await host.innerText();
  await visit.go(() => host.click());
  assert.equal(visit.param('q'), `host:${name}`);
  await visit.open('?page=sessions&range=all&q=tls');
  await page.locator('td.col-host').first().hover();
  await visit.go(() => page.locator('td.col-host a.not').first().click());
  assert.match(visit.param('q'), /^tls -(host|server):/);
  assert.ok(await page.locator('tbody tr').count() > 0);
  visit.checkQuiet('clicks');

  // A mistake is marked where it is.
  visit.expected.push(/status of 400/);
  await page.fill('#query', 'app:x bytes>10Q');
  await visit.go(() => page.press('#query', 'Enter'));
  assert.equal(await page.locator('.mistake mark').innerText(), '10Q');
  assert.equal(await page.getAttribute('#query', 'aria-describedby'), await page.locator('.mistake').getAttribute('id'));
  assert.equal(await page.locator('tbody tr').count(), 0);
  await visit.checkAll('a mistake');
}
