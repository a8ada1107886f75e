// SPDX-License-Identifier: BSD-3-Clause
//
// The inspector's map in a real Chromium, whose WebGL is done in software: that it draws, zooms,
// that a lasso selects what it is drawn around, by keyboard too, and that titles stay text.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import path from 'node:path';
import test from 'node:test';

import { OPTIONS, chromium } from './browser.mjs';
import {
  PIXEL, accessible, browser, databaseOf, inspect, shot, useBrowser, visit,
} from './inspecting.mjs';
import { PAYLOADS } from './payloads.mjs';
import { PROJECT, read } from './support.mjs';

const SOFTWARE = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
// As MapView has them.
const BLUE = [0x0a, 0x78, 0xbd];
const VERMILION = [0xd5, 0x5e, 0x00];
const GREEN = [0x00, 0x8f, 0x68];

useBrowser({
  ...OPTIONS,
  args: [...OPTIONS.args.filter((flag) => flag !== '--disable-gpu'), ...SOFTWARE],
});

/** Records of three providers, far apart; a has the most and c the fewest. */
const clustered = Array.from({ length: 90 }, (_, number) => {
  const provider = number < 40 ? 'a' : number < 70 ? 'b' : 'c';
  const embeddings = Array.from({ length: 8 }, (_unused, i) =>
    (i === 'abc'.indexOf(provider) ? 1 : 0) + Math.sin(number * (i + 1)) / 20);
  return {
    provider, depiction_id: `d${number}`, subject_id: '', model: 'm', embeddings,
    created: 1700000000,
    attributes: { type: 'image', preview: PIXEL, subject_title: `Title ${number}` },
  };
});

/** The last stage of the map is there, and has come to rest. */
async function settled(page) {
  await page.locator('#map-status:has-text("Near points are similar")').waitFor();
  await stable(page);
}

/** The picture of the map once two in turn are the same. */
async function stable(page) {
  let [last, now] = [null, await page.locator('#map-place').screenshot()];
  while (last === null || !last.equals(now)) {
    last = now;
    await page.evaluate(() => new Promise((resolve) => {
      requestAnimationFrame(() => requestAnimationFrame(resolve));
    }));
    now = await page.locator('#map-place').screenshot();
  }
  return now;
}

/** How many pixels of the map have about a colour, the box around them, and one of them. */
async function coloured(page, colour) {
  const picture = `data:image/png;base64,${(await stable(page)).toString('base64')}`;
  const place = await page.locator('#map-place').boundingBox();
  const found = await page.evaluate(async ([source, [r, g, b]]) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const box = { count: 0, left: Infinity, top: Infinity, right: -1, bottom: -1, some: [0, 0] };
    for (let i = 0; i < data.length; i += 4) {
      if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) > 12) {
        continue;
      }
      const [x, y] = [(i / 4) % canvas.width, Math.floor(i / 4 / canvas.width)];
      box.count += 1;
      if (box.count === 20) box.some = [x, y];
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
    }
    return box;
  }, [picture, colour]);
  return { count: found.count, left: place.x + found.left, right: place.x + found.right,
    top: place.y + found.top, bottom: place.y + found.bottom,
    some: [place.x + found.some[0], place.y + found.some[1]] };
}

/** Around a box, as far as the map goes. */
async function drawLasso(page, { left, top, right, bottom }) {
  const { x, y, width, height } = await page.locator('#map-place').boundingBox();
  const west = Math.max(left - 12, x + 2);
  const north = Math.max(top - 12, y + 2);
  const east = Math.min(right + 12, x + width - 2);
  const south = Math.min(bottom + 12, y + height - 2);
  const corners = [[west, north], [east, north], [east, south], [west, south]];
  await page.mouse.move(...corners[0]);
  await page.mouse.down();
  for (const corner of corners.slice(1)) await page.mouse.move(...corner, { steps: 5 });
  await page.mouse.up();
}

/** What the download holds. */
async function downloaded(page) {
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download their keys' }).click();
  const file = readFileSync(await (await waiting).path(), 'utf8');
  return file.trimEnd().split('\n').map((line) => JSON.parse(line));
}

const keysOf = (provider) => clustered.filter((record) => record.provider === provider)
  .map(({ depiction_id, model }) => ({ provider, depiction_id, model }))
  .sort((a, b) => a.depiction_id.localeCompare(b.depiction_id));
const sorted = (keys) => keys.sort((a, b) => a.depiction_id.localeCompare(b.depiction_id));

test('a map is drawn, and a lasso selects what it is drawn around', async () => {
  const address = await inspect(databaseOf('lasso', clustered));
  await visit(`${address}map/?model=m`, async (page) => {
    await settled(page);
    assert.match(await page.locator('#map-status').innerText(), /^90 records\. Near points/);
    assert.deepEqual(await page.locator('#map-legend').allInnerTexts(), ['a (40)\nb (30)\nc (20)']);
    for (const colour of [BLUE, VERMILION, GREEN]) {
      const { count } = await coloured(page, colour);
      assert.ok(count > 100, `${count} pixels of ${colour}`);
    }
    await page.getByRole('button', { name: 'Lasso' }).click();
    await drawLasso(page, await coloured(page, VERMILION));
    await page.locator('#map-count:text-is("30 records are selected.")').waitFor();
    assert.deepEqual(sorted(await downloaded(page)), keysOf('b'));
    await page.locator('#map-cards .card').first().waitFor();
    assert.equal(await page.locator('#map-cards .card').count(), 24);
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.locator('#map-cards .card').nth(29).waitFor();
    assert.equal(await page.locator('#map-cards .card').count(), 30);
    const providers = await page.locator('#map-cards dt:text-is("Provider") + dd').allInnerTexts();
    assert.deepEqual([...new Set(providers)], ['b']);

    // Shift draws a lasso as well, and a drag without either moves the map.
    await page.getByRole('button', { name: 'Lasso' }).click();
    await page.keyboard.down('Shift');
    await drawLasso(page, await coloured(page, GREEN));
    await page.keyboard.up('Shift');
    await page.locator('#map-count:text-is("20 records are selected.")').waitFor();
    const start = await coloured(page, BLUE);
    const { x, y } = await page.locator('#map-place').boundingBox();
    await page.mouse.move(x + 200, y + 200);
    await page.mouse.down();
    await page.mouse.move(x + 240, y + 230, { steps: 4 });
    await page.mouse.up();
    const end = await coloured(page, BLUE);
    assert.ok(Math.abs(end.left - start.left - 40) < 3, `${start.left} to ${end.left}`);
    assert.ok(Math.abs(end.top - start.top - 30) < 3, `${start.top} to ${end.top}`);
    assert.equal(await page.locator('#map-count').innerText(), '20 records are selected.');
  });
});

test('pointing shows a record, and a provider can be hidden', async () => {
  const address = await inspect(databaseOf('point', clustered));
  await visit(`${address}map/?model=m`, async (page) => {
    await settled(page);
    const green = await coloured(page, GREEN);
    await page.mouse.move(...green.some);
    await page.mouse.wheel(0, -800);
    const zoomed = await coloured(page, GREEN);
    assert.ok(zoomed.right - zoomed.left > 2 * (green.right - green.left), 'it does not zoom');
    await page.getByLabel('c (20)').uncheck();
    assert.equal((await coloured(page, GREEN)).count, 0);
    await page.getByRole('button', { name: 'Whole map' }).click();
    await page.mouse.move(...(await coloured(page, BLUE)).some);
    const card = page.locator('#map-point .card:has(dt:text-is("Provider") + dd:text-is("a"))');
    await card.waitFor();
    assert.equal(await card.locator('img').evaluate((image) => image.decode().then(() => 1)), 1);
    const title = await card.locator('.title').innerText();
    await page.getByRole('button', { name: 'Select what is in view' }).click();
    await page.locator('#map-count:text-is("70 records are selected.")').waitFor();
    await card.getByRole('link').click();
    await page.waitForURL(/\/record\/a\/d\d+\/\?model=m$/);
    assert.equal(await page.locator('h1').innerText(), title);
  });
});

test('a map can be used by keyboard alone, and few points show their pictures', async () => {
  const address = await inspect(databaseOf('keyboard', clustered));
  await visit(`${address}map/?model=m&provider=a`, async (page) => {
    await settled(page);
    await page.locator('#map-canvas').focus();
    const whole = await stable(page);
    await page.keyboard.press('Enter');
    await page.locator('#map-count:text-is("40 records are selected.")').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#map-count:text-is("Nothing is selected.")').waitFor();
    await page.locator('#map-point .card').waitFor();
    for (let i = 0; i < 4; ++i) await page.keyboard.press('+');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => /^\d+ records? (is|are) selected/.test(
      document.querySelector('#map-count').textContent));
    const some = parseInt(await page.locator('#map-count').innerText(), 10);
    assert.ok(some > 0 && some <= 24, `${some} in view`);
    // Those of the steps before may still be there.
    await page.waitForFunction((count) =>
      document.querySelectorAll('#map-thumbnails img').length === count, some);
    await page.keyboard.press('Escape');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('-');
    await page.keyboard.press('0');
    assert.ok((await stable(page)).equals(whole), 'the whole map is not what it was');
  });
});

test('a map of the demo can be used by everybody, in light and dark, wide and narrow', async () => {
  const address = await inspect(databaseOf('demo', path.join(PROJECT, 'demo/openclipart.parquet')));
  const query = 'map/?model=mobilenet_v2_1.0_224';
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 360]) {
      const settings = { colorScheme, reducedMotion: 'reduce', viewport: { width, height: 900 } };
      await visit(address + query, async (page) => {
        await settled(page);
        await page.locator('#map-canvas').focus();
        for (let i = 0; i < 5; ++i) await page.keyboard.press('+');
        await page.getByRole('button', { name: 'Select what is in view' }).click();
        await page.locator('#map-cards .card').first().waitFor();
        await accessible(page);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${wide} pixels wide`);
        const { count } = await coloured(page, BLUE);
        assert.ok(count > 50, `${count} pixels`);
        await page.getByRole('button', { name: 'Select nothing' }).click();
        await page.getByRole('button', { name: 'Whole map' }).click();
        await stable(page);
        await shot(page, `map-${colorScheme}-${width}`);
      }, { settings });
    }
  }
});

test('without JavaScript or WebGL it says so', async () => {
  const address = await inspect(databaseOf('without', clustered));
  const says = async (page) => {
    assert.match(await page.locator('#map-needs').innerText(), /needs neither/);
    assert.equal(await page.locator('#map').isVisible(), false);
    await page.getByRole('link', { name: 'list of the same records' }).click();
    await page.waitForURL(`${address}?model=m`);
  };
  await visit(`${address}map/?model=m`, says, { settings: { javaScriptEnabled: false } });
  const args = [...OPTIONS.args, '--disable-3d-apis'];
  const without = await chromium.launch({ ...OPTIONS, args });
  await visit(`${address}map/?model=m`, async (page) => {
    await accessible(page);
    await says(page);
  }, { by: without });
  await without.close();
});

test('the model is asked for, and one that is not there is told', async () => {
  const address = await inspect(databaseOf('models', clustered));
  await visit(`${address}map/`, async (page) => {
    await accessible(page);
    await page.getByLabel('Model').selectOption('m');
    await page.waitForURL(`${address}map/?model=m`);
    await settled(page);
  });
});

test('pictures are shown from where the page allows', async () => {
  const pictures = createServer((request, response) => {
    assert.equal(request.headers.referer, undefined);
    response.setHeader('Content-Type', 'image/gif');
    response.end(Buffer.from(PIXEL.split(',')[1], 'base64'));
  });
  await once(pictures.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${pictures.address().port}`;
  const address = await inspect(databaseOf('pictures', clustered.slice(0, 5).map((record) => ({
    ...record, attributes: { type: 'image', preview: `${origin}/${record.depiction_id}.gif` },
  }))));
  await visit(`${address}map/?model=m`, async (page) => {
    await settled(page);
    await page.getByRole('button', { name: 'Select what is in view' }).click();
    const images = page.locator('#map-cards img');
    await images.nth(4).waitFor();
    for (const image of await images.all()) await image.evaluate((one) => one.decode());
  }, { origins: [origin] });
  pictures.close();
});

test(`${PAYLOADS.length} payloads stay text on a map`, async () => {
  const short = (text) => [...text].slice(0, 60).join('').replace(/[\0-\x1f\x7f]/g, ' ');
  const fields = ['subject_title', 'subject_creditline', 'provider_name', 'subject_url', 'preview'];
  const records = PAYLOADS.map((payload, number) => ({
    ...clustered[0], provider: short(payload), depiction_id: `${short(payload)} ${number}`,
    subject_id: short(payload), embeddings: [1, number / 1000, 0],
    attributes: { type: number % 2 === 0 ? 'image' : 'text',
      ...Object.fromEntries(fields.map((field) => [field, payload])) },
  }));
  const address = await inspect(databaseOf('hostile', records));
  await visit(`${address}map/?model=m`, async (page) => {
    await settled(page);
    await page.getByRole('button', { name: 'Select what is in view' }).click();
    for (let shown = 24; shown < PAYLOADS.length; shown += 24) {
      await page.locator('#map-cards .card').nth(shown - 1).waitFor();
      await page.getByRole('button', { name: 'Show more' }).click();
    }
    await page.locator('#map-cards .card').nth(PAYLOADS.length - 1).waitFor();
    const state = await page.evaluate(() => ({
      ran: globalThis.__xss ?? null,
      elements: document.querySelectorAll('iframe, object, embed, svg, math, style, base').length,
      scripts: document.querySelectorAll('script').length,
      handlers: [...document.querySelectorAll('*')].flatMap((one) => [...one.attributes])
        .filter(({ name }) => name.startsWith('on')).length,
      schemes: [...document.querySelectorAll('a, form')]
        .map((one) => new URL(one.href ?? one.action).protocol)
        .filter((scheme) => !/^https?:$/.test(scheme)),
    }));
    assert.deepEqual(state, { ran: null, elements: 0, scripts: 2, handlers: 0, schemes: [] });
    const titles = await page.locator('#map-cards .title').allTextContents();
    assert.deepEqual(titles.sort(), [...PAYLOADS].sort());
    assert.equal((await downloaded(page)).length, PAYLOADS.length);
  });
  const page = await browser.newPage();
  for (const payload of PAYLOADS.filter((_, number) => number % 5 === 0)) {
    const text = encodeURIComponent(payload);
    await page.goto(`${address}map/?model=${text}&provider=${text}`);
    assert.equal(await page.evaluate(() => globalThis.__xss ?? null), null, payload);
    assert.equal(await page.locator('h1').count(), 1, payload);
  }
  await page.close();
});

// Canaries: an empty map has no colours, and what is no map is refused.
test('nothing that is drawn, and bytes that are no map, are noticed', async () => {
  const source = read('web/inspector/javascript/map_data.js');
  const data = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  assert.throws(() => data.parseMap(new ArrayBuffer(40)), /another version/);
  const address = await inspect(databaseOf('canary', clustered));
  const bytes = async () => {
    for (;;) {
      const response = await fetch(`${address}api/map/?model=m&after=pca`);
      if (response.status === 200) return response.arrayBuffer();
      assert.equal(response.status, 202);
    }
  };
  const buffer = await bytes();
  const map = data.parseMap(buffer);
  assert.deepEqual([map.stage, map.count, map.total, map.names], ['neighbours', 90, 90,
    ['a', 'b', 'c']]);
  assert.deepEqual([0, 1, 2].map((name) => map.providers.filter((one) => one === name).length),
    [40, 30, 20]);
  assert.throws(() => data.parseMap(buffer.slice(0, -1)), /cut off/);
  const points = data.fitted(map.points);
  assert.ok(points.every((value) => Math.abs(value) <= 1.000001));
  const square = [[0, 0], [2, 0], [2, 2], [0, 2]];
  assert.ok(data.inside(square, 1, 1) && !data.inside(square, 3, 1) && !data.inside([], 0, 0));
  assert.equal(data.nearest(Float32Array.of(0, 0, 1, 0), () => true, [0.9, 0], 0.5), 1);
  assert.equal(data.nearest(Float32Array.of(0, 0, 1, 0), (i) => i === 0, [0.9, 0], 0.5), -1);

  await visit(`${address}map/?model=m`, async (page) => {
    await settled(page);
    for (const name of ['a (40)', 'b (30)', 'c (20)']) await page.getByLabel(name).uncheck();
    assert.equal((await coloured(page, BLUE)).count, 0);
  });
});
