// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of the WebAssembly validator share: its files, documents, and the native tool.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import vm from 'node:vm';

export const require = createRequire(import.meta.url);
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
export const SITE = path.join(PROJECT, 'build/wasm');
export const SCRIPT = path.join(SITE, 'oembeddings_validate.js');
export const BIN = process.env.EDB_BIN ?? path.join(PROJECT, 'build/dev/bin');

export const GOOD = {
  type: 'image',
  preview: 'data:image/png;base64,iVBORw0KGgo=',
  subject_url: 'https://example.org/objects/2',
  subject_title: 'Red Fishes',
  subject_creditline: '',
  provider_name: 'Example Museum',
  provider_url: 'https://example.org/',
};

export const read = (...parts) => readFileSync(path.join(PROJECT, ...parts), 'utf8');

/** The blocks of a language in docs/oembeddings.md. */
export function blocksOfPage(language) {
  const page = read('docs/oembeddings.md');
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return [...page.matchAll(fence)].map((block) => block[1]);
}

/**
 * The validator as a page would have it, in a world with nothing but what browsers and Node both
 * have. `change` may alter the text of the script, `replaced` the globals.
 */
export function load(change = (script) => script, replaced = {}) {
  const { TextEncoder, TextDecoder, WebAssembly, atob } = globalThis;
  const world = vm.createContext({ TextEncoder, TextDecoder, WebAssembly, atob, ...replaced });
  vm.runInContext(change(readFileSync(SCRIPT, 'utf8')), world);
  return world.oembeddings_validate;
}

/** WebAssembly that remembers the exports of each instance that is made. */
export function watched() {
  const cores = [];
  const instantiate = async (...args) => {
    const instance = await WebAssembly.instantiate(...args);
    cores.push(instance.exports);
    return instance;
  };
  return { cores, WebAssembly: { compile: WebAssembly.compile, instantiate } };
}

/** What the validator does with its WebAssembly module, once `patch` has changed the bytes. */
export function patched(patch) {
  return (script) =>
    script.replace(/(const WASM = ')([^']+)'/, (_, before, text) => {
      const module = patch(Buffer.from(text, 'base64').toString('latin1'));
      return `${before}${Buffer.from(module, 'latin1').toString('base64')}'`;
    });
}

/** Bytes of a document; half of a surrogate pair is a byte that is no UTF-8. */
export function bytesOf(text) {
  const parts = text.split(/\p{Surrogate}/u).map((part) => Buffer.from(part));
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [Buffer.of(0xff), part])));
}

/** What `embeddingsdb oembeddings validate` finds in each of these documents, in one run. */
export function native(documents) {
  const lines = documents.flatMap((document) => [bytesOf(document), Buffer.from('\n')]);
  const args = ['oembeddings', 'validate', '-format', 'jsonl', '-output', 'json', '-'];
  const run = spawnSync(path.join(BIN, 'embeddingsdb'), args, {
    input: Buffer.concat(lines),
    maxBuffer: 1 << 30,
  });
  const printed = run.stdout.toString('utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  const count = printed.pop();
  if (count.documents !== documents.length) {
    throw new Error(`${documents.length} documents, of which it saw ${count.documents}`);
  }
  const found = documents.map(() => []);
  for (const { line, ...problem } of printed) found[line - 1].push(problem);
  return found;
}

export const isValid = (problems) => problems.every(({ severity }) => severity !== 'error');

/** The first document of which WebAssembly says what is not `expected`, with both answers. */
export async function disagreement(validate, documents, expected) {
  for (const [i, document] of documents.entries()) {
    const problems = await validate.problems(document);
    if (JSON.stringify(problems) !== JSON.stringify(expected[i])) {
      return { document, wasm: problems, native: expected[i] };
    }
    const said = await validate(document).then(() => '', (error) => error);
    const errors = problems.filter((problem) => problem.severity === 'error');
    const messages = errors.map((error) => error.message).join('; ');
    if (said !== (messages && `Failed to validate input, ${messages}\n`)) {
      return { document, wasm: said, native: messages };
    }
  }
  return null;
}
