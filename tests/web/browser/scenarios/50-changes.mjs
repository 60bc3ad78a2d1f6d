// What people change: a device's name, a signature with a mistake and without, a policy.

import assert from 'node:assert/strict';

const NAME = "Ann's <b>tablet</b> 平板";

export async function run(site) {
  const visit = await site.visitor();
  const { page } = visit;

  // The name that a device gets is on all pages.
  await visit.open('?page=devices&range=all');
  await visit.go(() => page.locator('td a.device').first().click());
  await page.fill('input[name=alias]', NAME);
  await page.selectOption('select[name=icon]', 'tablet');
  await page.selectOption('select[name=level]', 'domain');
  await visit.go(() => page.press('input[name=alias]', 'Enter'));
  assert.equal(visit.param('page'), 'device');
  assert.equal(await page.inputValue('input[name=alias]'), NAME);
  assert.equal(await page.inputValue('select[name=level]'), 'domain');
  await visit.checkAll('a device with a name');
  await visit.open('?page=devices&range=all');
  assert.ok((await page.locator('main').innerText()).includes(NAME));

  // A mistake is marked while it is typed, and nothing is saved with it.
  await visit.open('settings.php?part=signatures');
  const editor = page.locator('textarea[name=text]');
  const before = await editor.inputValue();
  await editor.fill(`QQ:[;;;qq.com;]\n微信:[tcp;x;;;]\n`);
  await page.locator('.mistakes li').first().waitFor();
  assert.match(await page.locator('.mistakes').innerText(), /2/);
  visit.expected.push(/status of 4\d\d/);
  await visit.go(() => page.click('button[value=save]'));
  assert.ok(await page.locator('[role=alert]').count() > 0, (await page.locator('main').innerHTML()).slice(0, 1500));
  await visit.checkAll('signatures with a mistake');
  await visit.open('settings.php?part=signatures');
  assert.equal(await editor.inputValue(), before, 'the file is as it was');

  // Without one it is, and can be taken back.
  await editor.fill('#class chat Chat 聊天\nQQ:[;;;qq.com;]\n');
  await visit.go(() => page.click('button[value=save]'));
  assert.equal(await editor.inputValue(), '#class chat Chat 聊天\nQQ:[;;;qq.com;]\n');
  await visit.go(() => page.locator('.versions button').first().click());
  await visit.open('settings.php?part=signatures');
  assert.equal(await editor.inputValue(), before, 'what was before is there again');

  // A policy, which is tried before it is saved.
  await visit.open('settings.php?part=policies');
  await visit.go(() => page.locator('a.button').first().click());
  await page.fill('input[name=name]', 'no games at night');
  await visit.go(() => page.click('button[value=save]'));
  assert.ok((await page.locator('main').innerText()).includes('no games at night'));
  await visit.checkAll('a policy');
  visit.checkQuiet('changes');

  // A way out, with a mistake first, which stands at its field.
  await visit.open('settings.php?part=outs');
  await visit.go(() => page.locator('a.button', { hasText: 'Syslog' }).click());
  await page.fill('main input[name=name]', 'siem');
  await page.fill('input[name=server]', 'nowhere');
  visit.expected.push(/status of 422/);
  await visit.go(() => page.click('button[value=save]'));
  assert.match(await page.locator('label.is-wrong').innerText(), /nowhere|server/i);
  await visit.checkAll('a mistake in a way out');
  await page.fill('input[name=server]', '127.0.0.1:9');
  await visit.go(() => page.click('button[value=save]'));
  assert.ok((await page.locator('main').innerText()).includes('127.0.0.1:9'));
  await visit.picture('outs');
  await visit.checkAll('ways out');
}
