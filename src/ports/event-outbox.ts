import type { EventKind } from '../core/document-event.ts';
import type { Position, SeriesId } from '../core/identifiers.ts';

/** The right to deliver to a sink, for a time. */
export interface OutboxHold {
  readonly sinkId: number;
  /** Rises with every holder. */
  readonly epoch: number;
}

/** Who wants to deliver to which sink. */
export interface HoldRequest {
  readonly sink: string;
  readonly holder: string;
  readonly leaseMs: number;
  /** Where a sink that was never there before begins: with the oldest batch, or with what comes after now. */
  readonly from: 'beginning' | 'end';
}

/** The next fact that a sink is to be told of. `index` is below the batch's number of facts, or 0 of a batch yet to come. */
export interface EventPosition extends Position {
  /** Unix milliseconds, no later than the batch's time. */
  readonly since: number;
}

/** How far a sink has got in a series. */
export interface SeriesBacklog {
  readonly seriesId: number;
  readonly series: SeriesId;
  readonly position: EventPosition;
  /** Batches in the ledger that are not wholly delivered. */
  readonly batches: number;
  /** Unix milliseconds, the time of the oldest of them. */
  readonly oldest: number | undefined;
}

/** A batch as it is in the ledger. */
export interface StoredBatch {
  readonly sequence: number;
  readonly revision: number;
  readonly body: string;
  /** Of the last recovery before it; `null` when there was none. */
  readonly branch: string | null;
}

/** A fact that its sink would not take. */
export interface DeadLetter {
  readonly position: Position;
  /** Of the batch, Unix milliseconds. */
  readonly time: number;
  readonly kind: EventKind;
  readonly reason: string;
  readonly attempts: number;
}

/** A dead letter that somebody wants delivered again. */
export interface RequestedLetter {
  readonly id: number;
  readonly series: SeriesId;
  readonly index: number;
  /** `undefined`: it is in the ledger no more. */
  readonly batch: StoredBatch | undefined;
}

/**
 * What is to be delivered, and what was. Positions are moved by compare-and-swap, and only by who has delivered what lies between,
 * so that nothing is skipped whoever moves them; the hold is there so that as a rule only one delivers.
 *
 * Every method may throw SeqdError `ledger_unavailable`.
 */
export interface EventOutbox {
  /** Takes the right to deliver; `undefined` while somebody else has it. */
  take(request: HoldRequest): Promise<OutboxHold | undefined>;
  /** Keeps it for longer, and notes what the last attempt came to. False: it is somebody else's. */
  keep(hold: OutboxHold, leaseMs: number, problem: string | null): Promise<boolean>;
  /** Gives it up, so that somebody else need not wait. */
  giveUp(hold: OutboxHold): Promise<void>;
  /** All series, those with something to deliver first, and of these the one that has waited longest for its turn. */
  backlog(hold: OutboxHold): Promise<readonly SeriesBacklog[]>;
  /** The next batches of a series, in order from its position on: a bounded number of bytes, but at least one batch. */
  read(backlog: SeriesBacklog): Promise<readonly StoredBatch[]>;
  /**
   * Moves a position that stands in a documented hole of the ledger (ADR 015) to where that ends.
   *
   * @returns false when it stands in none
   */
  passHole(hold: OutboxHold, backlog: SeriesBacklog): Promise<boolean>;
  /**
   * Moves a position, and keeps the dead letters that were passed, in one step.
   *
   * @returns false, and nothing is changed, when the position was elsewhere or the hold is somebody else's
   */
  advance(
    hold: OutboxHold,
    seriesId: number,
    move: { readonly from: EventPosition; readonly to: EventPosition; readonly dead: readonly DeadLetter[] },
  ): Promise<boolean>;
  /** Dead letters to be delivered again, the oldest first. */
  requested(hold: OutboxHold, countMax: number): Promise<readonly RequestedLetter[]>;
  /** Forgets a dead letter that was delivered, or notes that it was refused again, and why. */
  settle(hold: OutboxHold, id: number, refusal: string | undefined): Promise<void>;
}
