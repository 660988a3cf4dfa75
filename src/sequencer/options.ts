import type { Digest } from '../core/apply.ts';
import type { SeriesSettings } from '../core/head.ts';
import type { WindowLimits } from '../core/window.ts';
import type { Clock } from '../ports/clock.ts';
import type { Coordination } from '../ports/coordination.ts';
import type { DrawFinder } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { Peers } from '../ports/peers.ts';
import type { SeriesGuard } from '../ports/restore-guard.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';
import type { Admission } from './admission.ts';
import type { CommitSlots } from './commit-slots.ts';
import type { JournalLimits } from './journal-keeper.ts';
import type { SequencerObserver } from './observer.ts';

/** Limits and times of the engine. */
export interface EngineLimits {
  /** Requests that may wait or be under way on one node, of all its series; past its share of them a series is `overloaded`. */
  readonly queueMax: number;
  /** Requests one commit or forward carries. */
  readonly batchSizeMax: number;
  /** Commits of one series under way at once. */
  readonly pipelineDepth: number;
  /** Commits of all series of a node under way at once. */
  readonly commitsMax: number;
  /** A request's whole budget. */
  readonly requestTimeoutMs: number;
}

/** What a series' engine is to know of the ledger. */
export interface LedgerOptions {
  /** Whether this node was told of a ledger; other nodes of the cluster may have been. */
  readonly configured: boolean;
  /** Journal that may wait for the ledger, … */
  readonly bytesMax: number;
  /** … and batches of it; past either, requests are refused. */
  readonly batchesMax: number;
  /** The ledger itself, to be asked what the journal no longer tells. */
  readonly lookup?: DrawFinder;
}

/** Everything a series' engine works with; wired in `node.ts`. */
export interface SequencerDependencies {
  readonly store: SequenceStore;
  readonly coordination: Coordination;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: SequencerObserver;
  readonly digest: Digest;
  /** A random number in [0, 1). */
  readonly random: () => number;
  readonly limits: EngineLimits;
  /** One for all series of the node. */
  readonly admission: Admission;
  /** One for all series of the node. */
  readonly slots: CommitSlots;
  readonly settings: SeriesSettings;
  readonly window: WindowLimits;
  readonly journal: JournalLimits;
  /** Left out: no ledger here, and no bound for the journal that waits for one elsewhere. */
  readonly ledger?: LedgerOptions;
  /** Left out: a store that was restored from a backup stops the series for good. */
  readonly guard?: SeriesGuard;
}
