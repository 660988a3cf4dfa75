import type { Batch } from '../core/facts.ts';
import type { SeriesId } from '../core/identifiers.ts';

/** A batch of this node's that is known to be committed. */
export interface CommittedBatch {
  readonly batch: Batch;
  /** etcd's, of the commit. */
  readonly revision: number;
  /** From sending it to its certain outcome, milliseconds. */
  readonly ms: number;
}

/** What the engine reports as it works, for metrics. Called on the commit path: must be cheap, must not throw. */
export interface SequencerObserver {
  batchCommitted(series: SeriesId, committed: CommittedBatch): void;
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

/** Reports to `observer`, and of batches also to `listener`. */
export function alsoTelling(
  observer: SequencerObserver,
  listener: Pick<SequencerObserver, 'batchCommitted'>,
): SequencerObserver {
  return {
    batchCommitted(series, committed) {
      observer.batchCommitted(series, committed);
      listener.batchCommitted(series, committed);
    },
    commitConflicted: series => observer.commitConflicted(series),
    commitUnknown: series => observer.commitUnknown(series),
    commitReordered: series => observer.commitReordered(series),
    forwarded: (series, requests, ms) => observer.forwarded(series, requests, ms),
    forwardFailed: (series, requests) => observer.forwardFailed(series, requests),
  };
}
