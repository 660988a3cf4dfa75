import type { SeriesId } from '../core/identifiers.ts';

/** What the engine reports as it works, for metrics. Called on the commit path: must be cheap, must not throw. */
export interface SequencerObserver {
  /** A batch of `facts` committed `ms` after it was sent. */
  batchCommitted(series: SeriesId, facts: number, ms: number): void;
  /** Somebody else committed first. */
  commitConflicted(series: SeriesId): void;
  /** A commit's outcome was unknown and is being resolved. */
  commitUnknown(series: SeriesId): void;
  /** A commit arrived before its predecessor and was sent again. */
  commitReordered(series: SeriesId): void;
  /** `requests` went to the leader and came back after `ms`. */
  forwarded(series: SeriesId, requests: number, ms: number): void;
  forwardFailed(series: SeriesId, requests: number): void;
}

/** Observes nothing. */
export const silentObserver: SequencerObserver = {
  batchCommitted() {},
  commitConflicted() {},
  commitUnknown() {},
  commitReordered() {},
  forwarded() {},
  forwardFailed() {},
};
