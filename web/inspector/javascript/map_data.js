// SPDX-License-Identifier: BSD-3-Clause
//
// What a map is made of, and questions about its points: no document, no drawing.

const HEADER = 32;
const STAGES = ['', 'pca', 'neighbours'];

/** The bytes of /api/map/ (docs/inspector.md). Throws when they are something else. */
export function parseMap(buffer) {
  const view = new DataView(buffer);
  const word = (at) => view.getUint16(at, true);
  if (buffer.byteLength < HEADER || view.getUint32(0, true) !== 0x4d424445 || word(4) !== 2) {
    throw new Error('the map is of another version');
  }
  const count = view.getUint32(8, true);
  const names = view.getUint32(12, true);
  if (buffer.byteLength !== HEADER + 12 * count + names) throw new Error('the map is cut off');
  const points = new Float32Array(2 * count);
  const providers = new Uint32Array(count);
  for (let i = 0; i < count; ++i) {
    points[2 * i] = view.getFloat32(HEADER + 8 * i, true);
    points[2 * i + 1] = view.getFloat32(HEADER + 8 * i + 4, true);
    providers[i] = view.getUint32(HEADER + 8 * count + 4 * i, true);
  }
  const text = new TextDecoder().decode(new Uint8Array(buffer, HEADER + 12 * count));
  return {
    stage: STAGES[word(6)],
    count,
    total: Number(view.getBigUint64(16, true)),
    id: view.getBigUint64(24, true).toString(16),
    points,
    providers,
    names: JSON.parse(text),
  };
}

/** Points of a map, moved so that all of them just fit between -1 and 1. */
export function fitted(points) {
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (let i = 0; i < points.length; ++i) {
    low[i % 2] = Math.min(low[i % 2], points[i]);
    high[i % 2] = Math.max(high[i % 2], points[i]);
  }
  const half = Math.max(high[0] - low[0], high[1] - low[1], 1e-30) / 2;
  return points.map((value, i) => (value - (low[i % 2] + high[i % 2]) / 2) / half);
}

/** Which points the test accepts, by their number, of those that are `shown`. */
export function pick(points, shown, test) {
  const picked = [];
  for (let i = 0; 2 * i < points.length; ++i) {
    if (shown(i) && test(points[2 * i], points[2 * i + 1])) picked.push(i);
  }
  return picked;
}

/** Whether a place is within a polygon, given as [x, y] corners: by how often a line crosses it. */
export function inside(polygon, x, y) {
  let within = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i];
    const [bx, by] = polygon[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
  }
  return within;
}

/** The number of the nearest point within `reach`, or -1. */
export function nearest(points, shown, [x, y], reach) {
  let best = -1;
  let least = reach * reach;
  for (let i = 0; 2 * i < points.length; ++i) {
    const square = (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2;
    if (square <= least && shown(i)) {
      best = i;
      least = square;
    }
  }
  return best;
}
