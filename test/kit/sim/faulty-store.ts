import { SeqdError, type ErrorCode } from '../../../src/core/errors.ts';
import type { SeriesId } from '../../../src/core/identifiers.ts';
import type { MemoryStore } from '../../../src/store/memory/memory-store.ts';
import type {
  Commit,
  CommitOutcome,
  LeadershipTransfer,
  LedgerPublication,
  Prune,
  RangeQuery,
  RangeResult,
  SequenceStore,
  StoredRecord,
} from '../../../src/ports/sequence-store.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What becomes of one attempt to commit. Times in milliseconds. */
export interface CommitFault {
  /**
   * - `none`: it arrives, and the answer comes back.
   * - `drop-request`: it never arrives; the caller is told `unknown` at its deadline.
   * - `drop-reply`: it arrives in time, the answer does not; the caller is told `unknown`.
   * - `apply-late`: the caller is told `unknown`, and only `lateMs` after that does it arrive (F2).
   * - `duplicate`: it arrives twice, the second time `lateMs` after the answer.
   * - `refuse`: the store refuses it with `code` before anything happens.
   */
  readonly kind: 'none' | 'drop-request' | 'drop-reply' | 'apply-late' | 'duplicate' | 'refuse';
  /** On the way there. Different for every attempt, so concurrent commits overtake each other. */
  readonly thereMs?: number;
  /** On the way back. */
  readonly backMs?: number;
  readonly lateMs?: number;
  readonly code?: ErrorCode;
  /** For `refuse`: whatever is still on its way is refused as well. */
  readonly final?: boolean;
}

/** What becomes of one read. */
export interface ReadFault {
  readonly kind: 'none' | 'unavailable';
  readonly thereMs?: number;
  readonly backMs?: number;
}

/** Decides the fate of every call a node makes to the store. */
export interface StoreFaults {
  /** `attempt` counts this node's commits from 1. */
  commit(commit: Commit, attempt: number): CommitFault;
  read(key: string): ReadFault;
}

/** Everything arrives at once. */
export const NO_STORE_FAULTS: StoreFaults = {
  commit: () => ({ kind: 'none' }),
  read: () => ({ kind: 'none' }),
};

/**
 * One node's way to a store that all nodes share. The store itself is sound; what goes wrong goes wrong on the
 * way there or back, as the faults say.
 */
export class FaultyStore implements SequenceStore {
  faults: StoreFaults = NO_STORE_FAULTS;
  /** Nothing gets through, in neither direction, and calls end at their deadline. */
  cutOff = false;
  /** Called when a commit has handed leadership over, with the revision that did it. */
  onTransfer: (transfer: LeadershipTransfer, revision: string) => void = () => {};
  /** How many commits were attempted. */
  attempts = 0;
  /** How many reads were attempted. */
  reads = 0;
  private readonly store: MemoryStore;
  private readonly time: VirtualTime;
  private readonly callTimeoutMs: number;

  constructor(store: MemoryStore, time: VirtualTime, callTimeoutMs: number) {
    this.store = store;
    this.time = time;
    this.callTimeoutMs = callTimeoutMs;
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    this.attempts += 1;
    const { time, callTimeoutMs } = this;
    const fault: CommitFault = this.cutOff
      ? { kind: 'drop-request' }
      : this.faults.commit(commit, this.attempts);
    const { kind, thereMs = 0, backMs = 0, lateMs = 0 } = fault;
    switch (kind) {
      case 'none': {
        await time.sleep(thereMs);
        const outcome = await this.apply(commit);
        await time.sleep(backMs);
        return this.cutOff ? unknown('the reply was lost in a partition') : outcome;
      }
      case 'duplicate': {
        await time.sleep(thereMs);
        const outcome = await this.apply(commit);
        time.after(backMs + lateMs, () => void this.apply(commit));
        await time.sleep(backMs);
        return outcome;
      }
      case 'drop-request':
        await time.sleep(callTimeoutMs);
        return unknown('the request was dropped');
      case 'drop-reply':
        await time.sleep(thereMs);
        await this.apply(commit);
        await time.sleep(Math.max(0, callTimeoutMs - thereMs));
        return unknown('the reply was dropped');
      case 'apply-late':
        await time.sleep(callTimeoutMs);
        time.after(lateMs, () => void this.apply(commit));
        return unknown('the request is still on its way');
      case 'refuse': {
        await time.sleep(thereMs + backMs);
        const code = fault.code ?? 'storage_full';
        return {
          status: 'refused',
          code,
          cause: new Error('simulated refusal'),
          final: fault.final ?? false,
        };
      }
    }
  }

  async read(series: SeriesId, key: string): Promise<{ record: StoredRecord | null; revision: number }> {
    return this.reading(key, () => this.store.read(series, key));
  }

  async range(query: RangeQuery): Promise<RangeResult> {
    return this.reading(query.from, () => this.store.range(query));
  }

  async prune(prune: Prune): Promise<boolean> {
    return this.reading('prune', () => this.store.prune(prune));
  }

  async publishLedger(publication: LedgerPublication): Promise<boolean> {
    return this.reading('publish', () => this.store.publishLedger(publication));
  }

  async series(): Promise<SeriesId[]> {
    return this.reading('', () => this.store.series());
  }

  async close(): Promise<void> {}

  /** A commit arrives at the store. */
  private async apply(commit: Commit): Promise<CommitOutcome> {
    const outcome = await this.store.commit(commit);
    if (outcome.status === 'committed' && commit.transfer !== undefined) {
      this.onTransfer(commit.transfer, String(outcome.revision));
    }
    return outcome;
  }

  private async reading<T>(key: string, read: () => Promise<T>): Promise<T> {
    this.reads += 1;
    if (this.cutOff) {
      await this.time.sleep(this.callTimeoutMs);
      throw new SeqdError('unavailable');
    }
    const { kind, thereMs = 0, backMs = 0 } = this.faults.read(key);
    await this.time.sleep(thereMs);
    if (kind === 'unavailable') throw new SeqdError('unavailable');
    const result = await read();
    await this.time.sleep(backMs);
    if (this.cutOff) throw new SeqdError('unavailable');
    return result;
  }
}

function unknown(why: string): CommitOutcome {
  return { status: 'unknown', cause: new Error(why) };
}
