// What somebody should know now, worst first, and in the title of the tab.

import { el, keyedList, setAttr, setHidden, setText } from './dom.js';
import { clock, duration, plural } from './format.js';
import { icon } from './icons.js';
import { isOld } from './store.js';

const LEVELS = ['critical', 'warning', 'info'];
const TONES = { critical: 'bad', warning: 'warn', info: 'info' };
const AGE_INTERVAL_MS = 1_000;

export function mount(section, { store, ui }) {
  const summary = el('span', { class: 'badge', 'data-testid': 'alert-count' });
  const list = el('ul', {
    class: 'alert-list',
    // It scrolls when there are many.
    tabindex: '0',
    'aria-labelledby': 'alerts-title',
    'data-testid': 'alert-list',
  });
  const calm = el('div', { class: 'all-well', 'data-testid': 'no-alerts', hidden: true }, [
    icon('check'),
    el('p', null, [
      el('b', null, 'Nothing to do.'),
      el('br'),
      'Alerts stand here, worst first, with what to do.',
    ]),
  ]);
  section.append(el('div', { class: 'panel-tools' }, summary), list, calm);
  const sync = keyedList(list, {
    key: alert => alert.id,
    make,
    update: (item, alert) => update(item, alert, store.now()),
  });
  const known = new Set();

  const show = () => {
    const alerts = [...store.view.alerts].sort(
      (a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || a.since - b.since,
    );
    sync(alerts);
    const old = isOld(store.connection);
    setHidden(calm, alerts.length > 0 || old);
    setHidden(list, alerts.length === 0);
    const before = old ? ' when last heard of' : '';
    setText(summary, `${alerts.length === 0 ? 'none' : plural(alerts.length, 'alert')}${before}`);
    setAttr(summary, 'data-tone', alerts.length > 0 ? TONES[alerts[0].level] : old ? 'warn' : 'good');
    showInTitle(store);
    for (const alert of alerts) {
      if (!known.has(alert.id) && alert.level === 'critical')
        ui.announce(`${alert.title}. ${alert.detail}`, { urgent: true });
      known.add(alert.id);
    }
    for (const id of known) if (!alerts.some(alert => alert.id === id)) known.delete(id);
  };
  store.on(['alerts', 'connection'], () => store.view !== undefined && show());
  // The title matters most while the tab is hidden, and then nobody is told of changes.
  setInterval(() => {
    if (store.view === undefined) return;
    if (document.hidden) showInTitle(store);
    else if (store.view.alerts.length > 0) show();
  }, AGE_INTERVAL_MS);
}

const parts = new WeakMap();

function make() {
  const level = el('span', { class: 'badge' });
  const title = el('b');
  const age = el('span', { class: 'muted small alert-age' });
  const detail = el('p', { class: 'small' });
  const runbook = el('p', { class: 'small muted' });
  const item = el('li', { class: 'alert', 'data-testid': 'alert' }, [
    el('div', { class: 'alert-head' }, [level, title, age]),
    detail,
    runbook,
  ]);
  parts.set(item, { level, title, age, detail, runbook });
  return item;
}

function update(item, alert, now) {
  const { level, title, age, detail, runbook } = parts.get(item);
  setAttr(item, 'data-level', alert.level);
  setAttr(level, 'data-tone', TONES[alert.level]);
  setText(level, alert.level);
  setText(title, alert.title);
  setText(age, `for ${duration(now - alert.since)}`);
  setAttr(age, 'title', `since ${clock(alert.since)}`);
  setText(detail, alert.detail);
  setText(runbook, alert.runbook === undefined ? '' : `Runbook: “${alert.runbook}”`);
  setHidden(runbook, alert.runbook === undefined);
}

function showInTitle({ view: { alerts, series }, connection }) {
  const bad = alerts.filter(alert => alert.level !== 'info').length;
  const sign = isOld(connection) ? '(old) ' : bad === 0 ? '' : `(${bad}!) `;
  const title = `${sign}seqd · ${series}`;
  if (document.title !== title) document.title = title;
}
