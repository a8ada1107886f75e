// SPDX-License-Identifier: BSD-3-Clause
//
// The map of a model's records: what the page lets people do with it.
import { fitted, inside, nearest, parseMap, pick } from './map_data.js';
import { COLOURS, MapView } from './map_view.js';

const POLL_MS = 400;
const LONGEST_POLL_MS = 3000;
const CARDS = 24; // the most that one question may be about
const THUMBNAILS = 24;
const REACH = 14; // pixels from the pointer
const REST = COLOURS.length - 1;
const SELECTED = 8; // beside the colour, in what MapView is told of a point
const HIDDEN = -1;

const find = (id) => document.querySelector(`#map-${id}`);
const numbers = new Intl.NumberFormat('en');

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Answers from the server; what cannot be answered is an error with a sentence. */
class Source {
  constructor({ root, query, origins }) {
    this.root = root;
    this.query = query;
    this.origins = ['', ...origins.split(' ')];
    this.known = new Map();
  }

  async #ask(name, parameters) {
    const response = await fetch(`${this.root}/api/map/${name}${this.query}${parameters}`);
    if (response.status === 404) {
      throw new Error(name === '' ? 'There are no records to show here.'
        : 'The records have changed meanwhile. Load the page again.');
    }
    if (!response.ok) throw new Error('The map cannot be loaded. Try again later.');
    return response;
  }

  /** The next better stage of the map, once there is one. */
  async map(after) {
    for (let wait = POLL_MS; ; wait = Math.min(wait * 1.5, LONGEST_POLL_MS)) {
      const response = await this.#ask('', after ? `&after=${after}` : '');
      if (response.status === 200) return parseMap(await response.arrayBuffer());
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** Records of up to CARDS points; null for those that are gone. */
  async records(map, points) {
    const missing = points.filter((point) => !this.known.has(point));
    if (missing.length > 0) {
      const response = await this.#ask('records/', `&map=${map.id}&points=${missing.join()}`);
      const { records } = await response.json();
      // At once: who asks between would take those that have just come for gone.
      for (const point of missing) this.known.set(point, null);
      for (const record of records) this.known.set(record.point, record);
    }
    return points.map((point) => this.known.get(point));
  }

  /** The keys of all points, as lines. */
  async keys(map) {
    const response = await this.#ask('keys/', `&map=${map.id}`);
    return (await response.text()).trimEnd().split('\n');
  }

  /** The page may load pictures from where it knew of when it was made. */
  mayShow(record) {
    return record?.picture !== undefined && this.origins.includes(record.picture_origin);
  }
}

function pictureOf(record, source) {
  if (source.mayShow(record)) {
    const image = element('img', { src: record.picture, alt: '', decoding: 'async' });
    image.addEventListener('error', () => image.replaceWith(
      element('span', { className: 'none', textContent: 'The picture cannot be loaded' })));
    return image;
  }
  if (record.text !== undefined) {
    return element('span', { className: 'text', textContent: record.text });
  }
  return element('span', { className: 'none', textContent: 'no preview' });
}

/** As card.html has it. */
function cardOf(record, source) {
  const facts = [['Provider', record.provider], ['Depiction', record.depiction_id],
    ['Subject', record.subject_id], ['Model', record.model]].filter(([, value]) => value !== '');
  return element('article', { className: 'card' }, [
    element('a', { className: 'picture', href: record.address }, [
      pictureOf(record, source),
      element('span', { className: 'title', textContent: record.title }),
    ]),
    element('dl', {}, facts.flatMap(([name, value]) => [
      element('dt', { textContent: name }), element('dd', { textContent: value })])),
  ]);
}

class MapPage {
  #place = find('place');
  #above = find('above');
  #selected = [];
  #listed = 0;
  #shownPoint = -1;
  #lasso = null;
  #pointers = new Map();
  #timer = 0;
  #hidden = new Set();
  #thumbnails = '';

  constructor(source, most) {
    this.source = source;
    this.most = most;
    this.view = new MapView(find('canvas'), (moved) => this.#drawn(moved));
    this.map = null;
    this.shown = (i) => !this.#hidden.has(this.map.providers[i]);
  }

  async start() {
    new ResizeObserver(() => this.#resize()).observe(this.#place);
    this.#resize();
    this.#listen();
    this.#say('The map is being made.');
    this.#take(await this.source.map(''));
    if (this.map.stage === 'pca') {
      this.#say(`${this.#about()} This is a first sketch; a better map is being made.`);
      this.#take(await this.source.map('pca'));
    }
    this.#say(`${this.#about()} Near points are similar.`);
  }

  #say(text) {
    find('status').textContent = text;
  }

  fail(error) {
    this.#say(error.message);
  }

  #about() {
    const { count, total } = this.map;
    const records = `${numbers.format(count)} ${count === 1 ? 'record' : 'records'}`;
    return count < total
      ? `${records}, an even sample of ${numbers.format(total)}; a map shows up to ${this.most}.`
      : `${records}.`;
  }

  /** A stage of the map. Points keep their numbers as long as it is of the same records. */
  #take(map) {
    const before = this.map?.id === map.id ? this.points : undefined;
    if (!before) {
      this.source.known.clear();
      this.#selected = [];
    }
    this.map = map;
    this.points = fitted(map.points);
    this.looks = new Float32Array(map.count);
    this.#legend();
    this.#colour();
    this.view.show(this.points, this.looks, before);
    find('canvas').setAttribute('aria-label', `Map of ${numbers.format(map.count)} records`);
  }

  /** The providers with most points have colours of their own. */
  #legend() {
    const counts = this.map.names.map((name, number) => ({ name, number, count: 0 }));
    for (const provider of this.map.providers) counts[provider].count += 1;
    counts.sort((a, b) => b.count - a.count || a.number - b.number);
    this.colours = [];
    find('legend').replaceChildren(...counts.map(({ name, number, count }, place) => {
      this.colours[number] = Math.min(place, REST);
      const box = element('input', { type: 'checkbox', checked: !this.#hidden.has(number) });
      box.addEventListener('change', () => this.#toggle(number, box.checked));
      return element('li', {}, [element('label', {}, [box,
        element('span', { className: `swatch colour-${this.colours[number]}` }),
        element('span', { textContent: `${name} (${numbers.format(count)})` })])]);
    }));
  }

  #toggle(provider, visible) {
    if (visible) this.#hidden.delete(provider);
    else this.#hidden.add(provider);
    this.#choose(this.#selected.filter(this.shown));
  }

  #colour() {
    const chosen = new Set(this.#selected);
    this.map.providers.forEach((provider, i) => {
      this.looks[i] = this.#hidden.has(provider)
        ? HIDDEN : this.colours[provider] + (chosen.has(i) ? SELECTED : 0);
    });
  }

  #resize() {
    const { clientWidth, clientHeight } = this.#place;
    this.#above.width = clientWidth;
    this.#above.height = clientHeight;
    this.view.resize(clientWidth, clientHeight);
  }

  #listen() {
    const canvas = find('canvas');
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.view.zoomBy(Math.exp(-event.deltaY / 400), this.#at(event));
    }, { passive: false });
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(end, (event) => this.#up(event));
    }
    canvas.addEventListener('keydown', (event) => this.#key(event));
    find('in').addEventListener('click', () => this.view.zoomBy(1.5));
    find('out').addEventListener('click', () => this.view.zoomBy(1 / 1.5));
    find('whole').addEventListener('click', () => this.view.whole());
    find('visible').addEventListener('click', () => this.#chooseVisible());
    find('clear').addEventListener('click', () => this.#choose([]));
    find('more').addEventListener('click', () => this.#list(true));
    find('download').addEventListener('click', () => this.#download());
    find('lasso').addEventListener('click', ({ currentTarget }) => {
      const on = currentTarget.getAttribute('aria-pressed') !== 'true';
      currentTarget.setAttribute('aria-pressed', String(on));
      this.#place.classList.toggle('lasso', on);
    });
  }

  #at(event) {
    const box = this.#place.getBoundingClientRect();
    return [event.clientX - box.left - this.#place.clientLeft,
      event.clientY - box.top - this.#place.clientTop];
  }

  #down(event) {
    if (!this.map || event.button > 0) return;
    find('canvas').setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#at(event));
    const drawing = event.shiftKey || this.#place.classList.contains('lasso');
    this.#lasso = drawing && this.#pointers.size === 1 ? [this.#at(event)] : null;
  }

  #move(event) {
    if (!this.map) return;
    const at = this.#at(event);
    const before = this.#pointers.get(event.pointerId);
    if (!before) {
      this.#pointAt(at);
      return;
    }
    if (this.#lasso) {
      this.#lasso.push(at);
      this.#drawLasso();
    } else if (this.#pointers.size === 1) {
      this.view.moveBy(at[0] - before[0], at[1] - before[1]);
    } else {
      this.#pinch(event.pointerId, before, at);
    }
    this.#pointers.set(event.pointerId, at);
  }

  /** Two fingers: what was between them stays there, and grows as they part. */
  #pinch(id, before, at) {
    const [, other] = [...this.#pointers].find(([key]) => key !== id);
    const span = ([x, y]) => Math.max(Math.hypot(x - other[0], y - other[1]), 1);
    const between = [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
    this.view.moveBy((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    this.view.zoomBy(span(at) / span(before), between);
  }

  #up(event) {
    const began = this.#pointers.get(event.pointerId);
    this.#pointers.delete(event.pointerId);
    if (this.#lasso && began) {
      const polygon = this.#lasso.map((at) => this.view.toMap(at));
      this.#lasso = null;
      this.#drawLasso();
      if (polygon.length > 2 && event.type === 'pointerup') {
        this.#choose(pick(this.points, this.shown, (x, y) => inside(polygon, x, y)));
      }
    }
  }

  #drawLasso() {
    const context = this.#above.getContext('2d');
    context.clearRect(0, 0, this.#above.width, this.#above.height);
    if (!this.#lasso) return;
    context.strokeStyle = getComputedStyle(this.#place).color;
    context.lineWidth = 2;
    context.setLineDash([6, 4]);
    context.beginPath();
    for (const [x, y] of this.#lasso) context.lineTo(x, y);
    context.closePath();
    context.stroke();
  }

  #key(event) {
    if (!this.map || event.ctrlKey || event.altKey || event.metaKey) return;
    const step = 60;
    const actions = {
      '+': () => this.view.zoomBy(1.5), '=': () => this.view.zoomBy(1.5),
      '-': () => this.view.zoomBy(1 / 1.5), 0: () => this.view.whole(),
      ArrowLeft: () => this.view.moveBy(step, 0), ArrowRight: () => this.view.moveBy(-step, 0),
      ArrowUp: () => this.view.moveBy(0, step), ArrowDown: () => this.view.moveBy(0, -step),
      Enter: () => this.#chooseVisible(), Escape: () => this.#choose([]),
    };
    if (!Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
    // For those without a pointer it is in the middle.
    this.#pointAt([this.view.width / 2, this.view.height / 2], Infinity);
  }

  /** Shows what is near a place of the screen, once the pointer rests. */
  #pointAt(at, reach = REACH) {
    const point = nearest(this.points, this.shown, this.view.toMap(at), reach / this.view.unit);
    if (point < 0 || point === this.#shownPoint) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#showPoint(point).catch((error) => this.fail(error)), 80);
  }

  async #showPoint(point) {
    this.#shownPoint = point;
    const [record] = await this.source.records(this.map, [point]);
    if (record && this.#shownPoint === point) {
      find('point').replaceChildren(cardOf(record, this.source));
    }
  }

  #inView() {
    return pick(this.points, this.shown, (x, y) => this.view.sees(x, y));
  }

  #chooseVisible() {
    if (this.map) this.#choose(this.#inView());
  }

  #choose(points) {
    if (!this.map) return;
    this.#selected = points;
    this.#colour();
    this.view.recolour();
    const { length } = points;
    find('count').textContent = length === 0 ? 'Nothing is selected.'
      : `${numbers.format(length)} ${length === 1 ? 'record is' : 'records are'} selected.`;
    find('download').hidden = length === 0;
    this.#list(false);
  }

  /** The cards of what is selected, a page at a time. */
  async #list(more) {
    const chosen = this.#selected;
    if (!more) {
      this.#listed = 0;
      find('cards').replaceChildren();
    }
    const next = chosen.slice(this.#listed, this.#listed + CARDS);
    this.#listed += next.length;
    find('more').hidden = this.#listed >= chosen.length;
    if (next.length === 0) return;
    try {
      const records = await this.source.records(this.map, next);
      if (chosen !== this.#selected) return;
      const cards = records.filter(Boolean).map(
        (record) => element('li', {}, [cardOf(record, this.source)]));
      find('cards').append(...cards);
      if (more) cards[0]?.querySelector('a').focus();
    } catch (error) {
      this.fail(error);
    }
  }

  async #download() {
    try {
      const lines = await this.source.keys(this.map);
      const text = this.#selected.map((point) => `${lines[point]}\n`).join('');
      const address = URL.createObjectURL(new Blob([text], { type: 'application/jsonl' }));
      element('a', { href: address, download: 'selected.jsonl' }).click();
      URL.revokeObjectURL(address);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Where few points are in view, their pictures are beside them. */
  #drawn(moved) {
    const points = moved < 1 ? [] : this.#inView();
    const few = points.length <= THUMBNAILS ? points : [];
    const wanted = few.join();
    if (wanted !== this.#thumbnails) {
      this.#thumbnails = wanted;
      find('thumbnails').replaceChildren();
      if (few.length > 0) {
        this.source.records(this.map, few)
          .then((records) => wanted === this.#thumbnails && this.#hang(records))
          .catch((error) => this.fail(error));
      }
    }
    this.#align();
  }

  #hang(records) {
    const images = records.filter((record) => this.source.mayShow(record)).map((record) => {
      const image = element('img', { src: record.picture, alt: '', decoding: 'async' });
      image.dataset.point = record.point;
      image.addEventListener('error', () => image.remove());
      return image;
    });
    find('thumbnails').replaceChildren(...images);
    this.#align();
  }

  #align() {
    for (const image of find('thumbnails').children) {
      const point = Number(image.dataset.point);
      const [x, y] = this.view.toScreen(this.points[2 * point], this.points[2 * point + 1]);
      image.style.left = `${x}px`;
      image.style.top = `${y}px`;
    }
  }
}

const box = document.querySelector('#map');
if (box) {
  let page;
  box.hidden = false;
  try {
    page = new MapPage(new Source(box.dataset), box.dataset.most);
  } catch {
    box.hidden = true;
  }
  if (page) {
    find('needs').hidden = true;
    page.start().catch((error) => page.fail(error));
  }
}
