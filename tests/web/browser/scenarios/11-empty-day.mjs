// Each page of the menu for a day that nothing is known of.

import assert from 'node:assert/strict';

export async function run(site) {
  const wrong = [];
  for (const look of [site.looks[0], site.looks[site.looks.length - 1]]) {
    const visit = await site.visitor(look);
    for (const address of await visit.menu()) {
      const separator = address.includes('?') ? '&' : '?';
      await visit.open(`${address}${separator}from=2020-01-01T00:00&to=2020-01-02T00:00`);
      wrong.push(...(await visit.faults()).map((fault) => `${address}, ${look.width} px: ${fault}`));
    }
  }
  assert.deepEqual(wrong, []);
}
