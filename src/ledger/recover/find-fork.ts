import type { Digest } from '../../core/apply.ts';
import { decodeBatch } from '../../core/batch-codec.ts';
import { SeqdError } from '../../core/errors.ts';
import { GENESIS_CHAIN } from '../../core/head.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import { intersectRanges } from '../../core/ranges.ts';
import type { RecoveryLedger } from '../../ports/ledger.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';
import { readJournal } from '../../sequencer/load-state.ts';
import type { SeriesStanding } from '../series-standing.ts';
import { drawnIn, type Fork } from './recovery-plan.ts';

const CHUNK = 1_000;

/** Where two histories are read from. */
interface Histories {
  readonly store: SequenceStore;
  readonly ledger: RecoveryLedger;
  readonly digest: Digest;
}

/**
 * Finds where the history in etcd and the one in the ledger have parted, and which numbers both have drawn since.
 *
 * @throws SeqdError `unavailable`, `ledger_unavailable`; `behind_ledger` when they parted before the journal in etcd begins
 */
export async function findFork(
  series: SeriesId,
  standing: SeriesStanding,
  histories: Histories,
): Promise<Fork> {
  const { store, ledger } = histories;
  const inEtcd = standing.head?.sequence ?? 0;
  const inLedger = standing.ledger.sequence;
  const common = await findCommon(series, standing, histories);
  const ours: string[] = [];
  for (let first = common + 1; first <= inEtcd; first += CHUNK)
    for (const { text } of await readJournal(store, series, {
      first,
      last: Math.min(inEtcd, first + CHUNK - 1),
    }))
      ours.push(text);
  const theirs: string[] = [];
  for (let first = common + 1; first <= inLedger; first += CHUNK)
    for (const { text } of await ledger.batches(series, first, CHUNK)) theirs.push(text);
  const lostDraws = drawnIn(theirs);
  return {
    common,
    inEtcd: inEtcd - common,
    inLedger: inLedger - common,
    conflicts: intersectRanges(drawnIn(ours), lostDraws),
    lostDraws,
  };
}

/** The last batch that both have: once they differ, each further batch does, because it names the one before. */
async function findCommon(
  series: SeriesId,
  { head, ledger: { sequence }, journalFirst }: SeriesStanding,
  { store, ledger, digest }: Histories,
): Promise<number> {
  const same = async (at: number): Promise<boolean> => {
    const [entry] = await readJournal(store, series, { first: at, last: at });
    const [batch] = await ledger.batches(series, at, 1);
    return entry !== undefined && batch !== undefined && entry.text === batch.text;
  };
  let low = journalFirst - 1;
  let high = Math.min(head?.sequence ?? 0, sequence);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (await same(middle)) low = middle;
    else high = middle - 1;
  }
  if (low >= journalFirst) return low;
  // None of the journal is in the ledger; so at most what is before it.
  const [first] = await readJournal(store, series, { first: journalFirst, last: journalFirst });
  const [before] = low === 0 ? [] : await ledger.batches(series, low, 1);
  const chain = low === 0 ? GENESIS_CHAIN : before === undefined ? undefined : digest(before.text);
  if (first !== undefined && decodeBatch(first.text).previous === chain) return low;
  throw new SeqdError(
    'behind_ledger',
    `The histories parted before batch ${journalFirst}, with which the journal in etcd begins: they cannot be kept both in one series. Begin a new ` +
      'cluster above every number on any document; docs/runbook.md says how',
  );
}
