// The numbers by state, whether any is missing, and the proof of it on demand. The frame of it stands in index.html.

import { el, partsOf, setAttr, setHidden, setText } from './dom.js';
import { ago, count, dateClock, ms, plural, rate, shortHash } from './format.js';

const VERIFY_TIMEOUT_MS = 60_000;

/** What the numbers below `next` are, and how it is called; the order of the bar and its legend. */
const STATES = {
  issued: 'issued',
  pooled: 'in the pool',
  reserved: 'reserved',
  void: 'void',
  imported: 'imported',
};

export function mount(section, { store, api, ui }) {
  const part = partsOf(section);
  const show = (name, text) => setText(part[name], text);
  let chain = '';
  part.chain.after(ui.copyButton('chain head', () => chain));

  store.on('numbers', () => {
    const { numbers } = store.view;
    ({ chain } = numbers);
    show('issued', count(numbers.issued));
    setAttr(part.issued, 'data-long', numbers.issued >= 1e10);
    show('issued-share', count(numbers.issued));
    for (const state of ['pooled', 'reserved', 'void', 'imported']) show(state, count(numbers[state]));
    setHidden(part.imported.parentElement, numbers.imported === 0);
    show('next', count(numbers.next));
    show('holes', count(numbers.holes));
    show('holes-text', describeHoles(numbers));
    setAttr(part['holes-box'], 'data-tone', numbers.holes === 0 ? 'good' : 'bad');
    show('batch', count(numbers.sequence));
    show('chain', shortHash(chain));
    setAttr(part.chain, 'title', chain);
    show('revision', count(numbers.revision));
    show('reuse', numbers.reuse);
    showShares(section.querySelectorAll('.state-bar > span'), numbers);
  });
  // What was the rate when the stream broke off is not the rate now.
  store.on(['traffic', 'connection'], () =>
    show('rate', rate(store.connection.state === 'live' ? store.view?.traffic.numbersPerSecond : undefined)),
  );
  store.on(['numbers', 'second'], () => show('last-batch', ago(store.view.numbers.lastBatchAt, store.now())));

  const verify = createVerify(part, { api, ui });
  part['verify-button'].addEventListener('click', () => void verify());
  ui.commands.add({
    id: 'verify',
    title: 'Verify now: is every number accounted for?',
    keywords: 'proof holes chain completeness',
    run: () => {
      ui.reveal('overview');
      void verify();
    },
  });
}

function describeHoles({ holes, start, next }) {
  if (holes !== 0) return 'Numbers are unaccounted for. Verify, then the runbook.';
  return next === start
    ? 'No number drawn yet.'
    : `${count(start)} to ${count(next - 1)}: each accounted for.`;
}

/** The bar of what all numbers are. */
function showShares(spans, numbers) {
  const total = Math.max(1, numbers.next - numbers.start);
  for (const span of spans) {
    const number = numbers[span.dataset.state];
    // What is there is seen, however little of the whole it is.
    const share = number === 0 ? '0' : Math.max(0.5, (number / total) * 100).toFixed(1);
    setHidden(span, number === 0);
    if (span.style.flexGrow !== share) span.style.flexGrow = share;
  }
}

/** Has the node read everything in etcd, and shows what came of it. */
function createVerify(part, { api, ui }) {
  const button = part['verify-button'];
  let running = false;

  function show(tone, title, text, problems = []) {
    setAttr(part['verify-result'], 'data-tone', tone);
    setText(part['verify-title'], title);
    setText(part['verify-text'], text);
    part['verify-problems'].replaceChildren(...problems.map(problem => el('li', null, problem)));
    ui.announce(`${title} ${text}`);
  }

  return async () => {
    if (running) return;
    running = true;
    setAttr(button, 'aria-busy', 'true');
    setText(button, 'Verifying …');
    const { ok, body, problem } = await api.get('/api/v1/verify', { timeoutMs: VERIFY_TIMEOUT_MS });
    running = false;
    setAttr(button, 'aria-busy', undefined);
    setText(button, 'Verify now');
    if (!ok) show('warn', 'Not verified.', `${problem.title}. ${problem.detail}`);
    else if (body.complete) show('good', 'Complete.', describeProof(body));
    else
      show(
        'bad',
        'Not complete!',
        `${plural(body.holes, 'hole')}. Runbook: “Verify finds a hole or a number used twice”.`,
        body.problems,
      );
  };
}

function describeProof(proof) {
  const at = `Read from etcd at revision ${count(proof.revision)} in ${ms(proof.ms)}, ${dateClock(Date.now())}; chain ${shortHash(proof.chain)}.`;
  if (proof.numbers === 0) return `There are no numbers yet. ${at}`;
  const parts = Object.entries(STATES)
    .filter(([state]) => proof[state] > 0)
    .map(([state, name]) => `${count(proof[state])} ${name}`)
    .join(' + ');
  return `${count(proof.first)} to ${count(proof.last)}: ${plural(proof.numbers, 'number')} = ${parts}, 0 holes. ${at}`;
}
