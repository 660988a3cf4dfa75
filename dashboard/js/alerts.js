// What somebody should know now, worst first, and in the title of the tab. The frame of it stands in index.html.

import { copyOf, keyedList, partsOf, setAttr, setHidden, setText } from './dom.js';
import { clock, duration, plural } from './format.js';
import { isOld } from './store.js';

const LEVELS = ['critical', 'warning', 'info'];
const TONES = { critical: 'bad', warning: 'warn', info: 'info' };

export function mount(section, { store, ui }) {
  const { 'alert-count': summary, 'alert-list': list, 'no-alerts': calm } = partsOf(section);
  const sync = keyedList(list, {
    key: alert => alert.id,
    make: () => copyOf('alert-card'),
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
  store.on(['alerts', 'connection', 'second'], () => store.view !== undefined && show());
  // The title matters most while the tab is hidden, and then nobody is told of changes.
  setInterval(() => {
    if (document.hidden && store.view !== undefined) showInTitle(store);
  }, 1_000);
}

function update(item, alert, now) {
  const { level, title, age, detail, runbook } = partsOf(item);
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
