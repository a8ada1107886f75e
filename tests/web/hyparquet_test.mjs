// SPDX-License-Identifier: BSD-3-Clause
//
// Parquet between us and JavaScript: hyparquet reads what we write, and we read what
// hyparquet-writer writes, value for value.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { parquetWriteBuffer } from 'hyparquet-writer';

import { BIN } from './support.mjs';

const TEXTS = [
  '', 'plain', '\u00e9\u2028"\\<&>', '\u{1d11e}'.repeat(40), 'tab\tand\nline', 'null', '{"a":1}',
];
const DIMENSION = 96;

const folder = mkdtempSync(path.join(os.tmpdir(), 'embeddingsdb-hyparquet-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const place = (name) => path.join(folder, name);

/** A record in go-embeddingsdb's JSON, like no other. */
function record(number) {
  const text = TEXTS[number % TEXTS.length];
  const name = [...text].slice(0, 9).join('').replace(/[\t\n]/g, '');
  return {
    provider: `p${number % 3}`,
    depiction_id: `d${number}`,
    subject_id: number % 5 === 0 ? '' : `s${name}`,
    model: 'm',
    embeddings: Array.from({ length: DIMENSION }, (_, i) => Math.fround(Math.sin(number + i) / 3)),
    created: 1700000000 + number * 1e9,
    attributes: number % 4 === 0 ? null : { title: text, [`key ${name}`]: 'x' },
  };
}
const RECORDS = Array.from({ length: 3000 }, (_, number) => record(number));

function tool(name, args, input = '') {
  const run = spawnSync(path.join(BIN, name), args, { input, maxBuffer: 1 << 28 });
  assert.equal(run.status, 0, run.stderr.toString());
  return run.stdout.toString('utf8');
}

const byId = (a, b) => (a.depiction_id < b.depiction_id ? -1 : 1);

/** What parquet-emit reads, with numbers as float32, in an order of its own. */
const emitted = (file) => tool('parquet-emit', [file]).trimEnd().split('\n')
  .map((line) => JSON.parse(line))
  .map((row) => ({ ...row, embeddings: row.embeddings.map(Math.fround) }))
  .sort(byId);

/** A value of a column of the type map, as an object. */
const mapped = (map) => Object.fromEntries(Array.isArray(map)
  ? map.map(({ key, value }) => [key, value]) : Object.entries(map ?? {}));
const orNull = (attributes) => (Object.keys(attributes).length === 0 ? null : attributes);

const exported = () => {
  const database = ['-database-uri', `sqlite://?dsn=${place('a.db')}`];
  const lines = RECORDS.map((row) => `${JSON.stringify(row)}\n`).join('');
  tool('embeddingsdb-client', ['add', ...database, '-record', '-'], lines);
  tool('parquet-export', [...database, '-output', place('ours.parquet')]);
  return place('ours.parquet');
};

/** Which record is the first that is not as expected, or null. */
function difference(found, expected) {
  const length = Math.max(found.length, expected.length);
  for (let i = 0; i < length; ++i) {
    if (!isDeepStrictEqual(found[i], expected[i])) {
      return { number: i, found: found[i], expected: expected[i] };
    }
  }
  return null;
}

test('hyparquet reads what we write', async () => {
  const bytes = readFileSync(exported());
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const rows = await parquetReadObjects({ file, compressors });
  const read = rows.map((row) => ({
    ...row,
    created: Number(row.created),
    embeddings: [...row.embeddings],
    attributes: orNull(mapped(row.attributes)),
  })).sort(byId);
  assert.equal(difference(read, [...RECORDS].sort(byId)), null);
  const pairs = parquetMetadata(file).key_value_metadata;
  const [document] = pairs.filter(({ key }) => key === 'embeddings');
  assert.equal(JSON.parse(document.value).models[0].records, RECORDS.length);
});

const text = (name) => ({ name, type: 'BYTE_ARRAY', converted_type: 'UTF8',
  repetition_type: 'REQUIRED' });
const SCHEMA = [
  { name: 'root', num_children: 7 },
  text('provider'), text('depiction_id'), text('subject_id'), text('model'),
  { name: 'embeddings', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', type: 'FLOAT', repetition_type: 'OPTIONAL' },
  { name: 'created', type: 'INT64', repetition_type: 'REQUIRED' },
  { name: 'attributes', type: 'BYTE_ARRAY', converted_type: 'JSON', repetition_type: 'OPTIONAL' },
];

/** A file of hyparquet-writer. */
function written(name, options = {}) {
  const column = (field, of = (value) => value) =>
    ({ name: field, data: RECORDS.map((row) => of(row[field])) });
  const columnData = [
    ...['provider', 'depiction_id', 'subject_id', 'model', 'embeddings'].map((field) =>
      column(field)),
    column('created', BigInt),
    column('attributes'),
  ];
  const buffer = parquetWriteBuffer({ columnData, schema: SCHEMA, rowGroupSize: 700, ...options });
  writeFileSync(place(name), Buffer.from(buffer));
  return place(name);
}

for (const codec of ['SNAPPY', 'UNCOMPRESSED']) {
  test(`we read what hyparquet-writer writes, ${codec}`, () => {
    const kvMetadata = [{ key: 'k', value: 'v' }];
    const file = written(`theirs-${codec}.parquet`, { codec, kvMetadata });
    assert.equal(difference(emitted(file), [...RECORDS].sort(byId)), null);
    assert.match(tool('parquet-validate', [file]), /valid, 3000 rows read/);
    assert.deepEqual(JSON.parse(tool('parquet-metadata', ['-key-value', file])), { k: 'v' });
  });
}

test('a value that changed would be noticed', () => {
  const changed = structuredClone(RECORDS);
  changed[7].embeddings[3] += 2 ** -20;
  assert.equal(difference(changed, RECORDS).number, 7);
  assert.equal(difference(RECORDS.slice(0, -1), RECORDS).number, RECORDS.length - 1);
});
