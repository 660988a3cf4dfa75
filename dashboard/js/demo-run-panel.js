// One run as it goes: its steps, what it measured, and the proof at its end.

import { button } from './controls.js';
import { createHistogram, createProof, createSteps } from './demo-run-parts.js';
import { createTimeline } from './demo-timeline.js';
import { figureText, outcomeOf, RUN_STATES, tookText } from './demo-view.js';
import { el, keyedList, setAttr, setHidden, setText } from './dom.js';
import { clock } from './format.js';

/** `show(run, cancelling)` brings it up to date (`cancelling`: the id of a run), `tick(now)` only what grows with time, `focus()` leads the keyboard there. */
export function createRunPanel(app, { cancel }) {
  let shown;
  const sign = el('span', { class: 'demo-sign', 'aria-hidden': 'true' });
  const title = el('span', {});
  const state = el('span', { class: 'badge' });
  const took = el('span', { class: 'muted num' });
  const heading = el('h3', { tabindex: '-1' }, sign, title);
  const cancelButton = button('Cancel', 'demo-cancel', cancel);
  const outcome = el('p', { class: 'demo-outcome', dataset: { testid: 'demo-outcome' } });
  const plan = el('p', { class: 'demo-plan muted' });
  const steps = createSteps();
  const figures = el('dl', { class: 'demo-figures', dataset: { testid: 'demo-figures' } });
  const syncFigures = keyedList(figures, {
    key: ({ label }) => label,
    make: ({ label }) => el('div', {}, el('dt', {}, label), el('dd', { class: 'num' })),
    update: (element, measured) => setText(element.lastChild, figureText(measured)),
  });
  const timeline = createTimeline();
  const histogram = createHistogram();
  const proof = createProof(app);
  const element = el(
    'div',
    { class: 'demo-run', hidden: true, dataset: { testid: 'demo-run' } },
    el('div', { class: 'demo-run-head' }, heading, state, took, cancelButton),
    outcome,
    plan,
    steps.element,
    figures,
    timeline.element,
    histogram.element,
    proof.element,
  );

  function tick(now) {
    if (shown === undefined) return;
    const started = shown.endedAt === null ? '' : `${clock(shown.startedAt)}, `;
    setText(took, `${started}${tookText(shown, now)}`);
    steps.tick(shown.steps, now);
  }

  return {
    element,
    focus: () => heading.focus(),
    tick,
    show(run, cancelling) {
      setHidden(element, run === undefined);
      if (run === undefined) return;
      const isNew = shown?.id !== run.id;
      shown = run;
      const { sign: signText, word, tone } = RUN_STATES[run.state];
      setAttr(element, 'data-tone', tone);
      setAttr(element, 'data-state', run.state);
      setText(sign, signText);
      setText(title, run.title);
      setText(state, word);
      setAttr(state, 'data-tone', tone === 'busy' ? 'info' : tone);
      // The button goes when the run ends; the focus must not go with it.
      if (run.state !== 'running' && document.activeElement === cancelButton)
        heading.focus({ preventScroll: true });
      setHidden(cancelButton, run.state !== 'running');
      setAttr(cancelButton, 'aria-disabled', cancelling === run.id && 'true');
      setText(cancelButton, cancelling === run.id ? 'Cancelling …' : 'Cancel');
      setHidden(outcome, run.state === 'running');
      setText(outcome, run.state === 'running' ? '' : outcomeOf(run));
      setText(plan, run.plan);
      steps.show(run.steps, isNew);
      syncFigures(run.figures);
      timeline.show(run.timeline, run.id);
      histogram.show(run.histogram);
      proof.show(run.verification);
      tick(app.store.now());
    },
  };
}
