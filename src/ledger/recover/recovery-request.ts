import type { Digest } from '../../core/apply.ts';
import type { SeriesSettings } from '../../core/head.ts';
import type { RecoveryLedger } from '../../ports/ledger.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';

/** What a recovery works with. */
export interface RecoveryDependencies {
  readonly store: SequenceStore;
  readonly ledger: RecoveryLedger;
  readonly digest: Digest;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** A random number in [0, 1). */
  readonly random: () => number;
  /** Told of each step, for people. */
  readonly say: (line: string) => void;
}

/** What is asked of a recovery. */
export interface RecoveryRequest {
  /** For a series that etcd has nothing of. */
  readonly settings: SeriesSettings;
  /** The highest next number that a living node remembers, and that somebody knows from documents; 0 when nobody does. */
  readonly rememberedNext: number;
  /** The last batch that a living node remembers; 0 when none does. */
  readonly rememberedSequence: number;
  /** Whether {@link rememberedNext} is what somebody found on documents. */
  readonly isAboveGiven: boolean;
  /** Numbers added on top; left out, a default is worked out. */
  readonly margin?: number;
  /** Goes on although there is nothing to recover: a node has found that etcd was set back. */
  readonly evenSo: boolean;
  /** Keeps both histories when they have parted. */
  readonly keepBoth: boolean;
  /** Goes on with a ledger that has lost batches for good. */
  readonly acceptHole: boolean;
  /** Leaves the pool and open reservations as they are, though batches may be missing that have drawn from them. */
  readonly keepPool: boolean;
  readonly dryRun: boolean;
  readonly actor: string;
}
