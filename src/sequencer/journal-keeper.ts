import { type SeriesId, seriesName } from '../core/identifiers.ts';
import { journalKey, KEYS } from '../core/records.ts';
import type { SeriesState } from '../core/state.ts';
import type { Logger } from '../ports/logger.ts';
import type { LeadershipGuard, SequenceStore } from '../ports/sequence-store.ts';
import type { JournalIndex } from './journal-index.ts';

/** How much journal is kept in the store. */
export interface JournalLimits {
  /** Batches kept at most. */
  readonly batchesMax: number;
  /** Bytes of the newest batches kept at most. */
  readonly bytesMax: number;
}

/** However small the limits, this many batches stay, so that a node that lags behind can read on instead of loading anew. */
const BATCHES_MIN = 1_000;
/** Entries deleted at a time. */
const CHUNK = 5_000;

/**
 * Keeps the journal in the store within its limits. Run by the leader only, now and then; running it twice does no
 * harm. What is pruned is gone from the retry window too, so the window is told first.
 */
export class JournalKeeper {
  private readonly store: SequenceStore;
  private readonly series: SeriesId;
  private readonly limits: JournalLimits;
  private readonly logger: Logger;
  /** The oldest entry that may still be there; found by looking the first time. */
  private oldest: number | undefined;

  constructor(
    store: SequenceStore,
    series: SeriesId,
    options: { readonly limits: JournalLimits; readonly logger: Logger },
  ) {
    this.store = store;
    this.series = series;
    this.limits = options.limits;
    this.logger = options.logger;
  }

  /** The first batch to keep. */
  keepFrom(state: SeriesState, index: JournalIndex): number {
    const { sequence } = state.head;
    const within = Math.max(sequence - this.limits.batchesMax + 1, index.firstWithin(this.limits.bytesMax));
    return Math.max(1, Math.min(within, sequence - BATCHES_MIN + 1));
  }

  /** Deletes what need not be kept. @throws SeqdError `unavailable` */
  async prune(state: SeriesState, index: JournalIndex, leadership: LeadershipGuard): Promise<void> {
    const keepFrom = this.keepFrom(state, index);
    state.window.forgetBefore(keepFrom);
    let first = this.oldest ?? (await this.findOldest());
    if (first === undefined || first >= keepFrom) return;
    const pruned = keepFrom - first;
    while (first < keepFrom) {
      const last: number = Math.min(first + CHUNK, keepFrom) - 1;
      if (!(await this.store.prune({ series: this.series, first, last, leadership }))) return;
      first = last + 1;
      this.oldest = first;
    }
    this.logger.debug({ series: seriesName(this.series), pruned, keepFrom }, 'journal pruned');
  }

  private async findOldest(): Promise<number | undefined> {
    const from = journalKey(0);
    const { records } = await this.store.range({
      series: this.series,
      from,
      to: `${KEYS.journal}\uffff`,
      limit: 1,
    });
    return records[0] === undefined ? undefined : Number(records[0].key.slice(KEYS.journal.length));
  }
}
