// Filters, sorting and the way down to one session, by clicking.

import assert from 'node:assert/strict';

export async function run(site) {
  for (const look of site.looks.filter(({ lang, theme }) => (lang === 'en') === (theme === 'light'))) {
    const visit = await site.visitor(look);
    const { page } = visit;
    const isNarrow = look.width < 700;
    const fold = () => (isNarrow ? page.click('label[for=more]') : null);

    // A choice shows at once, and is taken back.
    await visit.open('?page=sessions&range=all');
    const all = await page.locator('tbody tr').count();
    if (!await page.locator('select[name=proto]').isVisible()) await fold();
    await visit.go(() => page.selectOption('select[name=proto]', 'udp'));
    assert.equal(visit.param('proto'), 'udp');
    assert.ok(await page.locator('tbody tr').count() <= all);
    const protos = await page.locator('td.col-app_proto').allInnerTexts();
    assert.ok(protos.length > 0 && protos.every((text) => /udp/i.test(text)), `${protos}`);

    // What is searched for.
    await visit.open('?page=dns&range=all');
    const name = (await page.locator('td.main a').first().innerText()).split('.').slice(-2).join('.');
    await page.fill('input[name=q]', name);
    await visit.go(() => page.press('input[name=q]', 'Enter'));
    assert.equal(visit.param('q'), name);
    assert.ok(await page.locator('tbody tr').count() > 0);

    // The order.
    await visit.open('?page=sessions&range=all');
    await visit.go(() => page.click('th.num a >> nth=0'));
    assert.equal(await page.locator('th[aria-sort=descending]').count(), 1);

    // Down from the apps to one app, to its sessions, to one of them.
    await visit.open('?page=apps&range=all');
    await visit.go(() => page.locator('main a[href*="page=app&"], main a[href*="page=app%"]').first().click());
    assert.equal(visit.param('page'), 'app');
    await visit.open('?page=sessions&range=all');
    await visit.go(() => page.locator('a.more[href*="page=session&"]').first().click());
    assert.equal(visit.param('page'), 'session');
    assert.match(visit.param('id'), /^\d+$/);
    await visit.go(() => page.goBack());
    assert.equal(visit.param('page'), 'sessions');
    visit.checkQuiet('by mouse');

    // Light or dark, without loading the page.
    const before = await page.getAttribute('html', 'data-theme');
    await page.click('a.theme');
    assert.notEqual(await page.getAttribute('html', 'data-theme'), before);
    await visit.open('./');
    assert.notEqual(await page.getAttribute('html', 'data-theme'), before, 'it is remembered');
  }
}
