import { type SeriesId, seriesName } from '../core/identifiers.ts';
import { decodeLedgerRecord } from '../core/ledger-record.ts';
import { decodeJournalStart, KEYS } from '../core/records.ts';
import type { SeriesState } from '../core/state.ts';
import type { Logger } from '../ports/logger.ts';
import type { LeadershipGuard, SequenceStore } from '../ports/sequence-store.ts';
import type { JournalIndex } from './journal-index.ts';
import { readJournal } from './load-state.ts';

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
const PRUNE_CHUNK = 5_000;
/** Entries indexed at a time, … */
const INDEX_CHUNK = 1_000;
/** … and about how many bytes of them: decoding must not hold up the leader's commits. */
const INDEX_CHUNK_BYTES = 2_000_000;

/** What the ledger allows to prune. */
interface LedgerAllowance {
  /** The record that says so, as stored. */
  readonly text: string | null;
  /** The last batch that may go; infinite without a ledger. */
  readonly through: number;
}

/**
 * Looks after a series' journal, now and then: the leader keeps it within its limits in the store ({@link keep}), the
 * others follow ({@link follow}). Running either twice does no harm, nor does a leader that is one no more.
 *
 * Nothing is pruned that is not in the ledger, be it configured here or on another node: what the ledger's record in the
 * store allows is compared in the transaction that prunes.
 *
 * Idempotency keys are forgotten with the batches they came in, not before: while a batch is in the journal, whoever
 * loads the series knows its keys.
 */
export class JournalKeeper {
  private readonly store: SequenceStore;
  private readonly series: SeriesId;
  private readonly limits: JournalLimits;
  private readonly logger: Logger;
  private readonly mayWrite: () => boolean;
  private readonly hasLedger: boolean;
  /** Where the stored journal begins, as last read or written; `undefined` when it must be read. */
  private start: number | undefined;

  constructor(
    store: SequenceStore,
    series: SeriesId,
    options: {
      readonly limits: JournalLimits;
      readonly logger: Logger;
      /** Asked before each write. */
      readonly mayWrite: () => boolean;
      /** Whether there is to be a ledger, even if it has no record yet. */
      readonly hasLedger?: boolean;
    },
  ) {
    this.store = store;
    this.series = series;
    this.limits = options.limits;
    this.logger = options.logger;
    this.mayWrite = options.mayWrite;
    this.hasLedger = options.hasLedger ?? false;
  }

  /** For the leader: deletes what need not be kept, and indexes what it must know to tell. @throws SeqdError `unavailable` */
  async keep(state: SeriesState, index: JournalIndex, leadership: LeadershipGuard): Promise<void> {
    await this.prune(state, index, leadership);
    await this.indexOlder(index);
  }

  /** For all others: forgets the keys whose batches the leader has pruned. @throws SeqdError `unavailable` */
  async follow(state: SeriesState): Promise<void> {
    state.window.forgetBefore(await this.readStart());
  }

  private async prune(state: SeriesState, index: JournalIndex, leadership: LeadershipGuard): Promise<void> {
    let start = this.start ?? (await this.readStart());
    const from = start;
    let keepFrom = this.keepFrom(state, index);
    const ledger = start < keepFrom ? await this.readLedger() : { text: null, through: 0 };
    keepFrom = Math.min(keepFrom, ledger.through + 1);
    while (start < keepFrom && this.mayWrite()) {
      const last: number = Math.min(start + PRUNE_CHUNK, keepFrom) - 1;
      // Nothing is believed until the store has said that it is so.
      this.start = undefined;
      const pruned = { series: this.series, first: start, last, leadership, ledger: ledger.text };
      if (!(await this.store.prune(pruned))) return;
      start = last + 1;
      this.start = start;
    }
    state.window.forgetBefore(start);
    if (start > from) {
      this.logger.debug({ series: seriesName(this.series), pruned: start - from, start }, 'journal pruned');
    }
  }

  /** The first batch to keep, as far as the index can tell. */
  private keepFrom({ head }: SeriesState, index: JournalIndex): number {
    const { batchesMax, bytesMax } = this.limits;
    const within = Math.max(head.sequence - batchesMax + 1, index.firstWithin(bytesMax) ?? 1);
    return Math.max(1, Math.min(within, head.sequence - BATCHES_MIN + 1));
  }

  /**
   * Indexes some of the journal before what is indexed, unless it is known already which batches fit into the byte
   * limit. A node that has just started knows the newest batches only.
   */
  private async indexOlder(index: JournalIndex): Promise<void> {
    const { start } = this;
    if (start === undefined || start >= index.first) return;
    if (index.firstWithin(this.limits.bytesMax) !== undefined) return;
    const affordable = Math.ceil((INDEX_CHUNK_BYTES * index.size) / index.bytes);
    const count = Math.min(INDEX_CHUNK, affordable, index.room, index.first - start);
    if (count === 0) return;
    const entries = await readJournal(this.store, this.series, {
      first: index.first - count,
      last: index.first - 1,
    });
    index.prepend(entries);
    // Somebody else has pruned meanwhile.
    if (entries.length < count) this.start = undefined;
  }

  private async readLedger(): Promise<LedgerAllowance> {
    const { record } = await this.store.read(this.series, KEYS.ledger);
    if (record === null) return { text: null, through: this.hasLedger ? 0 : Number.POSITIVE_INFINITY };
    const { sequence, problem } = decodeLedgerRecord(record.value);
    // While journal and ledger contradict each other, what is left of either is evidence.
    return { text: record.value, through: problem === 'diverged' ? 0 : sequence };
  }

  private async readStart(): Promise<number> {
    const { record } = await this.store.read(this.series, KEYS.journalStart);
    this.start = record === null ? 1 : decodeJournalStart(record.value);
    return this.start;
  }
}
