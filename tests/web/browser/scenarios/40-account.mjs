// The account page: a token that is made, used and taken away; guests, and what they see.

import assert from 'node:assert/strict';

const GUEST = 'welcome in ☃';

export async function run(site) {
  const admin = await site.visitor();
  const { page } = admin;
  await admin.open('door.php');
  await page.fill('input[name=name]', '<b>Grafana</b> & "co"');
  await admin.go(() => page.press('input[name=name]', 'Enter'));
  const token = await page.locator('[role=status] code').innerText();
  assert.match(token, /^weir_[0-9a-f]{32}$/);
  assert.deepEqual(await admin.faults(), []);
  await admin.picture('account-token');
  const read = (shown) => fetch(new URL('api.php/v1/apps', site.url), { headers: { Authorization: `Bearer ${shown}` } });
  assert.equal((await read(token)).status, 200);
  assert.equal((await read(`${token.slice(0, -1)}x`)).status, 401);

  await admin.open('door.php');
  assert.equal((await page.content()).includes(token), false, 'it is shown once');
  await admin.go(() => page.locator('.tokens button').click());
  assert.equal(await page.locator('.tokens li').count(), 0);
  assert.equal((await read(token)).status, 401);

  // Guests have a password of their own…
  const guests = page.locator('form:has(input[value=guests])');
  await guests.locator('input[name=password]').fill(GUEST);
  await guests.locator('input[name=again]').fill(GUEST);
  await admin.go(() => guests.locator('button').click());
  for (const look of site.looks) {
    const guest = await site.stranger(look);
    await guest.signIn(GUEST);
    await guest.open('?page=sessions&range=all');
    await guest.open('door.php');
    assert.equal(await guest.page.locator('input[type=password], input[value=everywhere], input[value=add_token]').count(), 0);
    assert.deepEqual(await guest.faults(), []);
    await guest.picture('account-guest');
  }
  // …until they have none.
  await admin.go(() => page.locator('form:has(input[value=no_guests]) button').click());
  const late = await site.stranger();
  late.expected.push(/status of 403/);
  await late.signIn(GUEST);
  assert.equal(await late.page.locator('[role=alert]').count(), 1);
  admin.checkQuiet('the account');
}
