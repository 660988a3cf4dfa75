import type { SeriesId } from '../core/identifiers.ts';
import type { JournalEntry } from '../core/records.ts';
import type { FreshOwner } from '../core/requests.ts';

/** How far a series' journal has been written to the ledger. */
export interface LedgerPosition {
  /** Sequence of the last batch in the ledger; 0 before the first. */
  readonly sequence: number;
  /** Hash of that batch, as the next one must name it; {@link GENESIS_CHAIN} before the first. */
  readonly chain: string;
  /** The counter's next number after that batch, as far as the ledger can tell; 0 before the first. */
  readonly next: number;
}

/** How a series stands in the ledger, and who may write it. */
export interface LedgerStanding extends LedgerPosition {
  /** Of the projector that wrote last: a revision of the store. A store of a lower revision was restored from a backup. */
  readonly epoch: number;
}

/**
 * What became of an attempt to append.
 * - `appended`: the batches are in the ledger, or were there before.
 * - `fenced`: a projector of a later epoch has written since; this one must stop.
 * - `elsewhere`: the ledger is not where the batches begin; read the position again.
 */
export type AppendOutcome =
  | { readonly status: 'appended'; readonly position: LedgerPosition }
  | { readonly status: 'fenced' }
  | { readonly status: 'elsewhere'; readonly position: LedgerPosition };

/** How batches are appended. */
export interface AppendOptions {
  /**
   * For a journal that was pruned before there was a ledger: one that has nothing of the series begins with the first of the batches,
   * and documents those before it as missing, in the same transaction. Changes nothing for one that has something.
   */
  readonly beginsHere?: boolean;
}

/** The permanent record of every series, written in the order of the journal (DESIGN §7). */
export interface Ledger {
  /** Where a series stands in the ledger. @throws SeqdError `ledger_unavailable` */
  position(series: SeriesId): Promise<LedgerPosition>;
  /**
   * Appends batches and moves the position, all in one transaction; appending what is there already changes nothing.
   *
   * @param entries consecutive, in order, at least one; the first follows the position
   * @param epoch of the projector's election; rises with every projector
   * @throws SeqdError `ledger_unavailable` (nothing, or all of it, was written); `invariant_violated` when the batches do not continue
   *   the ledger's chain
   */
  append(
    series: SeriesId,
    entries: readonly JournalEntry[],
    epoch: number,
    options?: AppendOptions,
  ): Promise<AppendOutcome>;
  /** Frees all connections. */
  close(): Promise<void>;
}

/** What a ledger can tell that the journal may not, any more. */
export interface DrawFinder {
  /**
   * Who drew a number from the counter, as far as the ledger has got; `undefined` when no batch in it did.
   *
   * @throws SeqdError `ledger_unavailable`
   */
  findDraw(series: SeriesId, number: number): Promise<FreshOwner | undefined>;
}

/** Above every election: while a recovery is under way nobody else writes to the ledger. */
export const EPOCH_CLOSED = Number.MAX_SAFE_INTEGER;

/** A batch as the ledger keeps it. */
export interface LedgerBatch {
  readonly sequence: number;
  /** The journal entry as it was committed, byte by byte. */
  readonly text: string;
}

/** Who accepted that batches are missing, and why. */
export interface HoleReason {
  readonly reason: string;
  readonly actor: string;
}

/** Batches that a ledger will never have; documented, because somebody has accepted it. */
export interface LedgerHole extends HoleReason {
  /** Sequences, inclusive. */
  readonly first: number;
  readonly last: number;
  /** When it was documented, Unix milliseconds. */
  readonly time: number;
}

/** What a recovery does with a ledger besides. All methods throw SeqdError `ledger_unavailable`. */
export interface RecoveryLedger extends Ledger {
  standing(series: SeriesId): Promise<LedgerStanding>;
  /** Batches from `first` on, in order, at most `limit`. */
  batches(series: SeriesId, first: number, limit: number): Promise<LedgerBatch[]>;
  /** Nobody of a lower epoch writes from now on; also lowers it, for a store whose revisions begin anew. */
  setEpoch(series: SeriesId, epoch: number): Promise<void>;
  /**
   * Goes on from a later position, although the batches up to there are missing and stay so, and documents that: every verification of
   * the ledger names them. Never lowers it.
   */
  skipTo(series: SeriesId, position: LedgerPosition, why: HoleReason): Promise<void>;
  /**
   * Moves all batches after `sequence`, with their facts, to a series period of this name, so that the series can be continued
   * from there in another way. All in one transaction; done again, it changes nothing.
   *
   * Whatever is told of batches begins again after `sequence`, where it had got further, and what follows there counts as a branch of
   * this name; nothing is told of the batches moved.
   *
   * @param period ends in what tells it from the series' own
   * @param branch as of {@link branch}
   */
  detach(series: SeriesId, sequence: number, lost: { period: string; branch: string }): Promise<void>;
  /**
   * Notes that batches after `sequence` may not be those that were there before a restore: their events have ids that end in this name.
   * Does nothing when that was noted for the same sequence.
   */
  branch(series: SeriesId, sequence: number, name: string): Promise<void>;
}
