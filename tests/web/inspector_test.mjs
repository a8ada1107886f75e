// SPDX-License-Identifier: BSD-3-Clause
//
// The inspector's pages in a real Chromium: finding a record, walking to similar ones, filters and
// pages, comparing, searching, accessibility, and metadata of strangers that would be more than
// text.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import test from 'node:test';

import {
  PIXEL, accessible, browser, databaseOf, inspect, record, shot, titles, useBrowser, visit,
} from './inspecting.mjs';
import { PAYLOADS } from './payloads.mjs';
import { PROJECT } from './support.mjs';

useBrowser();

/** Until a page says what distances mean, for which the first does not wait. */
async function measured(page) {
  while (await page.locator('.card .nearness').count() === 0) await page.reload();
}

test('a reader finds a record, walks to similar ones and shares the address', async () => {
  const records = Array.from({ length: 60 }, (_, number) => record(number));
  records.push(record(7, { model: 'other model', embeddings: [1, 0] }));
  const address = await inspect(databaseOf('walk', records));
  await visit(address, async (page) => {
    assert.equal((await titles(page)).length, 24);
    assert.match(await page.locator('#summary').innerText(), /^61 records, page 1 of 3$/);
    await page.getByRole('link', { name: 'Next page' }).click();
    await page.waitForURL(`${address}?page=2`);
    await page.getByLabel('Provider').selectOption('p1');
    await page.waitForURL(`${address}?provider=p1`);
    assert.match(await page.locator('#summary').innerText(), /^31 records, page 1 of 2$/);
    await page.getByRole('link', { name: 'Next page' }).click();
    await page.waitForURL(`${address}?provider=p1&page=2`);
    assert.equal((await titles(page)).length, 7);

    await page.getByLabel('Words').fill('title 7');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(`${address}?provider=p1&words=title+7`);
    await page.getByRole('link', { name: 'Title 7' }).first().click();
    await page.waitForURL(/\/record\/p1\/d007\/\?model=m$/);
    assert.equal(await page.locator('h1').innerText(), 'Title 7');
    assert.deepEqual((await titles(page)).slice(0, 2).sort(), ['Title 6', 'Title 8']);
    const near = await page.locator('.card dd').first().innerText();
    assert.ok(Number(near) > 0 && Number(near) < 0.1, near);

    await measured(page);
    assert.match(await page.locator('.card .nearness').first().innerText(),
      /^nearer than (all 1,770 pairs compared|\d+ % of pairs)$/);
    assert.match(await page.locator('.scale').innerText(),
      /^Distances are Euclidean: .* 1,770 pairs among 60 of the model's 60 records\.$/);
    await accessible(page);

    await page.getByLabel('only other providers').check();
    await page.waitForURL(/others=1/);
    assert.ok((await page.locator('.card dt:text-is("Provider") + dd').allInnerTexts())
      .every((provider) => provider === 'p0'));
    await page.getByLabel('Provider', { exact: true }).selectOption('p1');
    await page.waitForURL(/similar-provider=p1/);
    assert.ok(!page.url().includes('others'));
    await page.getByRole('link', { name: 'other model' }).click();
    await page.waitForURL(/\/record\/p1\/d007\/\?model=other%20model$/);
    assert.equal(await page.locator('.nothing').innerText(), 'Nothing is near enough.');
  });
});

test('a walk can be gone back', async () => {
  const records = Array.from({ length: 9 }, (_, number) => record(number));
  const address = await inspect(databaseOf('trail', records));
  await visit(`${address}record/p0/d002/?model=m`, async (page) => {
    await page.locator('#similar a.picture').first().click();
    await page.locator('nav.trail').waitFor();
    await page.locator('#similar a.picture').nth(2).click();
    await page.waitForURL(/trail=.*%20/);
    const steps = page.locator('nav.trail a');
    assert.equal((await steps.allInnerTexts())[0], 'Title 2');
    assert.equal(await steps.count(), 2);
    await page.getByLabel('one for each subject').check();
    await page.waitForURL(/group-by=subject/);
    assert.equal(await steps.count(), 2);
    await steps.first().click();
    await page.waitForURL(`${address}record/p0/d002/?model=m`);
    assert.equal(await steps.count(), 0);
  });
});

test('records are searched by, and several models compared', async () => {
  const records = Array.from({ length: 20 }, (_, number) => record(number));
  records.push(...records.slice(0, 12).map((one) =>
    ({ ...one, model: 'another', embeddings: [...one.embeddings].reverse() })));
  const address = await inspect(databaseOf('several', records));
  await visit(`${address}record/p0/d004/?model=m`, async (page) => {
    await page.getByRole('link', { name: 'Search by this and other records' }).click();
    await page.waitForURL(/search/);
    await accessible(page);
    assert.equal(await page.locator('#examples .card').count(), 1);
    assert.ok(!(await page.locator('#similar .title').allInnerTexts()).includes('Title 4'));
    await page.getByRole('link', { name: 'Search by this, too Title 6' }).click();
    await page.waitForURL(/d006/);
    assert.equal((await page.locator('#similar .title').allInnerTexts())[0], 'Title 5');
    await page.getByRole('link', { name: 'Search without this Title 4' }).click();
    await page.waitForURL((url) => !url.href.includes('d004'));
    assert.equal(await page.locator('#examples .card').count(), 1);
  });
  await visit(`${address}record/p0/d004/?model=m`, async (page) => {
    await page.getByRole('link', { name: 'Compare what they find' }).click();
    await page.waitForURL(`${address}compare/p0/d004/`);
    await accessible(page);
    await shot(page, 'compare');
    assert.deepEqual(await page.locator('.columns h2').allInnerTexts(),
      ['Found by two or more', 'another', 'm']);
    assert.equal(await page.locator('#pooled .card').count(), 11);
    await page.getByLabel('only other providers').check();
    await page.waitForURL(/others=1/);
    assert.equal(await page.locator('#pooled .card').count(), 6);
    await page.getByRole('link', { name: 'Statistics' }).click();
    await page.waitForURL(/statistics/);
    await accessible(page);
    await page.getByRole('link', { name: 'another' }).click();
    await page.waitForURL(`${address}?model=another`);
    assert.match(await page.locator('#summary').innerText(), /^12 records$/);
    await page.getByLabel('A card for each').selectOption('subject');
    await page.waitForURL(/cards=subject/);
    assert.equal(await page.locator('.card').count(), 12);
  });
});

test('a picture is searched by: chosen, pasted, dropped, and without JavaScript', async () => {
  const database = databaseOf('upload', path.join(PROJECT, 'demo/openclipart.parquet'));
  const address = await inspect(database, '-embeddings-client-uri', 'mobilenet://');
  const file = path.join(PROJECT, 'tests/pictures/food/fruit/an_apple_01.png');
  const first = async (page) => {
    await page.locator('#similar .card').first().waitFor();
    return page.locator('#similar .title').first().innerText();
  };
  await visit(`${address}search/`, async (page) => {
    assert.equal(await page.locator('#by-text').count(), 0);
    await page.getByLabel('Picture', { exact: true }).setInputFiles(file);
    await page.getByRole('button', { name: 'Search' }).click();
    assert.equal(await first(page), 'an apple 01');
    await accessible(page);
    await page.getByText('It sees shapes and colours').waitFor();
    await shot(page, 'search');
    const provider = page.locator('#by-picture').getByLabel('Provider');
    await provider.selectOption('openclipart-tools');
    await page.getByLabel('Picture', { exact: true }).setInputFiles(file);
    await page.getByRole('button', { name: 'Search' }).click();
    await page.locator('#similar dd:text-is("openclipart-tools")').first().waitFor();
    await page.getByLabel('Picture', { exact: true }).setInputFiles(
      { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
    await page.getByRole('button', { name: 'Search' }).click();
    await page.locator('h1:text-is("Bad request")').waitFor();
    await accessible(page);
  }, { expected: [/400 \(Bad Request\)/] });
  const bytes = [...readFileSync(file)];
  for (const kind of ['paste', 'drop']) {
    await visit(`${address}search/`, async (page) => {
      await page.evaluate(([type, data]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(data)], 'a.png', { type: 'image/png' }));
        document.body.dispatchEvent(type === 'paste'
          ? new ClipboardEvent(type, { clipboardData: transfer, bubbles: true })
          : new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
      }, [kind, bytes]);
      assert.equal(await first(page), 'an apple 01', kind);
    });
  }
  await visit(`${address}search/`, async (page) => {
    await page.getByLabel('Picture', { exact: true }).setInputFiles(file);
    await page.getByRole('button', { name: 'Search' }).click();
    assert.equal(await first(page), 'an apple 01');
  }, { settings: { javaScriptEnabled: false } });
});

test('lists and records need no JavaScript', async () => {
  const address = await inspect(databaseOf('plain', [record(1), record(2), record(3)]));
  const page = await browser.newPage({ javaScriptEnabled: false });
  await page.goto(address);
  await page.getByLabel('Provider').selectOption('p1');
  await page.getByRole('button', { name: 'Show' }).click();
  await page.waitForURL(`${address}?provider=p1&model=&cards=&words=`);
  assert.deepEqual(await titles(page), ['Title 1', 'Title 3']);
  await page.getByRole('link', { name: 'Title 1' }).click();
  await page.waitForURL(/record/);
  assert.equal(await page.locator('h1').innerText(), 'Title 1');
  assert.equal((await titles(page)).length, 2);
  await page.close();
});

test('pages of the demo can be used by everybody, in light and dark, wide and narrow', async () => {
  const address = await inspect(databaseOf('demo', path.join(PROJECT, 'demo/openclipart.parquet')));
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 360]) {
      await visit(address, async (page) => {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        await accessible(page);
        await shot(page, `list-${colorScheme}-${width}`);
        await page.locator('.card a').nth(5).click();
        await measured(page);
        await accessible(page);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${wide} pixels wide`);
        await shot(page, `record-${colorScheme}-${width}`);
      });
    }
  }
});

test('pages that say what is wrong can be used by everybody', async () => {
  const address = await inspect(databaseOf('wrong', [record(1)]));
  const page = await browser.newPage();
  for (const query of ['?page=x', 'none/', '?provider=none']) {
    await page.goto(address + query);
    await accessible(page);
  }
  await page.close();
});

test('a page can be used by keyboard alone', async () => {
  const address = await inspect(databaseOf('keys', [record(1), record(2)]));
  await visit(address, async (page) => {
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent),
      'Skip to the content');
    await page.keyboard.press('Enter');
    for (let i = 0; i < 6; ++i) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#record-title').waitFor();
  });
});

test('pictures come from where the record says, and only those', async () => {
  const seen = [];
  const pictures = createServer((request, response) => {
    seen.push(request.url);
    assert.equal(request.headers.referer, undefined);
    response.setHeader('Content-Type', 'image/gif');
    response.end(Buffer.from(PIXEL.split(',')[1], 'base64'));
  });
  await once(pictures.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${pictures.address().port}`;
  const of = (number, preview) => record(number, { attributes: { type: 'image', preview } });
  const address = await inspect(databaseOf('pictures',
    [of(1, `${origin}/a.gif`), of(2, 'javascript:alert(1)'), of(3, '/b.gif')]));
  await visit(address, async (page) => {
    await page.locator('img').first().evaluate((image) => image.decode());
    assert.equal(await page.locator('img').count(), 1);
    assert.equal(await page.locator('.none').count(), 2);
  }, { origins: [origin] });
  assert.deepEqual(seen, ['/a.gif']);
  pictures.close();
});

/** What a page must not have become, whatever stands in it. */
async function unharmed(page, name) {
  const state = await page.evaluate(() => ({
    ran: globalThis.__xss ?? null,
    elements: document.querySelectorAll('script:not([type=module][src*="/javascript/"]), iframe, '
      + 'object, embed, svg, math, style, base').length,
    handlers: [...document.querySelectorAll('*')].flatMap((element) => [...element.attributes])
      .filter(({ name: attribute }) => attribute.startsWith('on')).length,
    schemes: [...document.querySelectorAll('a, form')]
      .map((element) => new URL(element.href ?? element.action).protocol)
      .filter((scheme) => !/^https?:$/.test(scheme)),
    main: document.querySelectorAll('main').length,
  }));
  assert.deepEqual(state, { ran: null, elements: 0, handlers: 0, schemes: [], main: 1 }, name);
}

const hostile = (payload, number) => {
  const short = (text) => [...text].slice(0, 60).join('').replace(/[\0-\x1f\x7f]/g, ' ');
  const name = `${short(payload)} ${number}`;
  const fields = ['subject_title', 'subject_creditline', 'provider_name', 'subject_url',
    'depiction_url', 'provider_url', 'preview'];
  return record(number, {
    provider: short(payload), depiction_id: name, subject_id: name, model: short(payload),
    embeddings: [1, number / 1000, 0],
    attributes: {
      type: number % 2 === 0 ? 'image' : 'text', [name]: payload,
      ...Object.fromEntries(fields.map((field) => [field, payload])),
    },
  });
};

test(`${PAYLOADS.length} payloads in every field stay text on every page`, async () => {
  assert.ok(PAYLOADS.length >= 150);
  const address = await inspect(databaseOf('hostile', PAYLOADS.map(hostile)));
  await visit(address, async (page) => {
    let pages = 0;
    for (let next = address; next; ++pages) {
      await page.goto(next);
      await unharmed(page, next);
      const link = page.locator('a[rel=next]');
      next = await link.count() ? new URL(await link.getAttribute('href'), address).href : null;
    }
    assert.equal(pages, Math.ceil(PAYLOADS.length / 24));
    const { records } = await (await fetch(`${address}?format=json`)).json();
    assert.equal(records.length, 24);
  });
  await visit(address, async (page) => {
    for (const [number, payload] of PAYLOADS.entries()) {
      const { provider, depiction_id: id, model } = hostile(payload, number);
      const [a, b, c] = [provider, id, model].map(encodeURIComponent);
      const key = encodeURIComponent(`${a}/${b}/${c}`);
      // The others show many records at once, as lists do.
      const others = number % 8 === 0 ? [`compare/${a}/${b}/`, `search/?like=${key}`] : [];
      for (const target of [`record/${a}/${b}/?model=${c}&trail=${key}`, ...others]) {
        const response = await page.goto(address + target);
        assert.equal(response.status(), 200, target);
        await unharmed(page, target);
      }
    }
    await page.goto(`${address}statistics/`);
    await unharmed(page, 'statistics');
  });
});

test(`${PAYLOADS.length} payloads as parameters stay text`, async () => {
  const address = await inspect(databaseOf('parameters', [record(1)]));
  const page = await browser.newPage();
  for (const payload of PAYLOADS) {
    const text = encodeURIComponent(payload);
    for (const query of [`?words=${text}&provider=${text}&model=${text}`, `?page=${text}`,
      `record/p1/d001/?model=m&similar-provider=${text}`,
      `search/?query=${text}&like=${text}&model=${text}`,
      `record/p1/d001/?model=m&trail=${text}`,
      `record/${text}/${text}/?model=${text}`]) {
      await page.goto(address + query);
      await unharmed(page, query);
    }
  }
  await page.close();
});

test('a payload that is markup would be noticed', async () => {
  const page = await browser.newPage();
  await page.setContent('<main></main>');
  await unharmed(page, 'benign');
  for (const markup of ['<img src=x onerror="1">', '<iframe></iframe>', '<main></main>',
    '<a href="javascript:1">x</a>', '<script>window.__xss = 1</script>']) {
    await page.setContent(`<main></main>${markup}`);
    await assert.rejects(unharmed(page, markup), assert.AssertionError);
  }
  await page.close();
});
