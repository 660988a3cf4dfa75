// One node of the topology; its card is a template in index.html.

import { copyOf, partsOf, setAttr, setHidden, setText } from './dom.js';
import { count, ms, rate, UNKNOWN } from './format.js';

const SHAPES = {
  serving: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM5.2 8.2l2 2 3.6-4',
  'not-ready': 'M8 2.2L14.2 13H1.8zM8 6.4v3M8 11.2v.2',
  silent: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM5.5 8h5',
  gone: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
};
const WORDS = { serving: 'serving', 'not-ready': 'not ready', silent: 'silent', gone: 'gone' };

/** What a card shows of a node, by field, and how that is written. */
const FIGURES = {
  numbersPerSecond: rate,
  p99: ms,
  pending: count,
  behindBatches: count,
  leaseMs: ms,
  errorsPerSecond: rate,
};

/** Shows a state by the drawing of a template. */
export function setShape(shape, state) {
  setAttr(shape, 'data-state', state);
  setAttr(shape.firstElementChild, 'd', SHAPES[state]);
}

export const makeNode = () => copyOf('node-card');

export function updateNode(item, node) {
  const part = partsOf(item);
  setAttr(item, 'data-node', node.id);
  setAttr(item, 'data-state', node.state);
  setShape(part.shape, node.state);
  setText(part.name, node.id);
  setText(part.state, WORDS[node.state] ?? node.state);
  for (const badge of ['leader', 'projector', 'self']) setHidden(part[`is-${badge}`], !node[badge]);
  setText(part.problems, node.problems.join(' '));
  setHidden(part.problems, node.problems.length === 0);
  // What a node that is not heard of did last says nothing.
  const isHeard = node.state === 'serving' || node.state === 'not-ready';
  for (const [field, write] of Object.entries(FIGURES))
    setText(part[field], isHeard ? write(node[field]) : UNKNOWN);
  setAttr(part.errorsPerSecond, 'data-tone', isHeard && node.errorsPerSecond > 0 ? 'bad' : undefined);
  setText(part.address, node.url.replace(/^https?:\/\//, ''));
  const hasPage = /^https?:/.test(node.url);
  setAttr(part.address, 'href', hasPage && `${node.url.replace(/\/$/, '')}/dashboard/`);
  setAttr(part.address, 'title', `seqd ${node.version}; opens this page there`);
}
