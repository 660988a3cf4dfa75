// One node of the topology.

import { el, setAttr, setHidden, setText, svg } from './dom.js';
import { count, ms, rate } from './format.js';
import { icon } from './icons.js';

const SHAPES = {
  serving: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM5.2 8.2l2 2 3.6-4',
  'not-ready': 'M8 2.2L14.2 13H1.8zM8 6.4v3M8 11.2v.2',
  silent: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM5.5 8h5',
  gone: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
};
const WORDS = { serving: 'serving', 'not-ready': 'not ready', silent: 'silent', gone: 'gone' };

/** The drawing of a state; change it with {@link setShape}. */
export function createShape() {
  return svg(
    'svg',
    { class: 'shape', viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', {}),
  );
}

export function setShape(shape, state) {
  setAttr(shape, 'data-state', state);
  setAttr(shape.firstElementChild, 'd', SHAPES[state]);
}

const parts = new WeakMap();

export function makeNode() {
  const shape = createShape();
  const name = el('b', { class: 'node-name' });
  const state = el('span', { class: 'node-state' });
  const leader = el('span', { class: 'badge', 'data-tone': 'info' }, [icon('star'), 'leader']);
  const projector = el('span', { class: 'badge' }, [icon('ledger'), 'writes ledger']);
  const self = el('span', { class: 'badge' }, 'this stream');
  const badges = el('div', { class: 'node-badges' }, [leader, projector, self]);
  const problems = el('p', { class: 'small node-problems' });
  const values = {};
  const figures = el(
    'dl',
    { class: 'node-figures' },
    FIGURES.map(({ field, label, title }) => {
      values[field] = el('dd', null, '–');
      return el('div', { title }, el('dt', null, label), values[field]);
    }),
  );
  const address = el('a', { class: 'small mono node-address' });
  const item = el('li', { class: 'node', 'data-testid': 'node' }, [
    el('div', { class: 'node-head' }, [shape, name, state]),
    badges,
    problems,
    figures,
    address,
  ]);
  parts.set(item, { shape, name, state, leader, projector, self, problems, values, address });
  return item;
}

const FIGURES = [
  {
    field: 'numbersPerSecond',
    label: 'numbers/s',
    title: 'Drawn through this node, per second',
    write: rate,
  },
  { field: 'p99', label: 'p99', write: ms },
  { field: 'pending', label: 'pending', title: 'Requests that wait for their batch', write: count },
  { field: 'behindBatches', label: 'batches behind', write: count },
  { field: 'leaseMs', label: 'lease left', write: ms },
  {
    field: 'errorsPerSecond',
    label: 'errors/s',
    title: 'Requests refused or failed, per second',
    write: rate,
  },
];

export function updateNode(item, node) {
  const part = parts.get(item);
  setAttr(item, 'data-node', node.id);
  setAttr(item, 'data-state', node.state);
  setShape(part.shape, node.state);
  setText(part.name, node.id);
  setText(part.state, WORDS[node.state] ?? node.state);
  setHidden(part.leader, !node.leader);
  setHidden(part.projector, !node.projector);
  setHidden(part.self, !node.self);
  setText(part.problems, node.problems.join(' '));
  setHidden(part.problems, node.problems.length === 0);
  // What a node that is not heard of did last says nothing.
  const isHeard = node.state === 'serving' || node.state === 'not-ready';
  for (const { field, write } of FIGURES) setText(part.values[field], isHeard ? write(node[field]) : '–');
  setAttr(part.values.errorsPerSecond, 'data-tone', isHeard && node.errorsPerSecond > 0 ? 'bad' : undefined);
  setText(part.address, node.url.replace(/^https?:\/\//, ''));
  setAttr(
    part.address,
    'href',
    /^https?:/.test(node.url) ? `${node.url.replace(/\/$/, '')}/dashboard/` : undefined,
  );
  setAttr(part.address, 'title', `seqd ${node.version}; opens this page there`);
}
