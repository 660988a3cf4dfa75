import type { Owner, Position, SeriesId } from '../core/identifiers.ts';
import type { NumberRange } from '../core/ranges.ts';
import type { FactRow } from './ledger-rows.ts';

/** A row of the ledger with what its batch says of the commit. */
export interface LedgerFact extends FactRow {
  /** etcd's revision of the commit. */
  readonly revision: number;
  /** The node process that committed it. */
  readonly node: string;
}

/** Where a row stands. Times never fall along the journal, so this orders as the journal does. */
export interface FactPlace extends Position {
  /** Unix milliseconds. */
  readonly time: number;
  readonly part: number;
}

/** Which facts to give; whatever is left out does not matter. */
export interface AuditFilter extends Partial<Owner> {
  readonly client?: string;
  readonly reference?: string;
  /** An idempotency key. */
  readonly key?: string;
  readonly kinds?: readonly FactRow['kind'][];
  /** Unix milliseconds, inclusive. */
  readonly from?: number;
  /** Unix milliseconds, exclusive. */
  readonly to?: number;
  /** Facts about at least one of these numbers. */
  readonly numbers?: NumberRange;
}

/** `asc` is the order of the journal, `desc` its exact reverse: the newest first. */
export type AuditOrder = 'asc' | 'desc';

/** Rows, and how far the ledger reached when they were read. */
export interface FactsRead {
  /** Sequence of the last batch in the ledger; what is later is not among the rows. */
  readonly position: number;
  /** The ledger has all batches from this one up to there; of those before it some are lost for good, unless it is 1. */
  readonly wholeFrom: number;
  readonly facts: readonly LedgerFact[];
}

/** A place where the numbers drawn do not follow each other: a hole, or numbers drawn twice. */
export interface CoverageBreak extends NumberRange {
  /** The last number drawn before; the next row goes from `first` to `last`. */
  readonly before: number;
}

/** Which numbers of a range the ledger saw drawn from the counter. */
export interface Coverage {
  /** From the first to the last number of the rows that touch the range; `null` when there are none. */
  readonly covered: NumberRange | null;
  readonly breaks: readonly CoverageBreak[];
}

/** Numbers that are void, and why. */
export interface VoidRow extends NumberRange {
  readonly kind: FactRow['kind'];
  readonly reason: string | null;
  readonly actor: string | null;
}

/** What `seqd recover --keep-both` set aside: batches of a series that etcd had lost, under a period of their own. */
export interface LostHistory {
  readonly period: string;
  /** Of its batches. */
  readonly first: number;
  readonly last: number;
  /** From the first to the last number of the range asked for that it speaks of; `null` when it speaks of none. */
  readonly numbers: NumberRange | null;
  /** Those that both histories have drawn from the counter: two documents have each. */
  readonly both: NumberRange | null;
}

/** What the ledger holds of a range of numbers. */
export interface RangeEvidence {
  readonly position: number;
  /** Hash of the last batch that was asked for and is in the ledger; `null` when that batch is missing. */
  readonly chain: string | null;
  readonly coverage: Coverage;
  /**
   * Numbers that were drawn in batches which the ledger will never have, as is documented, ascending; `last` is `first - 1` where those
   * drew none. Any number up to `last` may have changed in them.
   */
  readonly unrecorded: readonly NumberRange[];
}

/** How long somebody waits. */
export interface Patience {
  /** Aborted, a question fails at once, and takes nothing from those that come later. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The searchable side of the ledger. Nothing is read of batches after `through`, so that an answer can be of the same
 * moment as what was read from etcd.
 *
 * Every method throws SeqdError `ledger_unavailable` when PostgreSQL does not answer, or not in time.
 */
export interface LedgerReader {
  /** Sequence of the last batch in the ledger; 0 when it has none. */
  position(series: SeriesId, options?: Patience): Promise<number>;
  /** The rows that speak of one number. @param options.after only facts after this place */
  factsOf(
    series: SeriesId,
    number: number,
    options: {
      readonly through: number;
      readonly after?: Position | undefined;
      readonly limit: number;
    } & Patience,
  ): Promise<FactsRead>;
  /** The rows that a filter takes, in the order asked for. @param options.from from this place on, inclusive */
  facts(
    series: SeriesId,
    filter: AuditFilter,
    options: {
      readonly through: number;
      readonly order: AuditOrder;
      readonly from?: FactPlace | undefined;
      readonly limit: number;
    } & Patience,
  ): Promise<FactsRead>;
  /**
   * The same for all of them, in chunks, at one moment and without holding more than a chunk; the first comes even when it
   * is empty. Ending the iteration, or aborting, frees the connection and stops the query.
   */
  stream(
    series: SeriesId,
    filter: AuditFilter,
    options: { readonly through: number } & Patience,
  ): AsyncIterable<FactsRead>;
  /** The numbers drawn from the counter from one time (inclusive) to another (exclusive); `null` for none. */
  drawnBetween(
    series: SeriesId,
    times: { readonly from?: number | undefined; readonly to?: number | undefined },
    through: number,
  ): Promise<{ readonly position: number; readonly numbers: NumberRange | null }>;
  /** Evidence that a range of numbers was drawn without a hole. */
  evidence(
    series: SeriesId,
    range: NumberRange,
    options: { readonly through: number } & Patience,
  ): Promise<RangeEvidence>;
  /** Every fact that made numbers of the range void, in chunks. */
  voids(
    series: SeriesId,
    range: NumberRange,
    options: { readonly through: number } & Patience,
  ): AsyncIterable<readonly VoidRow[]>;
  /** The lost histories of a series, and which numbers of a range they touch. */
  lostHistories(series: SeriesId, range: NumberRange): Promise<readonly LostHistory[]>;
  /** Every owner there is. */
  owners(options?: Patience): Promise<readonly Owner[]>;
  /** Frees all connections. */
  close(): Promise<void>;
}
