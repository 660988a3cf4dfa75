import type { Owner, Position } from './identifiers.ts';
import type { NumberRange, RangeSet } from './ranges.ts';

/** Where a released number goes under the series' reuse policy. */
export type ReleaseTarget = 'pool' | 'void';

/** What any fact may carry about the request that caused it. */
export interface FactOrigin {
  /** The client's idempotency key, with a fingerprint of the payload it came with. */
  readonly key?: string;
  readonly fingerprint?: string;
  /** The ingress id of a forwarded request: which node process took it in, and its running number there. */
  readonly ingress?: string;
  readonly ingressNumber?: number;
  /** Free text from the client: who it is, which trace, which document. */
  readonly client?: string;
  readonly trace?: string;
  readonly reference?: string;
}

/** Numbers drawn for an owner: from the pool, from the counter, or both. At least one. */
interface Drawn {
  readonly owner: Owner;
  /** Taken from the pool, ascending. */
  readonly reused: readonly NumberRange[];
  /** Taken from the counter; starts at the head's `next`. */
  readonly fresh: NumberRange | null;
}

/** Numbers issued. With `suppressed`, they were released again in the same step, for that reason. */
export interface IssueFact extends FactOrigin, Drawn {
  readonly kind: 'issue';
  readonly suppressed?: { readonly reason: string; readonly to: ReleaseTarget };
}

/** A contiguous range issued at once, always from the counter. */
export interface BlockFact extends FactOrigin, Drawn {
  readonly kind: 'block';
}

/** Numbers held until `deadline` (Unix milliseconds). */
export interface ReserveFact extends FactOrigin, Drawn {
  readonly kind: 'reserve';
  readonly deadline: number;
}

/** A reservation became an allocation; it keeps its position as allocationId. */
export interface ConfirmFact extends FactOrigin, Drawn {
  readonly kind: 'confirm';
  readonly reservation: Position;
}

/** A reservation ended, by its owner or by its deadline; its numbers went to the pool or became void. */
export interface EndReservationFact extends FactOrigin, Drawn {
  readonly kind: 'cancel' | 'expire';
  readonly reservation: Position;
  readonly to: ReleaseTarget;
}

/** An issued number was given back. `allocation` and `owner` are those it belonged to. */
export interface ReleaseFact extends FactOrigin {
  readonly kind: 'release';
  readonly number: number;
  readonly allocation: Position;
  readonly owner: Owner;
  readonly reason: string;
  readonly to: ReleaseTarget;
}

/** An issued number was taken out for good. */
export interface VoidFact extends FactOrigin {
  readonly kind: 'void';
  readonly number: number;
  readonly allocation: Position;
  readonly owner: Owner;
  readonly reason: string;
  readonly actor: string;
}

/**
 * The counter was raised to `next`. `skipped` became void, or is null when the series was still empty, or nothing lay between.
 * With `imported`, an older numbering has used the numbers from there to `next − 1`, and its gaps are yet to be said
 * (ADR 013).
 */
export interface RaiseFact extends FactOrigin {
  readonly kind: 'raise';
  readonly next: number;
  readonly skipped: NumberRange | null;
  readonly reason: string;
  readonly actor: string;
  readonly imported?: ImportStart;
}

/** The numbering that is imported: its first number, a name for its content, and what becomes of its gaps. */
export interface ImportStart {
  readonly first: number;
  /** Names one list of numbers; whoever says its gaps must say it again. */
  readonly source: string;
  readonly gapsTo: ReleaseTarget;
}

/** Of the imported numbers `first` to `last`, the older numbering had never used the gaps: they went to the pool or became void. */
export interface AdoptFact extends FactOrigin {
  readonly kind: 'adopt';
  readonly first: number;
  readonly last: number;
  /** Ascending, disjoint, inside `first` to `last`. */
  readonly gaps: RangeSet;
  readonly to: ReleaseTarget;
  readonly source: string;
  readonly reason: string;
  readonly actor: string;
}

/**
 * Numbers of the pool, all in one page, became void, because nobody can tell whether they are on documents: a restore has lost what was
 * drawn last (ADR 015). From then on the gaps of an import that is under way become void, too.
 */
export interface RetireFact extends FactOrigin {
  readonly kind: 'retire';
  /** Ascending, disjoint; none when there is only an import to be told. */
  readonly ranges: RangeSet;
  readonly reason: string;
  readonly actor: string;
}

/** One change of state, as journalled. A fact records what happened, never what was asked. */
export type Fact =
  | IssueFact
  | BlockFact
  | ReserveFact
  | ConfirmFact
  | EndReservationFact
  | ReleaseFact
  | VoidFact
  | RaiseFact
  | AdoptFact
  | RetireFact;

/** Facts that gave numbers to somebody. */
export type DrawingFact = IssueFact | BlockFact | ReserveFact | ConfirmFact;

/** What one commit carries, and the unit of the journal. */
export interface Batch {
  /** 1 for the first batch of the series period, then one more each. */
  readonly sequence: number;
  /** {@link Head.chain} before this batch. */
  readonly previous: string;
  /** Unix milliseconds, never less than the batch before. */
  readonly time: number;
  /** The node process that committed it, unique over restarts. */
  readonly node: string;
  /**
   * Rises with every batch that process plans. A batch planned anew is never the same text as one given up, so nothing
   * that still waits for the head the old one would have made can apply.
   */
  readonly serial: number;
  /** The head's `next` before the batch: fresh numbers rise along the journal, so it can be searched. */
  readonly next: number;
  /** At least one. */
  readonly facts: readonly Fact[];
}

/** A fact with its place, as kept for replies and retries. */
export interface JournalRecord {
  readonly fact: Fact;
  readonly position: Position;
  /** The batch's time. */
  readonly time: number;
  /** etcd revision of the commit; 0 while it is only planned. */
  revision: number;
}
