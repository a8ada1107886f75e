// SPDX-License-Identifier: BSD-3-Clause
//
// 10,000 documents by chance, on which the WebAssembly validator has to say word for word what the
// native one says, with the verdict that others reach with the JSON Schema. EDB_SEED makes others.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import { Documents } from './documents.mjs';
import { batchOf, corpusOf } from './fuzz.mjs';
import {
  PROJECT, disagreement, isValid, load, native, patched, read, require,
} from './support.mjs';

const SEED = Number(process.env.EDB_SEED ?? 20261122);
const MANY = 10000;
const MAX_DEPTH = 32;
const SCHEMA = JSON.parse(read('schema/oembeddings.schema.json'));

const source = new Documents(SEED);
const documents = Array.from({ length: MANY }, () => source.next());
const expected = native(documents);

/** The verdict of a common JSON Schema validator, within the documented limits of `json`. */
function bySchema(schema) {
  const Ajv = require('ajv').default;
  // go-embeddingsdb's validator does not look at formats either.
  const accepts = new Ajv({ strict: false, validateFormats: false }).compile(schema);
  return (text) => {
    let value;
    try {
      value = JSON.parse(text);
    } catch {
      return false;
    }
    const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
    let depth = 0;
    for (const c of bare) {
      depth += '[{'.includes(c) ? 1 : ']}'.includes(c) ? -1 : 0;
      if (depth > MAX_DEPTH) return false;
    }
    const numbers = bare.match(/-?\d[-+.\deE]*/g) ?? [];
    return numbers.every((number) => Number.isFinite(Number(number))) && accepts(value);
  };
}

/** The first document that a schema and the native validator do not judge alike. */
function differentBySchema(schema) {
  const accepts = bySchema(schema);
  return documents.find((text, i) => accepts(text) !== isValid(expected[i]));
}

test('the documents are of all kinds', () => {
  const rules = new Set(expected.flat().map((problem) => problem.rule));
  assert.deepEqual(
    [...rules].sort(),
    ['json', 'not-empty', 'object', 'once', 'required', 'storable', 'string', 'type', 'unicode',
      'uri'],
  );
  const valid = expected.filter(isValid).length;
  assert.ok(valid > MANY / 5 && valid < (MANY * 4) / 5, `${valid} are valid`);
  const deep = expected.flat().filter((problem) => problem.message.includes('nested deeper'));
  assert.ok(deep.length > 10, `${deep.length} are too deep`);
});

test('WebAssembly says what the native validator says', async () => {
  assert.deepEqual(await disagreement(load(), documents, expected), null);
});

test('so it does about pieces of documents put together, as scripts/fuzz does', async () => {
  const corpus = corpusOf([path.join(PROJECT, 'tests/fuzz/seeds/oembeddings')]);
  const batch = batchOf(new Documents(SEED), corpus, 2000);
  const judged = native(batch);
  assert.equal(await disagreement(load(), batch, judged), null);
  const other = load(patched((module) => module.replaceAll('JSON', 'JSOM')));
  assert.notEqual(await disagreement(other, batch, judged), null);
});

test('the JSON Schema gives the same verdict', () => {
  assert.equal(differentBySchema(SCHEMA), undefined);
});

test('canary: a validator with other rules or other words is found', async () => {
  for (const [from, to] of [
    ['provider_url', 'provider_uri'], // another verdict
    [' is empty, it must have', ' is empty, it should be'], // another sentence
  ]) {
    let found = 0;
    const other = patched((module) => module.replaceAll(from, () => (++found, to)));
    const difference = await disagreement(load(other), documents, expected);
    assert.ok(found > 0, `${from} is not in the module`);
    assert.notEqual(difference, null, from);
  }
});

test('canary: a schema with other rules is found', () => {
  const required = SCHEMA.required.filter((name) => name !== 'provider_name');
  assert.notEqual(differentBySchema({ ...SCHEMA, required }), undefined);
});
