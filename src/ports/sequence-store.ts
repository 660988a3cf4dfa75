import type { ErrorCode, SeqdError } from '../core/errors.ts';
import type { SeriesId } from '../core/identifiers.ts';

/** A stored record with the revision of the commit that wrote it. */
export interface StoredRecord {
  /** Relative to the series. */
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

/** One guarded write. Sending the identical commit again is always safe: at most one of them applies. */
export interface Commit {
  readonly series: SeriesId;
  /** The commit applies only if the head's text is exactly this; `null` if there is no head yet. */
  readonly expectedHead: string | null;
  /** While leading: the commit applies only if this leadership still stands. */
  readonly leadership?: LeadershipGuard;
  /** Makes another node the leader in the same step. */
  readonly transfer?: LeadershipTransfer;
  /** At most {@link COMMIT_RECORDS_MAX} together with `deletes`; no key twice. */
  readonly puts: readonly { readonly key: string; readonly value: string }[];
  readonly deletes: readonly string[];
  /** The journal key among `puts`: a failed compare reports what stands there now. */
  readonly journalKey: string;
}

/** Proof of leadership for use inside a transaction: the election key with the revision that wrote it. */
export interface LeadershipGuard {
  readonly key: string;
  readonly revision: string;
}

/** A new value for an election key: the node it names leads from then on, as long as its lease lives. */
export interface LeadershipTransfer {
  readonly key: string;
  readonly value: string;
  readonly lease: string;
}

/**
 * What became of a commit. An uncertain outcome is a value: `unknown` may have applied, may still apply, or
 * neither; only sending the identical commit again can tell.
 */
export type CommitOutcome =
  | {
      readonly status: 'committed';
      readonly revision: number;
      /** The answer to the write said otherwise, and a look has found it: it may be an earlier one that was carried out. */
      readonly found?: true;
    }
  | {
      readonly status: 'conflict';
      /** The head as it stands; `null` if there is none. */
      readonly head: string | null;
      /** What stands under the commit's journal key; our own text there means that we had committed. */
      readonly journal: StoredRecord | null;
      /** The election key no longer is the one compared: somebody else leads, or nobody. */
      readonly deposed: boolean;
      /** The store's, when it compared. */
      readonly revision: number;
    }
  /** The store was restored from a backup: what it says is not believed, and whether it was carried out is of no use to anybody. */
  | { readonly status: 'set-back'; readonly error: SeqdError; readonly sent: boolean }
  | { readonly status: 'unknown'; readonly cause: unknown }
  /** The store refused it before anything happened. */
  | {
      readonly status: 'refused';
      readonly code: ErrorCode;
      readonly cause: unknown;
      /** No identical commit that is still on its way can apply either. */
      readonly final: boolean;
    };

/** Records read at one revision. */
export interface RangeResult {
  /** Ascending by key. */
  readonly records: readonly StoredRecord[];
  /** Store revision of the read. */
  readonly revision: number;
  /** More records match than `limit` allowed. */
  readonly more: boolean;
}

/** Which records to read. */
export interface RangeQuery {
  readonly series: SeriesId;
  /** Keys from here (inclusive) … */
  readonly from: string;
  /** … to here (exclusive). */
  readonly to: string;
  readonly limit?: number;
  /** Read as of this revision; the newest when left out. */
  readonly revision?: number;
}

/** Journal entries to delete: the oldest there are. */
export interface Prune {
  readonly series: SeriesId;
  /** Where the journal begins, as the caller knows; 1 when nothing was ever pruned. */
  readonly first: number;
  /** The last entry to delete. */
  readonly last: number;
  readonly leadership: LeadershipGuard;
  /** What the record of the ledger's position says that allows it, exactly; `null` when there must be none. */
  readonly ledger: string | null;
}

/** A new record of how far the ledger has got. */
export interface LedgerPublication {
  readonly series: SeriesId;
  /** What the record says now, exactly; `null` when there is none. */
  readonly expected: string | null;
  readonly value: string;
  /** The projector's election. */
  readonly election: LeadershipGuard;
}

/** etcd's default limit is 1.5 MiB a request; this leaves room for head, tally, keys and compares. */
export const COMMIT_BYTES_MAX = 1_000_000;

/** etcd's default limit is 128 operations a transaction; the compares and the else-branch count for themselves. */
export const COMMIT_RECORDS_MAX = 120;

/**
 * Where series are kept. Every read is linearizable unless a revision is given.
 *
 * All methods reject with `SeqdError` `unavailable` when no quorum answers in time, except `commit`, which
 * reports `unknown`.
 */
export interface SequenceStore {
  /** Tries once, within the store's call deadline. Never rejects. */
  commit(commit: Commit): Promise<CommitOutcome>;
  /** One record, `null` if there is none, with the store's revision at the time of reading. */
  read(series: SeriesId, key: string): Promise<{ record: StoredRecord | null; revision: number }>;
  range(query: RangeQuery): Promise<RangeResult>;
  /**
   * Deletes the journal entries `first` to `last`, both inclusive, and records that the journal now begins after them, in
   * one step and only while the leadership stands, the journal begins with `first` and the ledger's position reads as told. So
   * a request that arrives late changes nothing. Entries pruned must be older than any that is still needed.
   *
   * @returns false when the leadership no longer stands, the journal begins elsewhere or the ledger's position reads otherwise;
   *   nothing was changed then
   * @throws SeqdError `unavailable`; it may have happened, or may still
   */
  prune(prune: Prune): Promise<boolean>;
  /**
   * Writes the record of the ledger's position, only while the election stands and the record still reads as expected: neither
   * a deposed projector nor a write that arrives late moves it.
   *
   * @returns false when either is not so; nothing was changed then
   * @throws SeqdError `unavailable`; it may have happened, or may still
   */
  publishLedger(publication: LedgerPublication): Promise<boolean>;
  /** Every series period that has a head. */
  series(): Promise<SeriesId[]>;
  close(): Promise<void>;
}
