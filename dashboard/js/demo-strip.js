// The strip above the charts: "kill the leader", and while a demonstration runs where it is, what it measured, and its end.
// Its height is the same all the time: what is below must not move while somebody watches it.

import { button, tellProblem } from './controls.js';
import {
  currentStep,
  figureText,
  holesText,
  keyFigure,
  outcomeOf,
  RUN_STATES,
  tookText,
} from './demo-view.js';
import { el, setAttr, setHidden, setText } from './dom.js';
import { bringIntoView } from './into-view.js';

const KILL = 'failover';
const IDLE =
  'Puts load on all nodes, kills the leader, and measures how long nobody gets a number. Then it proves that none is missing.';

export function mountDemoStrip(place, app) {
  const { store, ui, demos } = app;
  const kill = button('⚡ Kill the leader', 'kill-leader', () => void killLeader(), { class: 'demo-kill' });
  const sign = el('span', { class: 'demo-sign', 'aria-hidden': 'true' });
  const title = el('strong');
  const what = el('span');
  const facts = el('p', { class: 'num' });
  const cancel = button('Cancel', 'strip-cancel', () => void tellProblem(app, demos.cancel()));
  const details = el('a', { href: '#demos', onclick: showDetails }, 'Details');
  const strip = el(
    'div',
    { class: 'demo-strip', dataset: { testid: 'demo-strip' }, hidden: true },
    el('div', { class: 'demo-strip-text' }, el('p', null, sign, title, what), facts),
    el('div', { class: 'buttons' }, kill, cancel, details),
  );
  place.append(strip);
  let told;
  ui.commands.add({
    id: 'demo-kill-leader',
    title: 'Kill the leader',
    hint: 'demonstration',
    keywords: 'failover demo crash',
    run: () => {
      bringIntoView(document.getElementById('charts'));
      void killLeader();
    },
  });

  demos.on(show);
  store.on('numbers', () => {
    if (demos.state.run?.state === 'running') show();
  });
  demos.onEnd(run => {
    const tone = { passed: 'good', failed: 'bad' }[run.state] ?? 'warn';
    ui.toast(outcomeOf(run), { tone, ms: 12_000 });
  });
  show();

  function showDetails(event) {
    event.preventDefault();
    ui.reveal('demos');
  }

  async function killLeader() {
    if (demos.state.available !== true)
      ui.toast('There are no demonstrations on this cluster.', { tone: 'warn' });
    else if (demos.isBusy()) ui.toast('A demonstration is running; one at a time.', { tone: 'warn' });
    else await tellProblem(app, demos.start(KILL, {}));
  }

  function show() {
    const { available, run, starting, cancelling, catalogue } = demos.state;
    setHidden(strip, available !== true);
    if (available !== true) return;
    const failover = catalogue?.demos.find(({ name }) => name === KILL);
    const isRunning = run?.state === 'running';
    const isCancelling = isRunning && cancelling === run.id;
    const canKill = !isRunning && failover !== undefined && failover.unavailable === null;
    showOnly([isRunning && cancel, canKill && kill, run !== undefined && details].filter(Boolean));
    setAttr(kill, 'aria-disabled', demos.isBusy() && 'true');
    setAttr(cancel, 'aria-disabled', isCancelling && 'true');
    setText(cancel, isCancelling ? 'Cancelling …' : 'Cancel');
    if (isRunning) {
      const at = currentStep(run);
      const where = at === null ? '' : `step ${at.number} of ${at.of}: ${at.step.title}`;
      if (where !== told) ui.announce((told = where));
      look('busy', '▶', run.title, where, factsOf(run));
    } else if (starting !== undefined) look('busy', '▶', 'Starting …');
    else if (run === undefined) look('idle', '', '', IDLE);
    else {
      const { sign, tone } = RUN_STATES[run.state];
      look(tone, sign, outcomeOf(run));
    }
  }

  /** The button that was pressed may go: the first that stays takes the focus over from it. */
  function showOnly(controls) {
    const { activeElement: focused } = document;
    for (const control of controls) setHidden(control, false);
    if (strip.contains(focused) && !controls.includes(focused)) controls[0]?.focus({ preventScroll: true });
    for (const control of [kill, cancel, details]) setHidden(control, !controls.includes(control));
  }

  function factsOf(run) {
    const key = keyFigure(run);
    return [
      tookText(run, store.now()),
      store.view && holesText(store.view.numbers.holes),
      // Of whom it was measured is told in the panel.
      key && `${key.label.split(',')[0]} ${figureText(key)}`,
    ]
      .filter(Boolean)
      .join(' · ');
  }

  function look(tone, signText, titleText, whatText = '', factsText = '') {
    setAttr(strip, 'data-tone', tone);
    setText(sign, signText);
    setText(title, titleText);
    setText(what, whatText);
    setText(facts, factsText);
  }
}
