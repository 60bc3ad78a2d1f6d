// The same ways with the keyboard alone.

import assert from 'node:assert/strict';

export async function run(site) {
  const visit = await site.visitor();
  const { page } = visit;
  const enter = () => visit.go(() => page.keyboard.press('Enter'));

  // The first thing leads past the menu.
  await visit.open('./');
  await visit.tabTo('a.skip', 1);
  await page.keyboard.press('Enter');
  assert.equal(new URL(page.url()).hash, '#main');

  // By the menu to the sessions; a choice of time; a protocol.
  await visit.open('./');
  await visit.tabTo('.top nav a[href*="page=sessions"]');
  await enter();
  assert.equal(visit.param('page'), 'sessions');
  await visit.tabTo('.spans a[href*="range=all"]');
  await enter();
  assert.equal(visit.param('range'), 'all');
  await visit.tabTo('select[name=proto]');
  await visit.go(() => page.keyboard.type('UDP'));
  assert.equal(visit.param('proto'), 'udp');

  // Into the search, and down to a session.
  await visit.open('?page=sessions&range=all');
  await visit.tabTo('input[name=q]');
  await page.keyboard.type('443');
  await enter();
  assert.equal(visit.param('q'), '443');
  await visit.open('?page=sessions&range=all');
  await visit.tabTo('a.more[href*="page=session&"]');
  await enter();
  assert.equal(visit.param('page'), 'session');
  visit.checkQuiet('by keyboard');

  // Nothing holds the focus: it goes through the page and comes to its beginning again.
  await visit.open('?page=sessions&range=all');
  await visit.tabTo('a.skip', 1);
  await visit.tabTo('a.skip', 1000);
}
