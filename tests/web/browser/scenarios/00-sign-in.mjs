// The first password by the code of the log; then a wrong one, and the right one.

import assert from 'node:assert/strict';

import { PASSWORD } from '../lib/visit.mjs';

export async function run(site) {
  const first = await site.stranger();
  await first.open('door.php');
  await first.checkAll('first use');
  await first.picture('door-first');
  await first.page.fill('input[name=code]', site.code);
  await first.page.fill('input[name=password]', PASSWORD);
  await first.page.fill('input[name=again]', PASSWORD);
  await first.go(() => first.page.click('button[type=submit]'));
  assert.ok(await first.page.locator('.top nav a').count() > 5, 'whoever sets the password is signed in');
  first.checkQuiet('first use');

  for (const look of site.looks) {
    const door = await site.stranger(look);
    await door.open('?page=dns&range=all');
    assert.match(door.page.url(), /door\.php/, 'everybody else is asked for it');
    await door.checkAll('the door');
    await door.picture('door');
  }
  const wrong = await site.stranger();
  wrong.expected.push(/status of 403/);
  await wrong.signIn('open barley');
  assert.match(await wrong.page.locator('[role=alert]').innerText(), /not right/);
  await wrong.checkAll('a wrong password');
  assert.equal((await wrong.context.cookies()).some(({ name }) => name === 'weir_session'), false);

  await wrong.signIn();
  assert.ok(await wrong.page.locator('.top nav a').count() > 5, 'the right one opens');
  const [cookie] = (await wrong.context.cookies()).filter(({ name }) => name === 'weir_session');
  assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict');
  assert.equal(await wrong.page.evaluate(() => document.cookie.includes('weir_session')), false);
  await wrong.open('door.php');
  await wrong.checkAll('the account');
  await wrong.picture('account');
}
