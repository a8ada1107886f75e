// SPDX-License-Identifier: BSD-3-Clause
//
// Defines oembeddings_validate(json), as a <script> in browsers and with require() or import in
// Node. scripts/build-wasm puts the WebAssembly module in; nothing else is loaded.
(() => {
  'use strict';

  const WASM = '@WASM_BASE64@';
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  // Strings may hold halves of surrogate pairs, for which UTF-8 has no bytes.
  const HALF_OF_A_PAIR = /\p{Surrogate}/u;
  const NO_UTF8 = 0xff;

  let compiled; // promise of the module
  let running; // promise of { exports, broken } of its instance

  const failure = (why) => `Failed to validate input, ${why}\n`;

  async function startInstance() {
    compiled ??= WebAssembly.compile(Uint8Array.from(atob(WASM), (c) => c.charCodeAt(0)));
    const { exports } = await WebAssembly.instantiate(await compiled);
    exports._initialize();
    return { exports, broken: false };
  }

  /** The instance, made anew when there is none or something went wrong in it. */
  async function start() {
    running ??= startInstance();
    const mine = running;
    try {
      return await mine;
    } catch (error) {
      if (mine === running) running = undefined;
      throw failure(`WebAssembly does not start: ${error.message}`);
    }
  }

  /** UTF-8, with a byte that is none in the place of each half of a surrogate pair. */
  function bytesOf(text) {
    if (!HALF_OF_A_PAIR.test(text)) return encoder.encode(text);
    const parts = text.split(HALF_OF_A_PAIR).map((part) => encoder.encode(part));
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length + 1, -1));
    let at = 0;
    parts.forEach((part, i) => {
      if (i > 0) bytes[at++] = NO_UTF8;
      bytes.set(part, at);
      at += part.length;
    });
    return bytes;
  }

  function ask(core, json) {
    const bytes = bytesOf(json.slice(0, core.oembeddings_max_bytes() + 1));
    const document = core.malloc(bytes.length + 1);
    if (document === 0) throw new RangeError('out of memory');
    new Uint8Array(core.memory.buffer, document, bytes.length).set(bytes);
    const answer = core.oembeddings_problems(document, bytes.length);
    if (answer === 0) throw new RangeError('out of memory');
    const memory = new Uint8Array(core.memory.buffer);
    const text = decoder.decode(memory.subarray(answer, memory.indexOf(0, answer)));
    core.free(answer);
    core.free(document);
    return JSON.parse(text);
  }

  /** Promise of all problems, warnings too: [{severity, rule, field, message}]. */
  async function problems(json) {
    if (typeof json !== 'string') {
      const what = json === null ? 'null' : `of type ${typeof json}`;
      throw failure(`the argument is ${what}, it must be a string`);
    }
    let core;
    do core = await start();
    while (core.broken); // by another call, while this one waited
    try {
      return ask(core.exports, json);
    } catch (error) {
      core.broken = true;
      running = undefined;
      throw failure(`the validator broke off and starts anew: ${error.message}`);
    }
  }

  /** Promise that resolves to "" when the document is valid, else rejects with a string. */
  async function oembeddings_validate(json) {
    const errors = (await problems(json)).filter((problem) => problem.severity === 'error');
    if (errors.length > 0) throw failure(errors.map((error) => error.message).join('; '));
    return '';
  }

  oembeddings_validate.problems = problems;
  globalThis.oembeddings_validate = oembeddings_validate;
  if (typeof module === 'object') module.exports = oembeddings_validate;
})();
