// How the ledger stands, its verification, and the restore guard.

import { el, setAttr, setHidden, setText } from './dom.js';
import { count, dateClock, ms, percent, plural } from './format.js';

const TONES = { ok: 'good', lagging: 'warn', unavailable: 'bad', diverged: 'bad', none: undefined };
const STATE_WORDS = { none: 'no ledger' };
const GUARD_TONES = {
  verified: 'good',
  refusing: 'bad',
  unverified: 'warn',
  unchecked: 'warn',
  off: undefined,
};

export function createLedgerCard() {
  const state = el('span', { class: 'badge', 'data-testid': 'ledger-state' });
  const detail = el('p', { class: 'small' });
  const rows = Object.fromEntries(ROWS.map(([name, label, testid]) => [name, row(label, testid)]));
  const guard = el('span', { class: 'badge' });
  const guardDetail = el('span', { class: 'small' });
  const meter = el('span', { class: 'fullness' }, el('span'));
  rows.fullness.value.append(el('span'), meter);
  rows.guard.value.append(guard, ' ', guardDetail);
  const element = el('div', { class: 'ledger' }, [
    el('h3', null, ['Ledger ', state]),
    detail,
    el(
      'dl',
      { class: 'kv' },
      ROWS.flatMap(([name]) => [rows[name].label, rows[name].value]),
    ),
  ]);

  return {
    element,
    show({ ledger, restoreGuard }) {
      const hasLedger = ledger.state !== 'none';
      setText(state, STATE_WORDS[ledger.state] ?? ledger.state);
      setAttr(state, 'data-tone', TONES[ledger.state]);
      setText(detail, hasLedger ? ledger.detail : 'The journal in etcd is all there is; it is not pruned.');
      setHidden(detail, hasLedger && ledger.detail === '');
      for (const [name] of ROWS) if (name !== 'guard') show(rows[name], hasLedger);
      setText(rows.projector.value, ledger.projector ?? 'nobody');
      setText(rows.position.value, `batch ${count(ledger.position)}`);
      setText(rows.lag.value, describeLag(ledger));
      setText(rows.fullness.value.firstElementChild, percent(ledger.fullness));
      const width = `${Math.min(100, Math.round(ledger.fullness * 100))}%`;
      if (meter.firstElementChild.style.width !== width) meter.firstElementChild.style.width = width;
      setAttr(
        meter,
        'data-tone',
        ledger.fullness >= 0.8 ? 'bad' : ledger.fullness >= 0.5 ? 'warn' : undefined,
      );
      setText(rows.verification.value, describePatrol(ledger.verification));
      setText(guard, restoreGuard.state);
      setAttr(guard, 'data-tone', GUARD_TONES[restoreGuard.state]);
      setText(guardDetail, restoreGuard.detail);
    },
  };
}

const ROWS = [
  ['projector', 'written by', 'projector'],
  ['position', 'position', 'ledger-position'],
  ['lag', 'behind', 'ledger-lag'],
  ['fullness', 'journal full', 'ledger-fullness'],
  ['verification', 'verification', 'ledger-verification'],
  ['guard', 'restore guard', 'restore-guard'],
];

function row(label, testid) {
  return { label: el('dt', null, label), value: el('dd', { 'data-testid': testid }) };
}

function show({ label, value }, shown) {
  setHidden(label, !shown);
  setHidden(value, !shown);
}

function describeLag({ lagBatches, lagSeconds }) {
  return lagBatches === 0
    ? 'nothing'
    : `${plural(lagBatches, 'batch', 'batches')}, ${ms(lagSeconds * 1_000)}`;
}

/** The patrol's view: where it is, what it found, when it last got through. */
function describePatrol(patrol) {
  if (patrol === null || patrol === undefined) return 'on the node that writes, if at all';
  const found =
    patrol.problems === 0 ? 'no findings' : `${plural(patrol.problems, 'finding')}: ${patrol.finding ?? ''}`;
  const passed =
    typeof patrol.lastPassAt === 'number' ? `last pass ${dateClock(patrol.lastPassAt)}` : 'first pass';
  return `${found}; ${passed}`;
}
