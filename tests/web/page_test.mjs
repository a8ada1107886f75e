// SPDX-License-Identifier: BSD-3-Clause
//
// The page in a real Chromium, from a web server and opened as a file: what people type and read.
// EDB_SCREENSHOTS=FOLDER keeps pictures of it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';

import { OPTIONS, chromium } from './browser.mjs';
import { Documents } from './documents.mjs';
import { GOOD, SITE, blocksOfPage, load } from './support.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const good = JSON.stringify(GOOD, null, 2);

let profile;
let browser;
let server;
let places; // name to address

before(async () => {
  server = createServer((request, response) => {
    const name = request.url.slice(1) || 'index.html';
    response.setHeader('Content-Type', TYPES[path.extname(name)] ?? 'application/octet-stream');
    response.end(readFileSync(path.join(SITE, path.basename(name))));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  places = {
    'a web server': `http://127.0.0.1:${server.address().port}/`,
    'a file': pathToFileURL(path.join(SITE, 'index.html')).href,
  };
  profile = mkdtempSync(path.join(tmpdir(), 'embeddingsdb-web-'));
  browser = await chromium.launchPersistentContext(profile, OPTIONS);
});

after(async () => {
  await browser?.close();
  server?.close();
  rmSync(profile, { recursive: true, force: true });
});

/** Opens the page and lets a reader work with it; then nothing may have gone elsewhere or wrong. */
async function visit(address, work) {
  const page = await browser.newPage();
  const requests = [];
  const complaints = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(address);
  await page.locator('#button:enabled').waitFor();
  await work(page);
  const folder = new URL('.', address).href;
  const elsewhere = requests.filter((url) => !url.startsWith(folder) && !url.startsWith('data:'));
  assert.deepEqual(elsewhere, []);
  assert.equal(requests.filter((url) => url.startsWith(folder)).length, 4);
  assert.deepEqual(complaints, []);
  await page.close();
}

/** Types a document, presses the button and reads the answer. */
async function answer(page, json) {
  await page.locator('#input').fill(json);
  await page.locator('#feedback p').evaluate((verdict) => (verdict.textContent = ''));
  await page.locator('#button').click();
  await page.locator('#feedback p:not(:empty)').waitFor();
  const problems = await page.locator('#feedback li').allTextContents();
  return [await page.locator('#feedback p').textContent(), ...problems];
}

for (const place of ['a web server', 'a file']) {
  test(`from ${place}: good and bad documents`, () =>
    visit(places[place], async (page) => {
      assert.equal(await page.locator('#feedback p').textContent(), 'Ready');
      const valid = 'Document validates as OEmbeddings';
      assert.deepEqual(await answer(page, good), [valid]);
      const [first, second] = blocksOfPage('json');
      assert.deepEqual(await answer(page, first), [valid]);
      assert.deepEqual(await answer(page, second), [
        'Validation failed:',
        ...blocksOfPage('text')[0].split('\n\n')[0].split('\n'),
      ]);
      assert.deepEqual(await answer(page, good.replace('https://example.org/', 'example.org/')), [
        valid,
        'warning: subject_url "example.org/objects/2" is no URI: it has no scheme, as in ' +
          'https://example.org/',
      ]);
      assert.match((await answer(page, ''))[1], /JSON is malformed at byte 1/);
      assert.match((await answer(page, '['.repeat(100000)))[1], /deeper than the limit of 32/);
      assert.match((await answer(page, ' '.repeat(2 ** 20 + 1)))[1], /longer than the limit of/);
      assert.deepEqual(await answer(page, good), [valid]);
    }));
}

test('markup in a document is text', () =>
  visit(places['a web server'], async (page) => {
    const markup = '<img src=x onerror=alert(1)>';
    const [, said] = await answer(page, JSON.stringify({ ...GOOD, type: markup }));
    assert.ok(said.includes(`type is "${markup}", it must be`), said);
    assert.equal(await page.locator('#feedback li *').count(), 0);
    assert.equal(await page.locator('img').count(), 0);
  }));

test('by keyboard and by name', () =>
  visit(places['a web server'], async (page) => {
    await page.getByLabel('Document (JSON)').focus();
    await page.keyboard.insertText(good);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const status = page.getByRole('status');
    await status.getByText('Document validates as OEmbeddings').waitFor();
    assert.equal(await status.getAttribute('aria-live'), 'polite');
    assert.equal(await page.getByRole('button', { name: 'Validate' }).count(), 1);
    assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
  }));

test('readable in the light, in the dark and on a telephone', () =>
  visit(places['a file'], async (page) => {
    const [, bad] = blocksOfPage('json');
    for (const [colorScheme, width] of [['light', 900], ['dark', 900], ['light', 360]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 760 });
      await answer(page, bad);
      const { wide, contrasts } = await page.evaluate(() => {
        const channel = (c) => (c <= 10.31475 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4);
        const light = (color) => {
          const [r, g, b] = color.match(/[\d.]+/g).map((c) => channel(Number(c)));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const paper = getComputedStyle(document.body).backgroundColor;
        const contrast = (selector, behind = paper) => {
          const style = getComputedStyle(document.querySelector(selector));
          const [a, b] = [light(style.color), light(behind ?? style.backgroundColor)].sort(
            (x, y) => x - y,
          );
          return (b + 0.05) / (a + 0.05);
        };
        return {
          wide: document.documentElement.scrollWidth > innerWidth,
          contrasts: [contrast('h1'), contrast('#feedback p'), contrast('#feedback li'),
            contrast('#input'), contrast('#button', null)],
        };
      });
      assert.equal(wide, false, `${width} pixels are not enough`);
      assert.ok(Math.min(...contrasts) >= 4.5, `${colorScheme}: contrasts of ${contrasts}`);
      if (process.env.EDB_SCREENSHOTS) {
        const name = `validator-${colorScheme}-${width}.png`;
        await page.screenshot({ path: path.join(process.env.EDB_SCREENSHOTS, name) });
      }
    }
  }));

test('the function, and 10,000 documents, as in Node', () =>
  visit(places['a web server'], async (page) => {
    const source = new Documents(Number(process.env.EDB_SEED ?? 20261122));
    const documents = Array.from({ length: 10000 }, () => source.next());
    const inNode = load();
    const kept = await page.evaluate(async (json) => [
      await oembeddings_validate(json),
      await oembeddings_validate('[]').catch((error) => error),
    ], good);
    const refused = 'Failed to validate input, the document is an array, it must be an object\n';
    assert.deepEqual(kept, ['', refused]);
    // As ASCII, since halves of surrogate pairs may not come through to the browser as they are.
    const texts = documents.map((text) => JSON.stringify(text));
    const found = await page.evaluate(async (all) => {
      const out = [];
      for (const text of all) {
        out.push(JSON.stringify(await oembeddings_validate.problems(JSON.parse(text))));
      }
      return out;
    }, texts);
    for (const [i, document] of documents.entries()) {
      assert.equal(found[i], JSON.stringify(await inNode.problems(document)), document);
    }
  }));

test('canary: a page that asks elsewhere is found', async () => {
  const fetches = visit(places['a web server'], (page) =>
    page.evaluate(() => fetch('http://127.0.0.1:9/').catch(() => {})),
  );
  await assert.rejects(fetches, /violates the following Content Security Policy directive/);
  const leaves = visit(places['a web server'], async (page) => {
    const asked = page.waitForRequest('http://127.0.0.1:9/');
    await page.evaluate(() => void (location.href = 'http://127.0.0.1:9/'));
    await asked;
  });
  await assert.rejects(leaves, { name: 'AssertionError', actual: ['http://127.0.0.1:9/'] });
});
