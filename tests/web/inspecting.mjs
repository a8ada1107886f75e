// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of the inspector in a browser share: databases, inspectors, and a reader whose
// browser tells when something goes wrong. EDB_SCREENSHOTS=FOLDER keeps pictures of the pages.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';

import { OPTIONS, chromium } from './browser.mjs';
import { BIN, require } from './support.mjs';

export const PIXEL =
  'data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==';

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = process.env.EDB_SCREENSHOTS;
const folder = mkdtempSync(path.join(tmpdir(), 'embeddingsdb-inspector-'));
const running = [];
export let browser;

/** Opens the browser before the tests of a file, and ends everything after them. */
export function useBrowser(options = OPTIONS) {
  before(async () => {
    browser = await chromium.launch(options);
  });
  after(async () => {
    await browser?.close();
    for (const process of running) {
      process.kill();
      await once(process, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  });
}

/** A database with these records, or those of a Parquet file. */
export function databaseOf(name, records) {
  const uri = `sqlite://?dsn=${path.join(folder, name)}.db`;
  const [tool, args, input] = typeof records === 'string'
    ? ['parquet-import', ['-database-uri', uri, records], '']
    : ['embeddingsdb-client', ['add', '-database-uri', uri, '-record', '-'],
      records.map((record) => `${JSON.stringify(record)}\n`).join('')];
  const run = spawnSync(path.join(BIN, tool), args, { input });
  assert.equal(run.status, 0, run.stderr.toString());
  return uri;
}

/** The address of an inspector of a database. */
export async function inspect(uri, ...more) {
  const process = spawn(path.join(BIN, 'embeddingsdb-inspector'),
    ['-database-uri', uri, '-server-uri', 'http://127.0.0.1:0', ...more]);
  running.push(process);
  let said = '';
  for await (const chunk of process.stderr) {
    said += chunk;
    const address = said.match(/Listen for requests address=(\S+)/);
    if (address) return address[1];
  }
  return assert.fail(said);
}

export const record = (number, fields = {}) => ({
  provider: `p${number % 2}`,
  depiction_id: `d${String(number).padStart(3, '0')}`,
  subject_id: `s${Math.floor(number / 2)}`,
  model: 'm',
  embeddings: [Math.cos(number / 50), Math.sin(number / 50), 0.5],
  created: 1700000000,
  attributes: { type: 'image', preview: PIXEL, subject_title: `Title ${number}` },
  ...fields,
});

/**
 * Lets a reader work with a page; then nothing may have gone elsewhere or wrong. `origins` are
 * those of pictures, to which requests may go; `settings` those of the browser's context;
 * `expected` what the browser may complain about.
 */
export async function visit(address, work, options = {}) {
  const { origins = [], settings = {}, by = browser, expected = [] } = options;
  const context = await by.newContext(settings);
  const page = await context.newPage();
  const [elsewhere, complaints] = [[], []];
  const allowed = [new URL(address).origin, ...origins];
  page.on('request', (request) => {
    const url = request.url().replace(/^blob:/, '');
    if (!url.startsWith('data:') && !allowed.includes(new URL(url).origin)) elsewhere.push(url);
  });
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(address);
  await work(page);
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(complaints.filter((one) => !expected.some((known) => known.test(one))), []);
  await context.close();
}

export const titles = (page) => page.locator('.card .title').allTextContents();

export async function accessible(page) {
  await page.evaluate(axe);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const { violations } = await page.evaluate(
    (only) => globalThis.axe.run(document, { runOnly: only }), tags);
  assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html]), []);
}

/** Keeps a picture of the page when pictures are wanted. */
export const shot = async (page, name) =>
  SHOTS && page.screenshot({ path: path.join(SHOTS, `${name}.jpg`), type: 'jpeg', quality: 55 });
