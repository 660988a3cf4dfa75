// The strip above the charts: "kill the leader", and while a demonstration runs where it is, what it measured, and its end.

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
import { isCalm } from './ui.js';

const KILL = 'failover';
const IDLE =
  'Puts load on all nodes, kills the leader, and measures how long nobody gets a number. Then it proves that none is missing.';

export function mountDemoStrip(place, app) {
  const { store, ui, demos } = app;
  const kill = el('button', {
    type: 'button',
    class: 'danger demo-kill',
    dataset: { testid: 'kill-leader' },
    onclick: () => void killLeader(),
  });
  kill.append(el('span', { 'aria-hidden': 'true' }, '⚡ '), 'Kill the leader');
  const sign = el('span', { class: 'demo-sign', 'aria-hidden': 'true' });
  const title = el('strong', {});
  const what = el('span', { class: 'demo-strip-what' });
  const gap = el('span', { class: 'num' });
  const holes = el('span', { class: 'num' });
  const took = el('span', { class: 'num' });
  const facts = el('span', { class: 'demo-strip-facts' }, gap, holes, took);
  const cancel = el(
    'button',
    { type: 'button', dataset: { testid: 'strip-cancel' }, onclick: () => void cancelRun() },
    'Cancel',
  );
  const details = el('a', { href: '#demos', class: 'demo-strip-link' }, 'Details');
  const strip = el(
    'div',
    { class: 'demo-strip', dataset: { testid: 'demo-strip' }, hidden: true },
    kill,
    el('p', { class: 'demo-strip-text' }, sign, title, what),
    facts,
    cancel,
    details,
  );
  place.append(strip);
  let told;
  details.addEventListener('click', event => {
    event.preventDefault();
    ui.reveal('demos');
  });
  ui.commands.add({
    id: 'demo-kill-leader',
    title: 'Kill the leader',
    hint: 'demonstration',
    keywords: 'failover demo crash',
    run: () => {
      document.getElementById('charts')?.scrollIntoView({ behavior: isCalm() ? 'auto' : 'smooth' });
      void killLeader();
    },
  });

  demos.on(show);
  store.on('numbers', () => {
    if (demos.state.run?.state === 'running') show();
  });
  demos.onEnd(run => ui.toast(outcomeOf(run), { tone: toastTone(run), ms: 12_000 }));
  show();

  async function killLeader() {
    if (demos.state.available !== true) {
      ui.toast('There are no demonstrations on this cluster.', { tone: 'warn' });
      return;
    }
    if (demos.isBusy()) {
      ui.toast('A demonstration is running; one at a time.', { tone: 'warn' });
      return;
    }
    const problem = await demos.start(KILL, {});
    if (problem !== undefined) ui.toast(`${problem.title}: ${problem.detail}`, { tone: 'bad' });
  }

  async function cancelRun() {
    const { run } = demos.state;
    if (run === undefined) return;
    const problem = await demos.cancel(run.id);
    if (problem !== undefined) ui.toast(`${problem.title}: ${problem.detail}`, { tone: 'bad' });
  }

  function show() {
    const { available, run, starting, catalogue } = demos.state;
    setHidden(strip, available !== true);
    if (available !== true) return;
    const busy = demos.isBusy();
    const failover = catalogue?.demos.find(({ name }) => name === KILL);
    setHidden(kill, busy || failover === undefined || failover.unavailable !== null);
    const isRunning = run?.state === 'running';
    setHidden(cancel, !isRunning);
    setHidden(facts, !isRunning);
    setHidden(details, run === undefined);
    if (starting !== undefined && !isRunning) {
      look('busy', '▶', 'Starting …', '');
    } else if (isRunning) {
      const at = currentStep(run);
      const where = at === null ? '' : `step ${at.number} of ${at.of}: ${at.step.title}`;
      look('busy', '▶', run.title, where);
      if (where !== told) ui.announce((told = where));
      const key = keyFigure(run);
      setText(gap, key === undefined ? '' : `${key.label} ${figureText(key)}`);
      setText(holes, store.view === undefined ? '' : holesText(store.view.numbers.holes));
      setText(took, tookText(run, store.now()));
    } else if (run !== undefined) {
      const { sign, tone } = RUN_STATES[run.state];
      look(tone, sign, outcomeOf(run), '');
    } else look('idle', '', '', IDLE);
  }

  function look(tone, signText, titleText, whatText) {
    setAttr(strip, 'data-tone', tone);
    setText(sign, signText);
    setText(title, titleText);
    setText(what, whatText);
  }
}

function toastTone({ state }) {
  return { passed: 'good', failed: 'bad' }[state] ?? 'warn';
}
