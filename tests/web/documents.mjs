// SPDX-License-Identifier: BSD-3-Clause
//
// Documents by chance: most of them nearly right, some hardly JSON. Each is one line that is not
// blank, so that the native tool takes it as JSON lines.
import { GOOD } from './support.mjs';

const NAMES = [...Object.keys(GOOD), 'depiction_url'];
const ODD_NAMES = [
  'subject_tile', 'Type', 'preveiw', 'provider', 'subject_credit', 'x', '__proto__',
];
const TEXTS = [
  '', ' ', 'image', 'text', 'Image', 'x', 'x:y', 'a b', 'https://example.org/', '/objects/1',
  'https://example.org/a b', 'https://[::1]/', 'http://exa<mple', 'x-sfomuseum:object:1', '%zz:',
  'https://example.org/%zz', '\u00e9', '\u{1f41f}', '\u0000', 'a\u0000b', '\u001b[2J', '\u2028',
  '\ud800', 'a\udfffb', '\ufeff', 'e\u0301', '\uffff', 'x'.repeat(81), '\u00e9'.repeat(60),
];
const PIECES = [
  '"', '\\', '{', '}', '[', ']', ',', ':', '0', '-', '.', 'e', '1e999', '\\u', '\\ud800', '\\udc00',
  '\\ud83d\\udc1f', '\\u0000', '\u0000', '\t', '\u0001', '\u007f', '\u00a0', '\ud800', '\udc00',
  '\ufeff', 'null', 'true', '/', '\\x', '\u{1f41f}',
];

/** A text as one line that is not blank. */
export function lineOf(text) {
  const line = text.replace(/[\r\n]/g, ' ');
  return /[^ \t]/.test(line) ? line : `${line}x`;
}

export class Documents {
  #state;
  constructor(seed) {
    this.#state = seed >>> 0;
  }

  next() {
    let text = this.#json(this.pick(50) === 0 ? this.#value(3) : this.#object());
    if (this.pick(20) === 0) text = this.#twice(text);
    if (this.pick(4) === 0) text = this.#damage(text);
    if (this.pick(100) === 0) text = this.#nested(text);
    return lineOf(text);
  }

  /** mulberry32 */
  #random() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  /** A whole number from 0 to below `many`. */
  pick(many) {
    return Math.floor(this.#random() * many);
  }

  oneOf(list) {
    return list[this.pick(list.length)];
  }

  #object() {
    const document = {};
    for (const name of NAMES) {
      if (this.pick(12) !== 0) {
        document[name] = name === 'depiction_url' ? 'https://example.org/2' : GOOD[name];
        if (name === 'type' && this.pick(2) === 0) document[name] = 'text';
      } else if (this.pick(2) === 0) {
        document[name] = this.#value(2);
      }
    }
    if (this.pick(3) === 0) document[this.oneOf(ODD_NAMES)] = this.#value(2);
    return document;
  }

  #value(levels) {
    const kind = this.pick(levels > 0 ? 10 : 8);
    if (kind < 5) return this.pick(60) === 0 ? this.#long() : this.oneOf(TEXTS);
    if (kind < 8) return this.oneOf([0, -1, 1.5, 1e300, 1e-300, 2 ** 53, true, false, null]);
    if (kind === 8) return Array.from({ length: this.pick(4) }, () => this.#value(levels - 1));
    return Object.fromEntries([[this.oneOf(NAMES), this.#value(levels - 1)]]);
  }

  /** About as long as an attribute may be. */
  #long() {
    return this.oneOf(['x', '\u00e9', 'x:']).repeat(24 * 1024 - 1 + this.pick(3));
  }

  /** As JSON.stringify does, but with halves of surrogate pairs as they are at times. */
  #json(value) {
    const text = JSON.stringify(value);
    if (this.pick(2) === 0) return text;
    return text.replace(/\\u(d[89a-f]..)/g, (_, unit) => String.fromCharCode(parseInt(unit, 16)));
  }

  /** With a field that comes again. */
  #twice(text) {
    const field = `"${this.oneOf(NAMES)}":${JSON.stringify(this.#value(0))}`;
    return text.startsWith('{"') ? `{${field},${text.slice(1)}` : text;
  }

  #damage(text) {
    for (let times = 1 + this.pick(3); times > 0; --times) {
      const at = this.pick(text.length + 1);
      const removed = this.pick(3) === 0 ? this.pick(4) : 0;
      const added = this.pick(4) === 0 ? '' : this.oneOf(PIECES);
      text = text.slice(0, at) + added + text.slice(at + removed);
    }
    return text;
  }

  /** Around the depth that is too deep. */
  #nested(text) {
    const levels = 29 + this.pick(6);
    const inner = `${'['.repeat(levels)}1${']'.repeat(levels)}`;
    return text.startsWith('{"') ? `{"deep":${inner},${text.slice(1)}` : inner;
  }
}
