import type { SeriesId } from '../core/identifiers.ts';
import type { BatchRow, FactRow } from './ledger-rows.ts';
import type { LedgerHole, LedgerPosition } from './ledger.ts';

/** How much is read at a time; at least one batch, however large. */
export interface ScanLimits {
  readonly batchesMax: number;
  readonly bytesMax: number;
}

/** Rows of facts for which there is no batch. */
export interface OrphanRows {
  readonly count: number;
  /** The first of them, by sequence, index and part; at most {@link ORPHANS_SHOWN_MAX}. */
  readonly rows: readonly FactRow[];
}

/** More of them are only counted. */
export const ORPHANS_SHOWN_MAX = 100;

/**
 * The next batches of a ledger, in whatever condition they are: columns hold what is stored, and may hold values of the wrong
 * kind where the table allows them.
 */
export interface LedgerChunk {
  /** Consecutive sequences, ascending; one that is there twice comes twice. Empty at the end of the ledger. */
  readonly batches: readonly BatchRow[];
  /** All rows of those batches, by sequence, index, part and time. */
  readonly facts: readonly FactRow[];
  /** Between what was read before and these batches; at the end of the ledger, after its last. */
  readonly orphans: OrphanRows;
}

/** A series in the ledger at one moment. */
export interface LedgerMoment {
  /** Where the ledger says that it stands; `undefined` when it does not know the series. */
  readonly checkpoint: LedgerPosition | undefined;
  /** What is missing and documented, ascending. */
  readonly holes: readonly LedgerHole[];
  /** The batches after a sequence. @throws SeqdError `ledger_unavailable` */
  after(sequence: number, limits: ScanLimits): Promise<LedgerChunk>;
  /** Rows where no batch of any series can be, one sentence each; a few of them. @throws SeqdError `ledger_unavailable` */
  strays(): Promise<string[]>;
}

/** Reads a ledger as it is stored, for whoever checks it. */
export interface LedgerScan {
  /**
   * Reads at one moment: whatever is written meanwhile is not seen.
   *
   * @throws SeqdError `ledger_unavailable`, and what the work throws
   */
  at<T>(series: SeriesId, work: (moment: LedgerMoment) => Promise<T>): Promise<T>;
  /** Frees all connections. */
  close(): Promise<void>;
}
