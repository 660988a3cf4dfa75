// How the ledger stands, its verification, and the restore guard; the frame of it stands in index.html.

import { setAttr, setHidden, setText } from './dom.js';
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

export function showLedger(part, { ledger, restoreGuard }) {
  const hasLedger = ledger.state !== 'none';
  setText(part['ledger-state'], STATE_WORDS[ledger.state] ?? ledger.state);
  setAttr(part['ledger-state'], 'data-tone', TONES[ledger.state]);
  const detail = hasLedger ? ledger.detail : 'The journal in etcd is all there is; it is not pruned.';
  setText(part['ledger-detail'], detail);
  setHidden(part['ledger-detail'], detail === '');
  setHidden(part['ledger-figures'], !hasLedger);
  setText(part.projector, ledger.projector ?? 'nobody');
  setText(part['ledger-position'], `batch ${count(ledger.position)}`);
  setText(part['ledger-lag'], describeLag(ledger));
  setText(part['ledger-fullness'], percent(ledger.fullness, 1));
  const meter = part['ledger-meter'];
  const width = `${Math.min(100, Math.round(ledger.fullness * 100))}%`;
  if (meter.firstElementChild.style.width !== width) meter.firstElementChild.style.width = width;
  const tone = ledger.fullness >= 0.8 ? 'bad' : ledger.fullness >= 0.5 ? 'warn' : undefined;
  setAttr(meter, 'data-tone', tone);
  setText(part['ledger-verification'], describePatrol(ledger.verification));
  setText(part['restore-guard'], restoreGuard.state);
  setAttr(part['restore-guard'], 'data-tone', GUARD_TONES[restoreGuard.state]);
  setText(part['restore-guard-detail'], restoreGuard.detail);
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
