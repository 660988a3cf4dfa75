import type { Fact } from '../core/facts.ts';
import type { Owner, Position } from '../core/identifiers.ts';

/** What the ledger holds of one batch; `body` proves, the rest answers. */
export interface BatchRow {
  readonly sequence: number;
  /** Unix milliseconds. */
  readonly time: number;
  readonly revision: number;
  readonly node: string;
  /** The counter before the batch. */
  readonly next: number;
  /** Hash of `body`. */
  readonly chain: string;
  /** How many facts the batch holds. */
  readonly facts: number;
  /** The journal entry as it was committed, byte by byte. */
  readonly body: string;
}

/**
 * A range of numbers that one fact is about, or a run of facts: with `facts` above 1, fact `index + i` of the batch is
 * about the number `first + i` alone.
 */
export interface FactRow {
  readonly sequence: number;
  readonly index: number;
  /** Numbers the rows of one fact, from 0. */
  readonly part: number;
  /** The batch's, Unix milliseconds. */
  readonly time: number;
  readonly facts: number;
  readonly first: number;
  readonly last: number;
  /** That of the fact; `import` for the numbers that a raise says an older numbering has used (ADR 013). */
  readonly kind: Fact['kind'] | 'import';
  /**
   * Drawn from the counter, or passed by raising it. These rows never overlap, nor do the gaps of imports (`adopt`); all
   * others lie in one page each.
   */
  readonly fresh: boolean;
  readonly owner: Owner | null;
  /** Where given back numbers, the gaps of imports and retired numbers went. */
  readonly target: 'pool' | 'void' | null;
  /** The allocation or reservation that a later fact is about. */
  readonly allocation: Position | null;
  /** Unix milliseconds. */
  readonly deadline: number | null;
  readonly client: string | null;
  readonly trace: string | null;
  readonly reference: string | null;
  readonly key: string | null;
  readonly reason: string | null;
  readonly actor: string | null;
}
