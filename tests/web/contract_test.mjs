// SPDX-License-Identifier: BSD-3-Clause
//
// What oembeddings_validate() promises: what it resolves to and rejects with, whatever it is given,
// and that a call that breaks off does no harm to the next. Needs node --expose-gc.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import {
  GOOD, PROJECT, SCRIPT, SITE, blocksOfPage, load, native, require, watched,
} from './support.mjs';

const LIMIT = 1024 * 1024;
const good = JSON.stringify(GOOD);
const validate = load();

/** A valid document of exactly so many bytes. */
const ofBytes = (bytes) => JSON.stringify({ ...GOOD, x: 'x'.repeat(bytes - good.length - 7) });

/** The reason of a rejection, which has to be a string. */
async function rejection(promise) {
  const reason = await promise.then(
    (value) => assert.fail(`resolved to ${JSON.stringify(value)}`),
    (why) => why,
  );
  assert.equal(typeof reason, 'string');
  return reason;
}

test('a valid document resolves to an empty string', async () => {
  const promise = validate(good);
  assert.equal(typeof promise.then, 'function');
  assert.equal(await promise, '');
  assert.equal(await validate(` ${JSON.stringify(GOOD, null, 2)}\r\n`), '');
});

test('an invalid document rejects with a string', async () => {
  const { subject_url: _, ...rest } = GOOD;
  for (const [json, why] of [
    [JSON.stringify(rest), 'subject_url is missing'],
    [JSON.stringify({ ...GOOD, provider_name: '', type: 'x' }),
      'type is "x", it must be "image" or "text"; ' +
        'provider_name is empty, it must have at least 1 character'],
    ['[]', 'the document is an array, it must be an object'],
    ['', 'JSON is malformed at byte 1, near ""'],
    ['{"type":', 'JSON is malformed at byte 9, near "\\"type\\":"'],
    [`\ufeff${good}`, 'JSON is malformed at byte 1, near a byte order mark'],
  ]) {
    assert.equal(await rejection(validate(json)), `Failed to validate input, ${why}\n`);
  }
});

test('problems() has warnings too and never rejects for what is in a document', async () => {
  assert.deepEqual([...await validate.problems(good)], []);
  const [problem, ...more] = await validate.problems(
    JSON.stringify({ ...GOOD, subject_url: '/objects/2' }),
  );
  assert.deepEqual(more, []);
  assert.deepEqual({ ...problem }, {
    severity: 'warning',
    rule: 'uri',
    field: 'subject_url',
    message: 'subject_url "/objects/2" is no URI: it has no scheme, as in https://example.org/',
  });
  assert.equal((await validate.problems('[')).length, 1);
});

test('the documents of the page', async () => {
  const [first, second] = blocksOfPage('json');
  assert.equal(await validate(first), '');
  const said = (await validate.problems(second)).map((p) => `${p.severity}: ${p.message}\n`);
  assert.ok(blocksOfPage('text')[0].startsWith(`${said.join('')}\n`), said.join(''));
});

test('no other argument is taken for a document', async () => {
  for (const [argument, what] of [
    [undefined, 'of type undefined'], [null, 'null'], [5, 'of type number'],
    [GOOD, 'of type object'], [[good], 'of type object'], [new String(good), 'of type object'],
    [Buffer.from(good), 'of type object'], [() => good, 'of type function'],
    [Symbol('x'), 'of type symbol'], [5n, 'of type bigint'],
  ]) {
    const reason = `Failed to validate input, the argument is ${what}, it must be a string\n`;
    assert.equal(await rejection(validate(argument)), reason);
    assert.equal(await rejection(validate.problems(argument)), reason);
  }
});

test('1 MiB is checked and one byte more is not', async () => {
  assert.equal(ofBytes(LIMIT).length, LIMIT);
  assert.equal(await validate(ofBytes(LIMIT)), '');
  const reason = 'Failed to validate input, JSON is longer than the limit of 1048576 bytes\n';
  // Of the first half a million characters, each has three bytes.
  for (const json of [ofBytes(LIMIT + 1), `"${'\u20ac'.repeat(LIMIT / 2)}"`]) {
    assert.equal(await rejection(validate(json)), reason);
  }
  assert.equal(await rejection(validate(' '.repeat(64 * LIMIT))), reason);
});

test('deep nesting is refused, whatever the depth', async () => {
  const reason = 'Failed to validate input, JSON is nested deeper than the limit of 32 levels\n';
  for (const depth of [32, 33, 10000, LIMIT / 8]) {
    for (const [open, close] of [['[', ']'], ['{"a":', '}']]) {
      const rest = good.slice(1);
      const json = `{"x":${open.repeat(depth)}1${close.repeat(depth)},${rest}`;
      assert.equal(await rejection(validate(json)), reason);
    }
  }
  assert.equal(await validate(`{"x":${'['.repeat(31)}${']'.repeat(31)},${good.slice(1)}`), '');
});

test('half of a surrogate pair is a warning, as bytes that are no UTF-8 are', async () => {
  const documents = ['\ud800', '\udc1f\ud83d', 'a\ud800b\udfffc', '\u{1f41f}\ud83d'].flatMap(
    (text) => [`{"subject_title":"${text}",${good.slice(1)}`, `${good}${text}`, `"\\${text}"`],
  );
  const expected = native(documents);
  for (const [i, json] of documents.entries()) {
    assert.equal(JSON.stringify(await validate.problems(json)), JSON.stringify(expected[i]), json);
  }
  assert.equal(expected[0][0].rule, 'unicode');
  assert.equal(await validate(documents[0]), '');
});

test('the module imports nothing', () => {
  const module = new WebAssembly.Module(readFileSync(path.join(SITE, 'oembeddings_validate.wasm')));
  assert.deepEqual(WebAssembly.Module.imports(module), []);
});

/** How much larger 10,000 calls make the module's memory and Node's heap. */
async function growth(change) {
  const { cores, WebAssembly } = watched();
  const watchedValidate = load(change, { WebAssembly });
  const documents = [
    good, '{}', '[', ofBytes(20000), '"\ud800"', `${good}x`, `{"subject_titel":"",${good.slice(1)}`,
  ];
  const run = async (calls) => {
    for (let i = 0; i < calls; ++i) {
      await watchedValidate(documents[i % documents.length]).catch(() => {});
    }
    globalThis.gc();
    return { module: cores[0].memory.buffer.byteLength, heap: process.memoryUsage().heapUsed };
  };
  const before = await run(2000);
  const after = await run(10000);
  assert.equal(cores.length, 1);
  return { module: after.module - before.module, heap: after.heap - before.heap };
}

test('memory stays as it is over 10,000 calls', async () => {
  const { module, heap } = await growth();
  assert.equal(module, 0);
  assert.ok(heap < LIMIT, `${heap} bytes more`);
});

test('canary: memory that is not given back is found', async () => {
  const { module } = await growth((script) => script.replace('core.free(answer);', ''));
  assert.ok(module > 0);
});

/** Takes all memory of an instance but a block of so many bytes. */
function starve(core, left) {
  const block = left > 0 ? core.malloc(left) : 0;
  for (let size = LIMIT; size >= 8; size /= 2) {
    while (core.malloc(size) !== 0);
  }
  if (block !== 0) core.free(block);
}

test('a call that runs out of memory rejects, and the next one is as if nothing was', async () => {
  const { cores, WebAssembly } = watched();
  const starved = load(undefined, { WebAssembly });
  await starved(good);
  for (const [left, json, why] of [
    [0, good, /out of memory/], // none for the document
    [300000, `"${'\ud800'.repeat(200000)}"`, /unreachable/], // a trap: none for a copy of it
  ]) {
    starve(cores.at(-1), left);
    const before = cores.length;
    // The second call is on its way already when the first breaks off.
    const calls = [starved(json), starved(good)];
    const reason = await rejection(calls[0]);
    assert.match(reason, /^Failed to validate input, the validator broke off and starts anew: /);
    assert.match(reason, why);
    assert.ok(reason.endsWith('\n'));
    assert.equal(await calls[1], '');
    assert.equal(await starved(good), '');
    assert.match(await rejection(starved('{}')), /type is missing/);
    assert.equal(cores.length, before + 1);
  }
});

test('canary: without a new instance the next call would fail', async () => {
  const { cores, WebAssembly } = watched();
  const kept = /core\.broken = true;\s+running = undefined;/;
  const stubborn = load((script) => script.replace(kept, ''), { WebAssembly });
  await stubborn(good);
  starve(cores[0], 0);
  await rejection(stubborn(good));
  await rejection(stubborn(good));
});

test('without WebAssembly, or memory for it, it says so, and tries again', async () => {
  const none = load(undefined, { WebAssembly: undefined });
  const reason = await rejection(none(good));
  assert.match(reason, /^Failed to validate input, WebAssembly does not start: .+\n$/);

  let refusals = 2;
  const { compile } = WebAssembly;
  const instantiate = async (module) => {
    if (refusals-- > 0) throw new RangeError('no memory');
    return WebAssembly.instantiate(module);
  };
  const late = load(undefined, { WebAssembly: { compile, instantiate } });
  assert.match(await rejection(late(good)), /does not start: no memory\n$/);
  assert.match(await rejection(late(good)), /does not start: no memory\n$/);
  assert.equal(await late(good), '');
});

test('require, import and the example of the page', async () => {
  assert.equal(require(SCRIPT), globalThis.oembeddings_validate);
  assert.equal((await import(SCRIPT)).default, globalThis.oembeddings_validate);
  assert.equal(await globalThis.oembeddings_validate(good), '');

  const [script] = blocksOfPage('js');
  const run = spawnSync(process.execPath, ['-'], { input: script, cwd: PROJECT, encoding: 'utf8' });
  assert.equal(run.stderr, '');
  assert.equal(run.stdout, blocksOfPage('text')[1]);
});
