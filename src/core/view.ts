import type { JournalRecord } from './facts.ts';
import type { Head } from './head.ts';
import type { Owner, Position } from './identifiers.ts';
import type { Page } from './page.ts';
import type { NumberRange } from './ranges.ts';
import type { Tally } from './tally.ts';

/** Numbers held until a deadline. Its position is its id and, once confirmed, its allocationId. */
export interface Reservation {
  readonly position: Position;
  readonly owner: Owner;
  readonly reused: readonly NumberRange[];
  readonly fresh: NumberRange | null;
  /** Unix milliseconds. */
  readonly deadline: number;
}

/**
 * A series period as the state machine sees it: the committed state, or a draft on top of it.
 * Reading never changes anything.
 */
export interface SeriesView {
  readonly head: Head;
  /** `EMPTY_PAGE` when nothing is unusual about its numbers. */
  page(id: number): Page;
  /** The lowest page at or above `id` with numbers in the pool. May also name a page without any. */
  pooledPageFrom(id: number): number | undefined;
  /** By {@link formatAllocationId}. */
  reservation(id: string): Reservation | undefined;
  /** The request an idempotency key was used for, within the window. */
  byKey(key: string): JournalRecord | undefined;
  /** The forwarded request with this ingress id, within the ingress memory. */
  byIngress(ingress: string, number: number): JournalRecord | undefined;
  /** Ingress ids committed after this sequence are all remembered. */
  readonly ingressFloor: number;
  /** By {@link ownerKey}. */
  tally(owner: string): Tally | undefined;
  /** Every owner with a tally. */
  owners(): Iterable<string>;
}
