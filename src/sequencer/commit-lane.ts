import { setTimeout as sleep } from 'node:timers/promises';
import { SeqdError } from '../core/errors.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import { type Plan, plan } from '../core/plan.ts';
import { KEYS, journalKey, planRecords } from '../core/records.ts';
import type { Outcome } from '../core/requests.ts';
import type { SeriesState } from '../core/state.ts';
import type { SeriesView } from '../core/view.ts';
import {
  COMMIT_BYTES_MAX,
  COMMIT_RECORDS_MAX,
  type Commit,
  type LeadershipGuard,
  type LeadershipTransfer,
} from '../ports/sequence-store.ts';
import { catchUp, type CatchUpLane } from './catch-up.ts';
import type { CommitSlot } from './commit-slots.ts';
import type { Flight } from './flight.ts';
import { endFlight, FlightLine } from './flight-line.ts';
import { isFatal } from './load-state.ts';
import type { SequencerDependencies } from './options.ts';
import type { Pending } from './pending.ts';
import { resolveCommit, type ResolvedOutcome } from './resolve-commit.ts';
import { SeriesReplica } from './series-replica.ts';
import { SharedRun } from './shared-run.ts';

/** What the lane tells its owner. */
export interface CommitLaneEvents {
  /** The fate of requests is decided, all that one commit carried. */
  settle(pendings: readonly Pending[], outcomes: readonly Outcome[]): void;
  /** The commit that carried these failed for certain. */
  reject(pendings: readonly Pending[], error: SeqdError): void;
  /** A batch was planned; whether there was no room in it for others that waited. */
  planned(facts: number, full: boolean): void;
  /** Nothing was done with these; they must be sent again, in this order, before all others. */
  giveBack(pendings: readonly Pending[]): void;
  /** The lane may have room again. */
  ready(): void;
  /** Leadership was lost according to the store. */
  deposed(): void;
  /** The lane serves no more. */
  stopped(): void;
}

const CONFLICT_BACKOFF_MAX_MS = 40;
/** Between attempts to read a series that could not be read. */
const RETRY_MS = 100;

/**
 * Plans and commits batches of one series, in order, several under way at once.
 *
 * States: `cold` (nothing loaded) → `recovering` (loading, or reading the journal after a conflict) →
 * `ready` → `recovering` …, and `failed` for good when the stored data must not be touched.
 *
 * Each batch is planned on the draft of the one before it. Batches are answered strictly in order; when one
 * does not commit, it and all behind it are dropped and their requests given back. A dropped batch can never
 * apply later, because the head it expects will never exist.
 */
export class CommitLane implements CatchUpLane {
  readonly replica: SeriesReplica;
  readonly line = new FlightLine();
  private readonly series: SeriesId;
  private readonly deps: SequencerDependencies;
  private readonly events: CommitLaneEvents;
  private status: 'cold' | 'recovering' | 'ready' | 'failed' = 'cold';
  private failure: SeqdError | undefined;
  private setBack: SeqdError | undefined;
  /** What the store's head must read for the next commit to apply; `null` before the first. */
  private tipText: string | null = null;
  private tip: SeriesView | undefined;
  private recovery: Promise<void> | undefined;
  private unreadySinceMs: number | undefined;
  private readonly looks: SharedRun<void>;
  private conflictsInARow = 0;
  private settling = false;
  /** Of the last plan made. */
  private serial = 0;
  private handingOver = false;
  private closed = false;

  constructor(series: SeriesId, deps: SequencerDependencies, events: CommitLaneEvents) {
    this.series = series;
    this.deps = deps;
    this.events = events;
    this.replica = new SeriesReplica(series, deps);
    this.looks = new SharedRun(() => this.look());
  }

  /**
   * Whether another batch may be sent now, when so many requests wait. One that is smaller than the batch before it is better
   * off gathering until that has landed: it is commits that are scarce.
   */
  hasRoomFor(waiting: number): boolean {
    if (this.status !== 'ready' || this.line.length >= this.deps.limits.pipelineDepth) return false;
    const { newest } = this.line;
    return newest === undefined || waiting >= newest.pendings.length;
  }

  get isReady(): boolean {
    return this.status === 'ready';
  }

  /** How long the oldest commit under way has been without a certain outcome, milliseconds. */
  stalledMs(nowMs: number): number {
    const oldest = this.line.front;
    return oldest === undefined || oldest.plan === null ? 0 : nowMs - oldest.sentAtMs;
  }

  /** For how long the series could not be read although that was tried, milliseconds. */
  unreadyMs(nowMs: number): number {
    return this.unreadySinceMs === undefined ? 0 : nowMs - this.unreadySinceMs;
  }

  /** The committed state as last known; `undefined` while cold. */
  get committed(): SeriesState | undefined {
    return this.replica.state;
  }

  get headText(): string | null {
    return this.replica.headText;
  }

  /** Why the lane serves no more. */
  get fatal(): SeqdError | undefined {
    return this.failure;
  }

  /** That the store has less than was seen here, or another history, since the last attempt to read it; a recovery ends it. */
  get contradiction(): SeqdError | undefined {
    return this.setBack;
  }

  /**
   * Plans the requests on top of everything under way and sends the commit. Call only with {@link hasRoomFor} them. When an
   * invariant of the series turns out to be broken, nothing is sent and the lane serves no more.
   *
   * @param slot for the commit; given back when there is none any more
   */
  send(pendings: readonly Pending[], slot: CommitSlot): void {
    try {
      this.planAndSend(pendings, slot);
    } catch (error) {
      slot.release();
      this.events.reject(pendings, this.stop(error));
    }
  }

  /** From now on the series is refused here: its stored data must not be touched. */
  private stop(error: unknown): SeqdError {
    if (this.failure !== undefined) return this.failure;
    this.status = 'failed';
    this.failure =
      error instanceof SeqdError
        ? error
        : new SeqdError('invariant_violated', 'The stored state contradicts itself', { cause: error });
    this.deps.logger.error({ err: error, series: seriesName(this.series) }, 'series stopped');
    this.events.stopped();
    return this.failure;
  }

  private planAndSend(pendings: readonly Pending[], slot: CommitSlot): void {
    const { deps, tip } = this;
    const leadership = deps.coordination.leads(this.series)
      ? deps.coordination.leader(this.series)?.guard
      : undefined;
    const result = plan(
      tip!,
      pendings.map(pending => pending.request),
      {
        now: deps.coordination.timeMs(),
        node: `${deps.coordination.self.id}/${deps.coordination.self.instance}`,
        digest: deps.digest,
        recordsMax: COMMIT_RECORDS_MAX - 8,
        bytesMax: COMMIT_BYTES_MAX,
        serial: (this.serial += 1),
      },
    );
    const taken = result.outcomes.length;
    if (result.plan !== null) this.events.planned(result.plan.batch.facts.length, taken < pendings.length);
    const flight: Flight = {
      pendings: pendings.slice(0, taken),
      outcomes: result.outcomes,
      plan: result.plan,
      commit: result.plan === null ? null : this.commitOf(result.plan, leadership),
      sentAtMs: deps.clock.monotonicMs(),
      slot,
      earlierHeads: this.line.expectedHeads,
      expectedHead: this.tipText,
      abort: new AbortController(),
      outcome: undefined,
    };
    this.line.join(flight);
    if (flight.plan === null || flight.commit === null) {
      slot.release();
      void this.confirmUnchanged(flight);
    } else {
      this.tip = flight.plan.draft;
      this.tipText = flight.commit.puts[0]!.value;
      for (const pending of flight.pendings) pending.underWay = true;
      void this.fly(flight, flight.commit);
    }
    if (taken < pendings.length) this.events.giveBack(pendings.slice(taken));
  }

  private commitOf(made: Plan, leadership: LeadershipGuard | undefined): Commit {
    return {
      series: this.series,
      expectedHead: this.tipText,
      ...planRecords(made),
      journalKey: journalKey(made.batch.sequence),
      ...(leadership === undefined ? {} : { leadership, ...this.transfer() }),
    };
  }

  /**
   * Makes {@link committed} at least as new as the store was when this was called.
   *
   * @throws SeqdError `unavailable`, or why the lane serves no more
   */
  catchUp(): Promise<void> {
    return this.looks.result();
  }

  private async look(): Promise<void> {
    try {
      await catchUp(this, this.deps.store, this.series);
    } catch (error) {
      throw isFatal(error) ? this.stop(error) : error;
    }
  }

  /** Why the series is not known here, after an attempt to read it. */
  unread(): SeqdError | undefined {
    if (this.failure !== undefined) return this.failure;
    return this.closed || this.status === 'cold' ? (this.setBack ?? new SeqdError('unavailable')) : undefined;
  }

  /** Stops resolving commits. What was under way stays unknown. */
  close(): void {
    this.closed = true;
    this.line.abort();
  }

  /** From now on a commit made as leader makes another node the leader in the same step. */
  handOver(): void {
    this.handingOver = true;
  }

  private transfer(): { transfer?: LeadershipTransfer } {
    const transfer = this.handingOver ? this.deps.coordination.successor(this.series) : undefined;
    if (transfer === undefined) return {};
    // What is sent behind it, still under our leadership, fails its guard and is forwarded to the new leader.
    this.handingOver = false;
    return { transfer };
  }

  /** Sends a commit until its outcome is certain, then settles what can be settled. */
  private async fly(flight: Flight, commit: Commit): Promise<void> {
    const { deps } = this;
    const options = {
      signal: flight.abort.signal,
      sequence: flight.plan!.batch.sequence,
      random: deps.random,
      onUnknown: (cause: unknown): void => {
        deps.observer.commitUnknown(this.series);
        deps.logger.warn(
          { err: cause, series: seriesName(this.series) },
          'commit outcome unknown; resolving',
        );
      },
    };
    let outcome = await resolveCommit(deps.store, commit, { ...options, uncertain: false });
    if (outcome.status === 'conflict' && flight.earlierHeads.includes(outcome.head)) {
      // It overtook its predecessor on the way. Once that has committed, the same commit fits.
      deps.observer.commitReordered(this.series);
      await this.line.whenNext(flight);
      if (this.line.has(flight)) {
        outcome = await resolveCommit(deps.store, commit, { ...options, uncertain: true });
      }
    }
    flight.outcome = outcome;
    this.settleFront();
  }

  /**
   * Requests that change nothing were decided on what this node knows; before a refusal goes out it must be
   * certain that this was the newest state, or the node might refuse on the strength of the past.
   */
  private async confirmUnchanged(flight: Flight): Promise<void> {
    await this.line.whenNext(flight);
    const refused = flight.outcomes.some(outcome => outcome.status === 'rejected');
    const verdict = refused ? await this.judge(flight) : 'current';
    if (!this.line.has(flight)) return;
    if (verdict === 'current') {
      flight.outcome = { status: 'committed', revision: 0 };
    } else {
      // It carries no commit, so what is under way behind it stands or falls by itself.
      this.line.leave(flight);
      if (verdict === 'stale') {
        this.giveBack([flight]);
        void this.recover();
      } else {
        this.events.reject(flight.pendings, new SeqdError('unavailable', undefined, { cause: verdict }));
      }
    }
    this.settleFront();
  }

  /** Whether what a flight was decided on is still the newest state; an error when that cannot be read. */
  private async judge(flight: Flight): Promise<'current' | 'stale' | Error> {
    try {
      const { record } = await this.deps.store.read(this.series, KEYS.head);
      const head = record?.value ?? null;
      return head === flight.expectedHead || this.line.makes(head) ? 'current' : 'stale';
    } catch (error) {
      return error as Error;
    }
  }

  /** Answers flights from the front, in order, as far as their outcomes are certain. */
  private settleFront(): void {
    if (this.settling) return;
    this.settling = true;
    try {
      for (let front = this.line.front; front?.outcome !== undefined; front = this.line.front) {
        if (front.outcome.status === 'committed') this.land(front, front.outcome.revision);
        else this.drop(front.outcome);
      }
    } finally {
      this.settling = false;
    }
    this.line.landed();
    this.events.ready();
  }

  private land(flight: Flight, revision: number): void {
    const { deps } = this;
    this.line.leave(flight);
    flight.slot.release();
    this.conflictsInARow = 0;
    if (flight.plan !== null) {
      this.replica.absorb(flight.plan, revision);
      // What is still under way now stands on the state itself.
      const next = this.line.frontPlan;
      if (next === null) this.tip = this.committed;
      else next.draft.rebase(this.committed!);
      const ms = deps.clock.monotonicMs() - flight.sentAtMs;
      deps.observer.batchCommitted(this.series, { batch: flight.plan.batch, revision, ms });
    }
    this.events.settle(flight.pendings, flight.outcomes);
  }

  /** The front flight did not commit: nothing behind it can. */
  private drop(outcome: Exclude<ResolvedOutcome, { status: 'committed' }>): void {
    const dropped = this.line.clear();
    this.tip = undefined;
    for (const flight of dropped) endFlight(flight);
    const [front] = dropped;
    switch (outcome.status) {
      case 'conflict':
        this.conflictsInARow += 1;
        this.deps.observer.commitConflicted(this.series);
        if (outcome.deposed) this.events.deposed();
        this.giveBack(dropped);
        break;
      case 'refused':
        // With a transfer it is the successor's lease that had ended: we lead on, and all of it is sent without.
        if (front!.commit?.transfer === undefined) {
          const error = new SeqdError(outcome.code, undefined, { cause: outcome.cause });
          this.events.reject(front!.pendings, error);
        }
        this.giveBack(dropped);
        break;
      case 'unknowable': {
        if (outcome.setBack !== undefined && isSetBack(outcome.setBack))
          this.noteContradiction(outcome.setBack);
        // It may have applied, and then those behind it may have as well.
        const doubtful = dropped.filter(flight => flight.plan !== null);
        this.events.reject(
          doubtful.flatMap(flight => flight.pendings),
          new SeqdError('outcome_unknown', outcome.reason),
        );
        this.giveBack(dropped.filter(flight => !doubtful.includes(flight)));
        break;
      }
      case 'abandoned':
        this.events.reject(
          dropped.flatMap(flight => flight.pendings),
          new SeqdError('outcome_unknown'),
        );
    }
    void this.recover();
  }

  /** The commits of these flights are certain never to apply. */
  private giveBack(flights: readonly Flight[]): void {
    this.events.giveBack(flights.flatMap(flight => flight.pendings));
  }

  /** Loads or catches up; one at a time. Never rejects: failures show in the status. */
  recover(): Promise<void> {
    if (this.status === 'failed' || this.closed) return Promise.resolve();
    this.unreadySinceMs ??= this.deps.clock.monotonicMs();
    this.recovery ??= this.doRecover().finally(() => {
      this.recovery = undefined;
      this.events.ready();
    });
    return this.recovery;
  }

  private async doRecover(): Promise<void> {
    this.status = 'recovering';
    try {
      // The journal is only read from a state that nothing of ours is about to change.
      await this.line.whenEmpty();
      if (this.conflictsInARow > 1) await this.backOff();
      await this.replica.refresh();
      this.tip = this.replica.state;
      this.tipText = this.replica.headText;
      this.settleAs('ready');
      this.unreadySinceMs = undefined;
      this.noteContradiction(undefined);
    } catch (error) {
      if (isFatal(error)) {
        this.stop(error);
        return;
      }
      this.noteContradiction(isSetBack(error) ? error : undefined);
      if (!isSetBack(error))
        this.deps.logger.warn({ err: error, series: seriesName(this.series) }, 'series not read');
      // Whoever waits will ask again at once; an etcd that is down must not be hammered meanwhile.
      await sleep(RETRY_MS * (0.5 + this.deps.random()));
      this.settleAs('cold');
    }
  }

  private noteContradiction(error: SeqdError | undefined): void {
    const before = this.setBack;
    this.setBack = error;
    const fields = { series: seriesName(this.series) };
    if (before === undefined && error !== undefined)
      this.deps.logger.error({ ...fields, err: error }, 'nothing is issued: etcd was set back');
    if (before !== undefined && error === undefined)
      this.deps.logger.info(fields, 'etcd holds what was seen here again, or was recovered');
  }

  /** Ends a recovery. A look at the head may have stopped the lane meanwhile, and then it stays stopped. */
  private settleAs(status: 'cold' | 'ready'): void {
    if (this.failure === undefined) this.status = status;
  }

  private async backOff(): Promise<void> {
    const max = Math.min(2 ** this.conflictsInARow, CONFLICT_BACKOFF_MAX_MS);
    await sleep(this.deps.random() * max);
  }
}

function isSetBack(error: unknown): error is SeqdError {
  return error instanceof SeqdError && error.code === 'behind_ledger';
}
