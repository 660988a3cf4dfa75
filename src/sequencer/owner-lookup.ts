import type { Batch } from '../core/facts.ts';
import type { SeriesId } from '../core/identifiers.ts';
import { decodeJournalEntry, journalKey } from '../core/records.ts';
import type { FreshOwner } from '../core/requests.ts';
import type { DrawFinder } from '../ports/ledger.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';
import type { JournalIndex } from './journal-index.ts';

/**
 * Finds who first drew a number. Fresh numbers rise along the journal and every batch says where the counter
 * stood before it, so the journal is searched by halving; nothing is kept per number.
 */
export class OwnerLookup {
  private readonly store: SequenceStore;
  private readonly series: SeriesId;
  private readonly index: JournalIndex;
  private readonly ledger: DrawFinder | undefined;

  constructor(
    store: SequenceStore,
    series: SeriesId,
    sources: { readonly index: JournalIndex; readonly ledger?: DrawFinder | undefined },
  ) {
    this.store = store;
    this.series = series;
    this.index = sources.index;
    this.ledger = sources.ledger;
  }

  /**
   * The allocation that drew `number` from the counter, which must be below `next`.
   *
   * @param lastSequence the newest batch to look at
   * @returns `undefined` when that part of the journal is gone
   * @throws SeqdError `unavailable`
   */
  async find(number: number, lastSequence: number): Promise<FreshOwner | undefined> {
    const sequence = this.index.findDraw(number) ?? (await this.search(number, lastSequence));
    if (sequence === undefined) return undefined;
    const batch = await this.readBatch(sequence);
    for (const [index, fact] of (batch?.facts ?? []).entries()) {
      if (fact.kind !== 'issue' && fact.kind !== 'block' && fact.kind !== 'reserve') continue;
      if (fact.fresh === null || fact.fresh.first > number || fact.fresh.last < number) continue;
      return { allocation: { sequence, index }, owner: fact.owner };
    }
    return undefined;
  }

  /**
   * The same, as the ledger knows it: for what is pruned from the journal.
   *
   * @returns `undefined` when there is no ledger, or it does not know either
   * @throws SeqdError `ledger_unavailable`
   */
  async findInLedger(number: number): Promise<FreshOwner | undefined> {
    return this.ledger?.findDraw(this.series, number);
  }

  /** Whether the journal still holds a batch. @throws SeqdError `unavailable` */
  async isKept(sequence: number): Promise<boolean> {
    return (await this.readBatch(sequence)) !== undefined;
  }

  /** The last batch with `next <= number`, by halving over the stored journal. */
  private async search(number: number, lastSequence: number): Promise<number | undefined> {
    let low = 1;
    let high = lastSequence;
    let found: number | undefined;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const batch = await this.readBatch(middle);
      if (batch === undefined || batch.next <= number) {
        // A batch that is gone is older than all that are there.
        if (batch !== undefined) found = middle;
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return found;
  }

  private async readBatch(sequence: number): Promise<Batch | undefined> {
    const { record } = await this.store.read(this.series, journalKey(sequence));
    return record === null ? undefined : decodeJournalEntry(record.value, record.revision).batch;
  }
}
