// Demonstrations: what there is to run, the run under way or one chosen, and the last ones.

import { button, tellProblem } from './controls.js';
import { createDemoCard } from './demo-card.js';
import { createRunPanel } from './demo-run-panel.js';
import { outcomeOf, RUN_STATES, tookText } from './demo-view.js';
import { el, keyedList, setAttr, setHidden, setText } from './dom.js';
import { clock } from './format.js';

const NOT_HERE =
  'Demonstrations kill and pause nodes, so they exist only on a cluster that START-POC has started on this machine, and only for ' +
  'browsers on it. This one has none.';

export function mount(section, app) {
  const { store, ui, links, demos } = app;
  /** A run of the past that somebody chose; otherwise the newest is shown. */
  let chosen;
  let open = links.get('demo');

  const absent = el('p', { class: 'empty', hidden: true, dataset: { testid: 'demos-absent' } }, NOT_HERE);
  const problem = el('p', { class: 'demo-problem', role: 'alert', hidden: true });
  const cards = el('ul', { class: 'demo-cards' });
  const last = el('ol', { class: 'demo-last', dataset: { testid: 'demo-last' } });
  const lastBox = el('div', { class: 'demo-last-box', hidden: true }, el('h3', {}, 'Last runs'), last);
  const panel = createRunPanel(app, { cancel: () => void tellProblem(app, demos.cancel()) });
  const layout = el('div', { class: 'demo-layout', hidden: true }, panel.element, cards, lastBox);
  section.append(absent, problem, layout);

  const cardOf = new Map();
  const syncCards = keyedList(cards, {
    key: ({ name }) => name,
    make: description => {
      const card = createDemoCard(description, app, {
        toggle: () => links.set({ demo: open === description.name ? undefined : description.name }),
        run: parameters => {
          chosen = undefined;
          void tellProblem(app, demos.start(description.name, parameters)).then(
            isFine => isFine && panel.focus(),
          );
        },
      });
      cardOf.set(description.name, card);
      ui.commands.add({
        id: `demo-${description.name}`,
        title: `Demonstration: ${description.title}`,
        hint: description.name,
        keywords: 'demo run',
        run: () => {
          links.set({ demo: description.name });
          ui.reveal('demos');
          card.focus();
        },
      });
      return card.element;
    },
    update: (_element, { name }) => {
      const starting = demos.state.starting === name;
      cardOf.get(name).show({ open: open === name, busy: demos.isBusy(), starting });
    },
  });
  const syncLast = keyedList(last, {
    key: ({ id }) => id,
    make: run => lastRun(run, () => choose(run)),
    update: (element, run) =>
      setAttr(element.firstChild, 'aria-current', panelRun()?.id === run.id ? 'true' : undefined),
  });

  demos.on(show);
  // A run that measures nothing for a while still shows that time goes on.
  store.on('second', () => panel.tick(store.now()));
  links.on('demo', name => {
    open = name;
    show();
  });
  show();

  function choose(run) {
    chosen = run;
    show();
    panel.focus();
  }

  function panelRun() {
    const { run } = demos.state;
    return run?.state === 'running' ? run : (chosen ?? run);
  }

  function show() {
    const { available, catalogue, problem: trouble } = demos.state;
    if (demos.state.run?.state === 'running') chosen = undefined;
    setHidden(absent, available !== false);
    setHidden(layout, available !== true || catalogue === undefined);
    setHidden(problem, trouble === undefined || available === false);
    if (trouble !== undefined) setText(problem, `${trouble.title}: ${trouble.detail}`);
    if (available !== true || catalogue === undefined) return;
    syncCards(catalogue.demos);
    syncLast(catalogue.last);
    setHidden(lastBox, catalogue.last.length === 0);
    panel.show(panelRun(), demos.state.cancelling);
  }
}

function lastRun(run, onclick) {
  const { sign, tone } = RUN_STATES[run.state];
  return el(
    'li',
    {},
    button(
      [
        el('span', { class: 'demo-sign', 'aria-hidden': 'true' }, sign),
        el('span', {}, outcomeOf(run)),
        el('span', { class: 'muted num' }, `${clock(run.startedAt)}, ${tookText(run, run.startedAt)}`),
      ],
      undefined,
      onclick,
      { class: 'demo-last-run', 'data-tone': tone },
    ),
  );
}
