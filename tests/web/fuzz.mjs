// SPDX-License-Identifier: BSD-3-Clause
//
// Fuzzes the WebAssembly validator: documents by chance, and pieces of those at which the native
// fuzzer reached new code put together. What it says has to be what the native validator says.
//   node tests/web/fuzz.mjs SECONDS FOLDER...   of this process's processor time
// Prints the seed, and ends with 1 and the document when the two differ.
import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

import { Documents, lineOf } from './documents.mjs';
import { disagreement, load, native } from './support.mjs';

const BATCH = 5000;
const MAX_CHARACTERS = 32768;

/** Every file of the folders, a character a byte. */
export function corpusOf(folders) {
  const files = folders.flatMap((folder) =>
    readdirSync(folder).map((name) => path.join(folder, name)));
  return files.map((file) => readFileSync(file, 'latin1').slice(0, MAX_CHARACTERS));
}

/** The start of one and the end of another, at times with a piece by chance between. */
function spliced(source, corpus) {
  const [first, last] = [source.oneOf(corpus), source.oneOf(corpus)];
  const between = source.pick(2) === 0 ? source.next().slice(0, source.pick(64)) : '';
  const end = source.pick(4) === 0 ? source.pick(last.length + 1) : first.length;
  return first.slice(0, source.pick(first.length + 1)) + between + last.slice(end);
}

/** `many` lines that are not blank, which the native tool takes as JSON lines. */
export function batchOf(source, corpus, many) {
  return Array.from({ length: many }, () => {
    if (corpus.length === 0 || source.pick(4) === 0) return source.next();
    return lineOf(utf8(spliced(source, corpus)));
  });
}

/** Bytes as the text they are; a byte that is no UTF-8 becomes half of a surrogate pair. */
function utf8(latin1) {
  const text = Buffer.from(latin1, 'latin1').toString('utf8');
  return text.replaceAll('\ufffd', '\udcff');
}

/** Seconds of the processor that this process has had. */
function spent() {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return (userCPUTime + systemCPUTime) / 1e6;
}

async function main([seconds, ...folders]) {
  const seed = Date.now() >>> 0;
  console.error(`seed ${seed}`);
  const source = new Documents(seed);
  const corpus = corpusOf(folders);
  const validate = load();
  let documents = 0;
  while (spent() < Number(seconds)) {
    const batch = batchOf(source, corpus, BATCH);
    const difference = await disagreement(validate, batch, native(batch));
    documents += batch.length;
    if (difference !== null) {
      console.log(JSON.stringify(difference));
      process.exit(1);
    }
  }
  console.error(`${documents} documents in ${spent().toFixed(0)} s of the processor`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv.slice(2));
