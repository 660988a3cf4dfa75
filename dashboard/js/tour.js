// The first visit: a few notes that point at sections. Never in the way: not modal, gone for good when closed.

import { button } from './controls.js';
import { el, setText } from './dom.js';
import { bringIntoView } from './into-view.js';

const KEY = 'seqd.tour';
const STEPS = [
  {
    section: 'overview',
    title: 'Every number accounted for',
    text: '“Verify now” has the node read all of etcd and prove that no number is missing or used twice.',
  },
  {
    section: 'charts',
    title: 'The whole cluster, live',
    text: 'All nodes together. What happens to them is marked on the charts.',
  },
  {
    section: 'demos',
    title: 'Break it',
    text: 'Kill the leader under load: the line dips and comes back, and the proof at the end shows that nothing was lost.',
    unless: app => app.store.view?.demo.available === false,
  },
  {
    section: 'topology',
    title: 'Who is who',
    text: 'Sites, partitions, nodes, etcd and the ledger, and what is wrong with them.',
  },
  {
    section: 'find',
    title: 'The life of a number',
    text: 'Press / and type a number: who drew it, gave it back, and got it then.',
  },
];

export function mount(_section, app) {
  app.ui.commands.add({
    id: 'tour',
    title: 'Show me around',
    keywords: 'tour help introduction',
    run: () => startTour(app, true),
  });
  if (new URLSearchParams(location.search).get('tour') === 'off' || isDone()) return;
  const off = app.store.on('snapshot', () => {
    off();
    startTour(app);
  });
}

function isDone() {
  try {
    return localStorage.getItem(KEY) === 'done';
  } catch {
    // Where nothing can be remembered it would come each time.
    return true;
  }
}

let stop = () => {};

/** Starts from the first step, wherever it was; `focus` when somebody asked for it. */
export function startTour(app, focus = false) {
  stop();
  const steps = STEPS.filter(step => step.unless?.(app) !== true);
  const title = el('h2', { id: 'tour-title' });
  const text = el('p');
  const place = el('span', { class: 'muted small' });
  const next = button('', 'tour-next', go, { class: 'primary' });
  const box = el(
    'aside',
    { class: 'tour', 'aria-labelledby': 'tour-title', 'data-testid': 'tour' },
    title,
    text,
    el('footer', null, [place, button('Skip', 'tour-skip', end, { class: 'ghost' }), next]),
  );
  let at = -1;
  let marked;

  function go() {
    marked?.classList.remove('tour-mark');
    at += 1;
    const step = steps[at];
    if (step === undefined) {
      end();
      return;
    }
    setText(title, step.title);
    setText(text, step.text);
    setText(place, `${at + 1} of ${steps.length}`);
    setText(next, at === steps.length - 1 ? 'Done' : 'Next');
    app.ui.announce(`${step.title}. ${step.text}`);
    marked = document.getElementById(step.section);
    marked?.classList.add('tour-mark');
    // The page is left where it is for the first step: somebody may have followed a link.
    if (at > 0 && marked !== null) bringIntoView(marked);
  }

  function end() {
    try {
      localStorage.setItem(KEY, 'done');
    } catch {
      // Then it comes again.
    }
    stop();
  }

  const onKey = event => {
    if (event.key === 'Escape' && document.querySelector('dialog[open]') === null) end();
  };
  stop = () => {
    marked?.classList.remove('tour-mark');
    document.removeEventListener('keydown', onKey);
    box.remove();
    stop = () => {};
  };
  document.addEventListener('keydown', onKey);
  // First to be reached with the keyboard.
  document.querySelector('.skip-link').after(box);
  go();
  if (focus) next.focus();
}
