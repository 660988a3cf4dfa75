import { assertFormat, STORED_FORMAT } from './head.ts';
import { parseStored } from './stored-text.ts';

/**
 * What keeps a journal from being written to the ledger.
 * - `unavailable`: the ledger does not answer; passes by itself.
 * - `diverged`: ledger and journal contradict each other, or the journal no longer reaches back to where the ledger ends;
 *   only a person can end it.
 */
export type LedgerProblem = 'unavailable' | 'diverged';

/**
 * How far a series' journal is in the ledger, as its projector publishes it in the store: every node sees the lag without
 * asking the ledger, and the journal is pruned only behind it.
 */
export interface LedgerRecord {
  /** The last batch that is in the ledger for certain; 0 before the first. */
  readonly sequence: number;
  /** Hash of that batch. */
  readonly chain: string;
  /** Time of that batch, Unix milliseconds; 0 when it is not known. */
  readonly time: number;
  /** The node that wrote this. */
  readonly node: string;
  readonly problem: LedgerProblem | null;
  /** One sentence about the problem, for people; empty without one. */
  readonly detail: string;
}

/** The record as stored. */
export function encodeLedgerRecord({ sequence, chain, time, node, problem, detail }: LedgerRecord): string {
  return JSON.stringify({
    f: STORED_FORMAT,
    s: sequence,
    c: chain,
    t: time,
    w: node,
    ...(problem === null ? {} : { p: problem, d: detail }),
  });
}

/** The reverse of {@link encodeLedgerRecord}. @throws SeqdError `unsupported_format`, `invariant_violated` */
export function decodeLedgerRecord(text: string): LedgerRecord {
  const stored = parseStored('ledger position', text) as {
    f: number;
    s: number;
    c: string;
    t: number;
    w: string;
    p?: LedgerProblem;
    d?: string;
  };
  assertFormat(stored.f, 'ledger position');
  const { s: sequence, c: chain, t: time, w: node, p: problem = null, d: detail = '' } = stored;
  return { sequence, chain, time, node, problem, detail };
}
