// The parts of a run: its steps, its histogram, and the proof at its end.

import { barsOf, proofOf, STEP_STATES, tookText } from './demo-view.js';
import { el, keyedList, setAttr, setHidden, setText } from './dom.js';
import { shortHash } from './format.js';

/** Each step with a sign and a word for its state, how long it took, and what came of it. */
export function createSteps() {
  const list = el('ol', { class: 'demo-steps', dataset: { testid: 'demo-steps' } });
  let rows = [];

  return {
    element: list,
    show(steps, isNew) {
      if (isNew || steps.length !== rows.length) {
        rows = steps.map(createRow);
        list.replaceChildren(...rows.map(row => row.element));
      }
      steps.forEach((step, i) => rows[i].show(step));
    },
    tick(steps, now) {
      steps.forEach((step, i) => setText(rows[i].took, tookText(step, now)));
    },
  };
}

function createRow() {
  const sign = el('span', { class: 'demo-sign', 'aria-hidden': 'true' });
  const title = el('span');
  const word = el('span', { class: 'demo-step-word' });
  const took = el('span', { class: 'muted num' });
  const breaks = el('span', { class: 'badge', 'data-tone': 'warn' });
  const detail = el('ul', { class: 'demo-step-detail' });
  const element = el(
    'li',
    {},
    sign,
    el('div', { class: 'demo-step-line' }, title, breaks, word, took),
    detail,
  );
  let lines = '';
  return {
    element,
    took,
    show(step) {
      const state = STEP_STATES[step.state];
      setAttr(element, 'data-tone', state.tone);
      setAttr(element, 'data-state', step.state);
      setText(sign, state.sign);
      setText(title, step.title);
      setText(word, state.word);
      setHidden(breaks, step.breaks.length === 0);
      setText(breaks, `breaks ${step.breaks.join(', ')}`);
      const text = step.detail.join('\n');
      setHidden(detail, text === '');
      if (text === lines) return;
      lines = text;
      detail.replaceChildren(...step.detail.map(line => el('li', {}, line)));
    },
  };
}

/** A table whose bars are decoration for its numbers. */
export function createHistogram() {
  const rows = el('tbody', {});
  const element = el(
    'table',
    { class: 'demo-histogram', dataset: { testid: 'demo-histogram' }, hidden: true },
    el('caption', {}, 'Requests by how long they took'),
    el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'took'), el('th', { scope: 'col' }, 'requests'))),
    rows,
  );
  const sync = keyedList(rows, {
    key: ({ label }) => label,
    make: ({ label }) =>
      el(
        'tr',
        {},
        el('th', { scope: 'row', class: 'num' }, label),
        el('td', {}, el('span', { class: 'bar' }), el('span', { class: 'num' })),
      ),
    update: (row, { text, part }) => {
      const [bar, label] = row.lastChild.children;
      bar.style.width = `${Math.max(part * 45, part > 0 ? 0.5 : 0)}%`;
      setText(label, text);
    },
  });
  return {
    element,
    show(buckets) {
      const bars = buckets === null ? [] : barsOf(buckets);
      setHidden(element, bars.length === 0);
      sync(bars);
    },
  };
}

/** The whole series verified, in numbers, with the chain's head. */
export function createProof({ ui }) {
  const line = el('p', { class: 'demo-proof-line' });
  const terms = el('dl', { class: 'demo-figures' });
  const chain = el('code', {});
  const problems = el('ul', {});
  let hash = '';
  const element = el(
    'div',
    { class: 'demo-proof', dataset: { testid: 'demo-proof' }, hidden: true },
    line,
    terms,
    el(
      'p',
      { class: 'demo-chain' },
      'Chain head ',
      chain,
      ui.copyButton('chain head', () => hash),
    ),
    problems,
  );
  let shown;
  return {
    element,
    show(verification) {
      setHidden(element, verification === null);
      const key = JSON.stringify(verification);
      if (verification === null || key === shown) return;
      shown = key;
      const proof = proofOf(verification);
      hash = proof.chain;
      setAttr(element, 'data-tone', proof.tone);
      setText(line, `${proof.complete ? '✓' : '✕'} ${proof.line}`);
      terms.replaceChildren(
        ...proof.terms.map(([term, value]) =>
          el('div', {}, el('dt', {}, term), el('dd', { class: 'num' }, value)),
        ),
      );
      setText(chain, shortHash(proof.chain));
      setAttr(chain, 'title', proof.chain);
      setHidden(problems, proof.problems.length === 0);
      problems.replaceChildren(...proof.problems.map(problem => el('li', {}, problem)));
    },
  };
}
