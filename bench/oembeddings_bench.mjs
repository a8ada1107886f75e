// SPDX-License-Identifier: BSD-3-Clause
//
// Checking OEmbeddings in WebAssembly: documents a second, one call each, in Node. The documents
// are those of oembeddings_bench. Exits with 1 when it is fewer than 10,000 a second.
//
//   node bench/oembeddings_bench.mjs BIN [SECONDS]      BIN has parquet-emit in it
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const BAR = 10000;
const project = fileURLToPath(new URL('..', import.meta.url));
const [bin, seconds = '1'] = process.argv.slice(2);
const validate = createRequire(import.meta.url)(
  path.join(project, 'build/wasm/oembeddings_validate.js'),
);

const collection = path.join(project, 'demo/openclipart.parquet');
const emitted = execFileSync(path.join(bin, 'parquet-emit'), [collection], {
  maxBuffer: 1 << 30,
  encoding: 'utf8',
});
const documents = emitted.trimEnd().split('\n').map((line) => {
  return JSON.stringify(JSON.parse(line).attributes);
});
const bytes = documents.reduce((sum, document) => sum + document.length, 0);
const average = Math.round(bytes / documents.length);
console.log(`${documents.length} documents of ${average} bytes on average`);

let checked = 0;
let spent = 0;
const start = performance.now();
while (spent < Number(seconds) * 1000) {
  for (const document of documents) await validate(document);
  checked += documents.length;
  spent = performance.now() - start;
}
const rate = (checked / spent) * 1000;
console.log(`WebAssembly ${Math.round(rate)} documents/s`);
process.exitCode = rate >= BAR ? 0 : 1;
