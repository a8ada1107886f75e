// SPDX-License-Identifier: BSD-3-Clause
//
// Draws points with WebGL, through npm's ogl, and knows which part of the map is in view.
import { Geometry } from './ogl/core/Geometry.js';
import { Program } from './ogl/core/Program.js';
import { Renderer } from './ogl/core/Renderer.js';

// After Okabe and Ito's, which people with any colour vision tell apart; as dark or light as shows
// on light and dark pages alike (3:1). The last is for the rest. Those of css/map.css.
export const COLOURS = [
  [0x0a, 0x78, 0xbd], [0xd5, 0x5e, 0x00], [0x00, 0x8f, 0x68], [0xb8, 0x60, 0x9a],
  [0xa0, 0x78, 0x00], [0x8a, 0x6f, 0xd1], [0x1f, 0x8a, 0xa8], [0x7a, 0x7a, 0x85],
];

const VERTEX = `
  attribute vec2 position;
  attribute vec2 before;
  attribute float look;
  uniform vec2 middle;
  uniform vec2 scale;
  uniform float size;
  uniform float moved;
  uniform vec3 colours[${COLOURS.length}];
  varying vec4 colour;
  void main() {
    vec2 place = mix(before, position, moved);
    gl_Position = vec4((place - middle) * scale, 0.0, 1.0);
    float chosen = step(8.0, look);
    int index = int(look - 8.0 * chosen + 0.5);
    colour = vec4(colours[0], 1.0);
    for (int i = 1; i < ${COLOURS.length}; ++i) {
      if (i == index) colour = vec4(colours[i], 1.0);
    }
    gl_PointSize = size * (1.0 + 0.8 * chosen);
    if (look < 0.0) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  }`;
const FRAGMENT = `
  precision mediump float;
  varying vec4 colour;
  void main() {
    if (length(gl_PointCoord - 0.5) > 0.5) discard;
    gl_FragColor = colour;
  }`;

const LEAST_ZOOM = 0.5;
const MOST_ZOOM = 2000;
const MOVE_MS = 700;

export class MapView {
  #renderer;
  #program;
  #geometry = null;
  #moveBegan = 0;
  #wanted = false;

  /** Throws when there is no WebGL. `drawn` is called after each frame. */
  constructor(canvas, drawn) {
    // Asked first: the library would complain on the console.
    const test = document.createElement('canvas');
    if (!(test.getContext('webgl2') ?? test.getContext('webgl'))) throw new Error('no WebGL');
    this.canvas = canvas;
    this.drawn = drawn;
    this.middle = [0, 0];
    this.zoom = 1;
    this.#renderer = new Renderer({ canvas, alpha: true, premultipliedAlpha: true, depth: false,
      antialias: true, dpr: Math.min(devicePixelRatio, 2) });
    this.#program = new Program(this.#renderer.gl, {
      vertex: VERTEX, fragment: FRAGMENT, depthTest: false, depthWrite: false, cullFace: null,
      uniforms: {
        middle: { value: [0, 0] }, scale: { value: [1, 1] }, size: { value: 4 },
        moved: { value: 1 }, colours: { value: COLOURS.map((c) => c.map((x) => x / 255)) },
      },
    });
  }

  /** Shows points; `looks` has a colour for each, 8 more when it is selected, -1 when hidden. */
  show(points, looks, before = points) {
    const { gl } = this.#renderer;
    this.#geometry?.remove();
    this.#geometry = new Geometry(gl, {
      position: { size: 2, data: points }, before: { size: 2, data: before },
      look: { size: 1, data: looks },
    });
    const still = before === points || matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#moveBegan = still ? 0 : performance.now();
    this.redraw();
  }

  /** The looks that show() was given have changed. */
  recolour() {
    this.#geometry.attributes.look.needsUpdate = true;
    this.redraw();
  }

  resize(width, height) {
    this.#renderer.setSize(width, height);
    this.redraw();
  }

  get width() { return this.#renderer.width; }
  get height() { return this.#renderer.height; }
  /** Pixels of one unit of the map. */
  get unit() { return 0.475 * Math.min(this.width, this.height) * this.zoom; }

  toMap([x, y]) {
    return [this.middle[0] + (x - this.width / 2) / this.unit,
      this.middle[1] - (y - this.height / 2) / this.unit];
  }
  toScreen(x, y) {
    return [this.width / 2 + (x - this.middle[0]) * this.unit,
      this.height / 2 - (y - this.middle[1]) * this.unit];
  }

  /** Whether a place is in view. */
  sees(x, y) {
    return Math.abs(x - this.middle[0]) * this.unit <= this.width / 2 &&
      Math.abs(y - this.middle[1]) * this.unit <= this.height / 2;
  }

  moveBy(x, y) {
    this.middle = [this.middle[0] - x / this.unit, this.middle[1] + y / this.unit]
      .map((value) => Math.min(Math.max(value, -1), 1));
    this.redraw();
  }

  /** Zooms so that what is at a place of the screen stays there. */
  zoomBy(factor, at = [this.width / 2, this.height / 2]) {
    const [x, y] = this.toMap(at);
    this.zoom = Math.min(Math.max(this.zoom * factor, LEAST_ZOOM), MOST_ZOOM);
    const [newX, newY] = this.toMap(at);
    this.middle = [this.middle[0] + x - newX, this.middle[1] + y - newY];
    this.redraw();
  }

  whole() {
    this.middle = [0, 0];
    this.zoom = 1;
    this.redraw();
  }

  redraw() {
    if (this.#wanted) return;
    this.#wanted = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#wanted = false;
    const { gl } = this.#renderer;
    this.#renderer.setViewport(gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (this.#geometry) {
      const { uniforms } = this.#program;
      const moved = this.#moveBegan === 0
        ? 1 : Math.min((performance.now() - this.#moveBegan) / MOVE_MS, 1);
      uniforms.moved.value = moved * moved * (3 - 2 * moved);
      uniforms.middle.value = this.middle;
      uniforms.scale.value = [2 * this.unit / this.width, 2 * this.unit / this.height];
      const count = this.#geometry.attributes.look.count;
      const size = Math.min(Math.max(180 / Math.sqrt(count), 2.5), 9) * Math.cbrt(this.zoom);
      uniforms.size.value = this.#renderer.dpr * Math.min(size, 16);
      this.#program.use();
      this.#geometry.draw({ program: this.#program, mode: gl.POINTS });
      if (moved < 1) this.redraw();
      this.drawn(moved);
    }
  }
}
