import { decodeHead, GENESIS_CHAIN } from '../../core/head.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import type { LedgerRecord } from '../../core/ledger-record.ts';
import { decodeJournalStart, KEYS } from '../../core/records.ts';
import type { LedgerPosition } from '../../ports/ledger.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';

/** Journal and ledger contradict each other; nothing is written until a person has ended that. */
export class DivergedError extends Error {}

/** How the journal goes on from where the ledger ends. */
export interface JournalJoin {
  /** Where a ledger begins that has nothing of a series whose journal was pruned before. */
  readonly beginsAt: number | undefined;
  /** Time of the ledger's last batch, Unix milliseconds; `undefined` when it is not known. */
  readonly time: number | undefined;
}

/**
 * Finds where the journal goes on from the ledger.
 *
 * @param position of the ledger, read before: the journal that is read here reaches at least as far
 * @param published what is known in the store of the ledger
 * @throws DivergedError when it does not go on from there; SeqdError `unavailable`
 */
export async function joinJournal(
  { store, series }: { readonly store: SequenceStore; readonly series: SeriesId },
  position: LedgerPosition,
  published: LedgerRecord | undefined,
): Promise<JournalJoin> {
  const [head, start] = await Promise.all([
    store.read(series, KEYS.head),
    store.read(series, KEYS.journalStart),
  ]);
  const { sequence, chain, time } =
    head.record === null ? { sequence: 0, chain: GENESIS_CHAIN, time: 0 } : decodeHead(head.record.value);
  const first = start.record === null ? 1 : decodeJournalStart(start.record.value);
  if (position.sequence > sequence) {
    throw new DivergedError(
      `The ledger ends with batch ${position.sequence}, etcd with ${sequence}. Was etcd restored from a backup? "seqd recover" brings it up to date`,
    );
  }
  if (position.sequence === sequence && position.chain !== chain)
    throw new DivergedError(
      `Batch ${sequence} is another one in the ledger than in etcd: two histories. "seqd recover --dry-run" names the numbers that were issued in both`,
    );
  const isPruned = position.sequence + 1 < first;
  // A ledger that never had anything of the series has lost nothing.
  const isNew = position.sequence === 0 && (published?.sequence ?? 0) === 0;
  if (isPruned && !isNew) {
    throw new DivergedError(
      `The ledger ends with batch ${position.sequence}, and the journal begins with ${first}: what is between is ` +
        'gone. Was the ledger restored from a backup, or given back to a series that went on without it? "seqd recover" says what can be done',
    );
  }
  const isHead = position.sequence === sequence;
  return {
    beginsAt: isPruned ? first : undefined,
    time: published?.sequence === position.sequence ? published.time : isHead ? time : undefined,
  };
}
