// Every page of the menu, and each other that they link to, in every look.

import assert from 'node:assert/strict';

/** A name for a page by its address: "sessions", "door". */
function nameOf(address) {
  const url = new URL(address, 'http://a/');
  const script = url.pathname.replace(/^\/|\.php$/g, '');
  return url.searchParams.get('page') ?? (script || 'overview');
}

/** The pages of the menu, and of each other page the first link to it: name => address. */
async function discover(visit) {
  const found = new Map((await visit.menu()).map((address) => [nameOf(address), address]));
  assert.ok(found.size > 5, 'the menu has pages');
  // A page that only another page outside of the menu leads to is found as well.
  for (const [, address] of found) {
    await visit.open(address);
    const links = await visit.page.$$eval('main a[href^="./?page="], .tools a[href$=".php"]', (all) =>
      all.map((link) => link.getAttribute('href')));
    for (const link of links) {
      if (!found.has(nameOf(link))) found.set(nameOf(link), link);
    }
  }
  return found;
}

export async function run(site) {
  const pages = await discover(await site.visitor());
  // All that is wrong is told at once, each with where it is.
  const wrong = new Map();
  for (const look of site.looks) {
    const visit = await site.visitor(look);
    for (const [name, address] of pages) {
      await visit.open(address);
      assert.equal(await visit.page.getAttribute('html', 'data-theme'), look.theme);
      assert.equal(await visit.page.getAttribute('html', 'lang'), look.lang === 'zh' ? 'zh-CN' : 'en');
      for (const fault of await visit.faults()) {
        wrong.set(fault, [...wrong.get(fault) ?? [], `${name} ${look.width} ${look.lang} ${look.theme}`]);
      }
      if (site.isThorough) await visit.picture(name);
    }
  }
  const told = [...wrong].map(([fault, where]) => `${fault}\n    on ${where.join(', ')}`);
  assert.equal(wrong.size, 0, told.join('\n'));
  return `(${[...pages.keys()].join(', ')}, each in ${site.looks.length} looks)`;
}
