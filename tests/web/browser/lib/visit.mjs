// What a scenario works with: a Site opens Visits, which watch all that a page does.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export const PASSWORD = 'open sesame ☃ 2';

/** Each width, language and theme that a page has to look right in. */
export const LOOKS = [390, 1440].flatMap((width) => ['en', 'zh'].flatMap((lang) =>
  ['light', 'dark'].map((theme) => ({ width, lang, theme }))));

/** Findings of axe-core that fail a test. */
const GRAVE = ['serious', 'critical'];

/** A picture shows no more pixels of a long list. */
const HIGHEST = 3000;

/** The pages at an address, with a daemon behind them. */
export class Site {
  #browser;
  #settings;
  #contexts = [];
  #cookies = [];
  #newer;

  constructor(browser, about, settings) {
    this.#browser = browser;
    this.#settings = settings;
    this.name = about.name;
    this.url = about.url;
    /** Sets the first password. */
    this.code = about.code;
    /** Whether all looks are tried, which one of two databases is enough for. */
    this.isThorough = about.thorough;
    this.#newer = about.newer;
  }

  get looks() {
    return this.isThorough ? LOOKS : [LOOKS[0], LOOKS[LOOKS.length - 1]];
  }

  /** Has a session in the store that is the latest, by a name; '' takes all such out. */
  put(host) {
    const [program, ...words] = [...this.#newer, host];
    execFileSync(program, words);
  }

  /** Somebody who is not signed in, with a browser of his own. */
  async stranger(look = LOOKS[4]) {
    const context = await this.#browser.newContext({
      viewport: { width: look.width, height: 900 }, baseURL: this.url, locale: 'en-GB', acceptDownloads: true,
    });
    this.#contexts.push(context);
    const cookie = (name, value) => ({ name, value, url: this.url });
    await context.addCookies([cookie('lang', look.lang), cookie('theme', look.theme)]);
    return new Visit(context, await context.newPage(), look, this.url, this.#settings);
  }

  /** Somebody who is signed in. */
  async visitor(look) {
    const visit = await this.stranger(look);
    if (this.#cookies.length === 0) {
      await visit.signIn();
      this.#cookies = (await visit.context.cookies()).filter(({ name }) => name === 'weir_session');
    }
    await visit.context.addCookies(this.#cookies);
    return visit;
  }

  /** Ends what a scenario has opened. Its sessions may be ended too: the next one signs in by itself. */
  async close() {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
    this.#cookies = [];
  }
}

/** A page in the browser, and what it complained of and asked for since it was opened. */
export class Visit {
  /** Complaints that a scenario brings about on purpose, as patterns. */
  expected = [];
  /** All addresses that were asked for. */
  requests = [];
  #complaints = [];
  #settings;

  constructor(context, page, look, url, settings) {
    Object.assign(this, { context, page, look, url });
    this.#settings = settings;
    context.on('request', (request) => this.requests.push(request.url()));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#complaints.push(`${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => this.#complaints.push(`${error}`));
    page.on('requestfailed', (request) => {
      const { errorText } = request.failure();
      // Whoever goes to another page calls off what this one still waits for.
      if (errorText !== 'net::ERR_ABORTED') this.#complaints.push(`${errorText} ${request.url()}`);
    });
  }

  async open(path) {
    const answer = await this.page.goto(path);
    assert.ok(answer.ok(), `${path}: ${answer.status()}`);
    return answer;
  }

  async signIn(password = PASSWORD) {
    await this.page.goto('door.php');
    await this.page.fill('input[name=password]', password);
    await this.page.press('input[name=password]', 'Enter');
    await this.page.waitForLoadState();
  }

  /** The addresses of the menu; whatever is in it is a page to test. */
  async menu() {
    await this.open('./');
    return this.page.$$eval('.top nav a', (links) => links.map((link) => link.getAttribute('href')));
  }

  /** What the browser complained of since the last time, and who else was asked. */
  noise() {
    const complaints = this.#complaints.splice(0).filter((text) => !this.expected.some((known) => known.test(text)));
    const own = new URL(this.url).origin;
    const foreign = this.requests.filter((url) => !url.startsWith('data:') && new URL(url).origin !== own);
    return [...complaints, ...foreign.map((url) => `asked for ${url}`)];
  }

  /** Whether the page is wider than the screen. */
  async excess() {
    const [wide, screen] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    return wide > screen ? [`${wide} px wide on a screen of ${screen}`] : [];
  }

  /** What axe-core finds that is grave. */
  async barriers() {
    // By the debugger's way in, which the page's own policy leaves open.
    await this.page.evaluate(this.#settings.axe);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run({ preload: false, resultTypes: ['violations'] }));
    return violations.filter(({ impact }) => GRAVE.includes(impact)).map(({ id, impact, nodes }) =>
      `${impact} ${id} on ${nodes.length}: ${nodes[0].html.slice(0, 160)} (in ${nodes[0].target}) ${nodes[0].failureSummary}`);
  }

  /** All that every page has to hold: what does not, in words. */
  async faults() {
    return [...await this.excess(), ...await this.barriers(), ...this.noise()];
  }

  async checkAll(what) {
    assert.deepEqual(await this.faults(), [], what);
  }

  checkQuiet(what) {
    assert.deepEqual(this.noise(), [], what);
  }

  /** Keeps a picture under target/screenshots. */
  async picture(name) {
    const { width, lang, theme } = this.look;
    const path = join(this.#settings.pictures, `${name}-${width}-${lang}-${theme}.png`);
    const high = await this.page.evaluate(() => document.documentElement.scrollHeight);
    await this.page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width, height: Math.min(high, HIGHEST) } });
  }

  /** Presses Tab until the focus is on what matches; what has it can be seen. */
  async tabTo(selector, most = 300) {
    for (let presses = 0; presses < most; presses += 1) {
      await this.page.keyboard.press('Tab');
      const found = await this.page.evaluate((wanted) => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        return element.matches(wanted) ? { isSeen: style.outlineStyle !== 'none' || style.boxShadow !== 'none' } : null;
      }, selector);
      if (found) {
        assert.ok(found.isSeen, `${selector}: the focus can not be seen`);
        return;
      }
    }
    assert.fail(`${selector}: not reached by ${most} times Tab`);
  }

  /** Does what leads to another page, and waits for it. */
  async go(act) {
    await Promise.all([this.page.waitForEvent('load'), act()]);
  }

  /** The parameters of the address. */
  param(name) {
    return new URL(this.page.url()).searchParams.get(name);
  }
}
