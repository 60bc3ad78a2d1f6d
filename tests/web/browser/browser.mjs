// Tests of the pages in a real browser: browser.mjs SETTINGS.json
//
// Serves nothing: run.py does, and writes into the settings where, by which code
// the first password is set, where the modules and the browser are. A file of
// scenarios/ is a scenario; what one may use is in lib/visit.mjs.

import { readFile, readdir, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { Site } from './lib/visit.mjs';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

const here = dirname(fileURLToPath(import.meta.url));

/** The scenarios in the order of their names, or those whose name contains a word of `only`. */
async function scenarios(only) {
  const names = (await readdir(join(here, 'scenarios'))).filter((name) => name.endsWith('.mjs')).sort();
  const all = await Promise.all(names.map(async (name) => ({
    name: name.replace(/^\d+-|\.mjs$/g, ''),
    ...await import(pathToFileURL(join(here, 'scenarios', name))),
  })));
  // Without the first, there is no password to sign in by.
  return all.filter((one, at) => at === 0 || only.length === 0 || only.some((word) => one.name.includes(word)));
}

async function main() {
  const settings = JSON.parse(await readFile(process.argv[2], 'utf8'));
  const load = createRequire(join(settings.modules, 'package.json'));
  const { chromium } = load('playwright-core');
  const axe = await readFile(load.resolve('axe-core/axe.min.js'), 'utf8');
  await mkdir(settings.pictures, { recursive: true });
  const browser = await chromium.launch({ executablePath: settings.chromium, args: FLAGS });
  const begun = performance.now();
  const failed = [];
  for (const about of settings.sites) {
    const site = new Site(browser, about, { axe, ...settings });
    for (const scenario of await scenarios(settings.only)) {
      let outcome = '';
      try {
        outcome = (await scenario.run(site)) ?? '';
      } catch (error) {
        failed.push(`${about.name}: ${scenario.name}`);
        outcome = `FAILED\n${error.stack}`;
      }
      await site.close();
      const seconds = ((performance.now() - begun) / 1000).toFixed(1).padStart(5);
      console.log(`web: ${seconds} s  browser, ${about.name}: ${scenario.name.replaceAll('-', ' ')} ${outcome}`);
    }
  }
  await browser.close();
  if (failed.length > 0) {
    console.error(`browser: ${failed.length} failed: ${failed.join(', ')}`);
    process.exitCode = 1;
  }
}

await main();
