import type { LedgerStatus } from '../client/index.ts';

/** The ledger in one line for people. */
export function describeLedger(ledger: LedgerStatus): string {
  const { state, detail, position, lagBatches, lagSeconds, fullness, projector } = ledger;
  if (state === 'none') return 'none';
  const lag = lagBatches === 0 ? 'nothing waits' : `${lagBatches} wait, the oldest for ${lagSeconds} s`;
  return [
    detail === '' ? state : `${state}: ${detail}`,
    `batch ${position}, ${lag}`,
    ...(fullness < 0.01 ? [] : [`${Math.floor(fullness * 100)} % of what may wait`]),
    `written by ${projector ?? 'nobody'}`,
  ].join('; ');
}
