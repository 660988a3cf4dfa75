import { setTimeout as sleep } from 'node:timers/promises';
import { SeqdError } from '../core/errors.ts';
import type { FactOrigin } from '../core/facts.ts';
import { formatAllocationId, type SeriesId, seriesName } from '../core/identifiers.ts';
import type { Outcome, Request, ReturnCommand } from '../core/requests.ts';
import type { SeriesState } from '../core/state.ts';
import type { Leader, NodeInfo } from '../ports/coordination.ts';
import {
  type ForwardMessage,
  type ForwardOutcome,
  type ForwardReply,
  PeerUnreachableError,
} from '../ports/peers.ts';
import { CommitLane } from './commit-lane.ts';
import { JournalKeeper } from './journal-keeper.ts';
import type { SequencerDependencies } from './options.ts';
import { type Answer, type Pending, PendingQueue } from './pending.ts';

/** Forwards under way at once: one gathers while one travels. */
const FORWARDS_MAX = 2;
/**
 * A peer that gave no answer is left alone this long; requests are committed here meanwhile. Longer than a lease
 * lives, so that a leader that died is not asked twice.
 */
const PEER_REST_MS = 3_500;
/** Without a certain outcome for this long, new requests are refused at once instead of being kept waiting. */
const STALL_MS = 1_500;
const SWEEP_INTERVAL_MS = 25;
const CAMPAIGN_PAUSE_MS = 200;
const EXPIRE_INTERVAL_MS = 250;
const PRUNE_INTERVAL_MS = 5_000;

/**
 * The engine of one series on one node: takes requests, gathers those that arrive while a commit or forward is
 * under way, and sends them together, to the leader if that is another node, or by its own commit.
 *
 * States: `open` → `draining` (accepted requests are finished, new ones refused) → `closed`.
 *
 * Every accepted request is answered or refused within its budget. `unavailable` means that it was never part of
 * a commit; `outcome_unknown` that it may have taken effect, and that a retry with its key will tell.
 */
export class SeriesSequencer {
  readonly series: SeriesId;
  private readonly deps: SequencerDependencies;
  private readonly lane: CommitLane;
  private readonly queue = new PendingQueue();
  private readonly keeper: JournalKeeper;
  /** Every unanswered request, for deadlines. */
  private readonly unanswered = new Set<Pending>();
  private readonly timers: NodeJS.Timeout[];
  private status: 'open' | 'draining' | 'closed' = 'open';
  private forwards = 0;
  private ingressNumber = 0;
  /** The newest sequence this node has heard of; a request taken in now cannot be in the journal before it. */
  private knownSequence = 0;
  private restingPeer: { instance: string; untilMs: number } | undefined;
  private pumpScheduled = false;
  private readonly whenDrained: (() => void)[] = [];

  constructor(series: SeriesId, deps: SequencerDependencies) {
    this.series = series;
    this.deps = deps;
    this.lane = new CommitLane(series, deps, {
      settle: (pending, outcome) => this.settle(pending, outcome),
      reject: (pendings, error) => {
        for (const pending of pendings) this.refuse(pending, error);
      },
      giveBack: pendings => this.giveBack(pendings),
      ready: () => this.schedulePump(),
      deposed: () => void deps.coordination.refresh(),
    });
    const { store, logger, journal: limits } = deps;
    this.keeper = new JournalKeeper(store, series, { limits, logger });
    this.timers = [
      setInterval(() => this.sweep(), SWEEP_INTERVAL_MS),
      setInterval(() => this.expireReservations(), EXPIRE_INTERVAL_MS),
      setInterval(() => void this.pruneJournal(), PRUNE_INTERVAL_MS),
    ];
  }

  /** Loads the series and tries to become its leader, so that the first request finds everything ready. */
  async start(): Promise<void> {
    await this.lane.recover();
    if (this.deps.coordination.leader(this.series) === undefined)
      await this.deps.coordination.campaign(this.series);
  }

  /** Requests waiting or under way. */
  get load(): number {
    return this.unanswered.size;
  }

  /**
   * Carries out a request.
   *
   * @throws SeqdError with the rejection's code, or `overloaded`, `draining`, `unavailable`, `outcome_unknown`
   */
  submit(request: Request, budgetMs = this.deps.limits.requestTimeoutMs): Promise<Answer> {
    const refusal = this.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const nowMs = this.deps.clock.monotonicMs();
      const pending: Pending = {
        request,
        submittedAtMs: nowMs,
        deadlineMs: nowMs + budgetMs,
        forwarded: request.origin.ingress !== undefined,
        underWay: false,
        doubtful: false,
        settled: false,
        resolve,
        reject,
      };
      this.unanswered.add(pending);
      this.queue.push(pending);
      this.schedulePump();
    });
  }

  /**
   * Carries out requests that another node gathered, if this node leads. Never rejects: what went wrong with a
   * request is its outcome.
   */
  async acceptForward(message: ForwardMessage): Promise<ForwardReply> {
    const { coordination } = this.deps;
    const knownEpoch = coordination.leader(this.series)?.epoch ?? 0;
    // Leadership may just have been handed to us, and the sender heard of it first.
    if (!coordination.leads(this.series) && message.epoch > knownEpoch) await coordination.refresh();
    if (!coordination.leads(this.series) || this.status !== 'open') return { status: 'not_leader' };
    const budgetMs = Math.min(message.budgetMs, this.deps.limits.requestTimeoutMs);
    const outcomes = await Promise.all(
      message.requests.map(request => this.forwardedOutcome(request, budgetMs)),
    );
    return { status: 'done', outcomes, sequence: this.lane.committed?.head.sequence ?? 0 };
  }

  /** The committed state, at least as new as the moment of the call. @throws SeqdError `unavailable` */
  async current(): Promise<SeriesState> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new SeqdError('unavailable')), this.deps.limits.requestTimeoutMs);
    });
    try {
      await Promise.race([this.lane.catchUp(), late]);
    } finally {
      clearTimeout(timer);
    }
    return this.lane.committed!;
  }

  /** The committed state as last seen here, without asking the store; `undefined` before the first look. */
  get lastKnown(): SeriesState | undefined {
    return this.lane.committed;
  }

  /** Why this series serves no more, if it does not. */
  get fatal(): SeqdError | undefined {
    return this.lane.fatal;
  }

  /** Finishes what was accepted, refuses what is new. Resolves when done or at the deadline. */
  async drain({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    if (this.status === 'open') {
      this.status = 'draining';
      void this.giveUpLeadership();
    }
    if (this.unanswered.size === 0) return;
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, deadlineMs);
      this.whenDrained.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Hands leadership to another node: with the batch that is to be sent next, or by itself when there is none. */
  private async giveUpLeadership(): Promise<void> {
    const { coordination } = this.deps;
    if (!coordination.leads(this.series)) return;
    if (this.queue.length > 0 && this.lane.isReady) this.lane.handOver();
    else await coordination.handOver(this.series);
  }

  /** Ends everything at once; unanswered requests fail. */
  close(): void {
    if (this.status === 'closed') return;
    this.status = 'closed';
    for (const timer of this.timers) clearInterval(timer);
    this.lane.close();
    for (const pending of this.unanswered) {
      this.refuse(pending, new SeqdError(isUncertain(pending) ? 'outcome_unknown' : 'draining'));
    }
    this.queue.takeAll();
  }

  private refusal(): SeqdError | undefined {
    if (this.lane.fatal !== undefined) return this.lane.fatal;
    if (this.status !== 'open') return new SeqdError('draining');
    if (this.queue.length >= this.deps.limits.queueMax) {
      return new SeqdError('overloaded', `${this.queue.length} requests are waiting`, {
        details: { queueMax: this.deps.limits.queueMax },
      });
    }
    if (this.lane.stalledMs(this.deps.clock.monotonicMs()) > STALL_MS) {
      return new SeqdError(
        'unavailable',
        'etcd has not confirmed a commit for a while; its outcome is being resolved',
      );
    }
    return undefined;
  }

  // Requests that arrive in one turn of the event loop leave together.
  private schedulePump(): void {
    if (this.pumpScheduled || this.status === 'closed') return;
    this.pumpScheduled = true;
    setImmediate(() => {
      this.pumpScheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    const { fatal } = this.lane;
    if (fatal !== undefined) for (const pending of this.queue.takeAll()) this.refuse(pending, fatal);
    while (this.queue.length > 0 && this.status !== 'closed') {
      const leader = this.forwardTarget();
      if (leader !== undefined) {
        if (this.forwards >= FORWARDS_MAX) return;
        const pendings = this.queue.take(this.deps.limits.batchSizeMax);
        this.declineForwarded(pendings);
        const ours = pendings.filter(pending => !pending.settled);
        if (ours.length > 0) void this.forward(leader, ours);
      } else {
        if (!this.lane.hasRoom) {
          if (!this.lane.isReady) void this.lane.recover();
          return;
        }
        const pendings = this.queue.take(this.deps.limits.batchSizeMax);
        if (pendings.length > 0) this.lane.send(pendings);
      }
    }
  }

  /** One hop at most: what another node has forwarded here goes back to it when we no longer lead. */
  private declineForwarded(pendings: readonly Pending[]): void {
    for (const pending of pendings) {
      if (pending.forwarded) this.refuse(pending, new SeqdError('unavailable', 'This node no longer leads'));
    }
  }

  /** The leader to forward to; `undefined` to commit here. */
  private forwardTarget(): (Leader & { node: NodeInfo }) | undefined {
    const { coordination, clock } = this.deps;
    const leader = coordination.leader(this.series);
    if (leader === undefined) {
      if (!this.campaigning) void this.campaign();
      return undefined;
    }
    if (leader.instance === coordination.self.instance) return undefined;
    if (leader.node === undefined) {
      // Its registration is gone or another process has taken its name: that process leads nothing any more.
      if (!this.campaigning) void this.campaign(leader);
      return undefined;
    }
    const resting = this.restingPeer;
    if (resting?.instance === leader.instance && clock.monotonicMs() < resting.untilMs) return undefined;
    return leader as Leader & { node: NodeInfo };
  }

  private campaigning = false;

  private async campaign(insteadOf?: Leader): Promise<void> {
    if (this.campaigning || this.status !== 'open') return;
    this.campaigning = true;
    const won = await this.deps.coordination.campaign(this.series, insteadOf);
    // One that failed is not repeated at once: the sweep asks again soon.
    if (!won) await sleep(CAMPAIGN_PAUSE_MS);
    this.campaigning = false;
    if (won) this.schedulePump();
  }

  private async forward(leader: Leader & { node: NodeInfo }, pendings: readonly Pending[]): Promise<void> {
    const { deps } = this;
    const sentAtMs = deps.clock.monotonicMs();
    const requests = pendings.map(pending => this.withIngress(pending));
    const deadlineMs = Math.max(...pendings.map(pending => pending.deadlineMs));
    const message: ForwardMessage = {
      series: this.series,
      requests,
      epoch: leader.epoch,
      budgetMs: deadlineMs - sentAtMs,
    };
    this.forwards += 1;
    try {
      const reply = await deps.peers.forward(leader.node, message);
      if (reply.status === 'not_leader') {
        // It has handed over, or lost its lease: whoever leads now is a look away.
        await deps.coordination.refresh();
        if (deps.coordination.leader(this.series)?.epoch === leader.epoch) this.rest(leader);
        this.giveBack(pendings);
      } else {
        deps.observer.forwarded(this.series, pendings.length, deps.clock.monotonicMs() - sentAtMs);
        this.knownSequence = Math.max(this.knownSequence, reply.sequence);
        // A leader that cannot serve is cut off from etcd, or going away; we may not be.
        if (this.takeForwardOutcomes(pendings, reply) > 0) this.rest(leader);
      }
    } catch (error) {
      deps.observer.forwardFailed(this.series, pendings.length);
      const gone = error instanceof PeerUnreachableError && error.gone;
      deps.logger.warn(
        { err: error, leader: leader.nodeId, series: seriesName(this.series), gone },
        'leader not reached',
      );
      this.rest(leader);
      // They carry their ingress ids, so sending them elsewhere cannot draw a second number.
      for (const pending of pendings) pending.doubtful = true;
      this.giveBack(pendings);
      if (gone) void this.campaign(leader);
      else void deps.coordination.refresh();
    } finally {
      this.forwards -= 1;
      this.schedulePump();
    }
  }

  private rest(leader: Leader): void {
    this.restingPeer = { instance: leader.instance, untilMs: this.deps.clock.monotonicMs() + PEER_REST_MS };
  }

  /** Gives a request its ingress id, once; it keeps it wherever it is sent afterwards. */
  private withIngress(pending: Pending): Request {
    pending.underWay = true;
    if (pending.request.origin.ingress === undefined) {
      this.ingressNumber += 1;
      const origin: FactOrigin = {
        ...pending.request.origin,
        ingress: this.deps.coordination.self.instance,
        ingressNumber: this.ingressNumber,
      };
      const known = Math.max(this.knownSequence, this.lane.committed?.head.sequence ?? 0);
      pending.request = { ...pending.request, origin, ingressSince: known };
    }
    return pending.request;
  }

  /** Answers what the leader decided; what it could not serve goes back to the queue. Returns how many that are. */
  private takeForwardOutcomes(
    pendings: readonly Pending[],
    { outcomes, sequence }: Extract<ForwardReply, { status: 'done' }>,
  ): number {
    const again: Pending[] = [];
    const bornAgain: Pending[] = [];
    for (const [i, pending] of pendings.entries()) {
      const outcome = outcomes[i];
      if (pending.settled) continue;
      if (outcome === undefined) again.push(pending);
      else if (outcome.status === 'done') this.answer(pending, outcome);
      else if (outcome.code === 'draining' || outcome.code === 'unavailable') again.push(pending);
      else if (isBornTooEarly(outcome) && !pending.doubtful) {
        // We had heard nothing for so long that the leader could not tell a new request from an old one. This is
        // its first answer, so up to now it was not carried out.
        pending.request = { ...pending.request, ingressSince: sequence };
        bornAgain.push(pending);
      } else this.refuse(pending, new SeqdError(outcome.code, outcome.detail, { details: outcome.details }));
    }
    this.giveBack([...bornAgain, ...again]);
    return again.length;
  }

  /** Nothing came of these; they go before all others again. */
  private giveBack(pendings: readonly Pending[]): void {
    for (const pending of pendings) pending.underWay = false;
    this.queue.unshift(pendings.filter(pending => !pending.settled));
  }

  private async forwardedOutcome(request: Request, budgetMs: number): Promise<ForwardOutcome> {
    try {
      return { status: 'done', ...(await this.submit(request, budgetMs)) };
    } catch (error) {
      const { code, message, details } = error instanceof SeqdError ? error : new SeqdError('internal');
      return { status: 'failed', code, detail: message, details };
    }
  }

  private settle(pending: Pending, outcome: Outcome): void {
    if (pending.settled) return;
    switch (outcome.status) {
      case 'done':
        return this.answer(pending, outcome);
      case 'rejected': {
        const { code, detail, details } = outcome.rejection;
        return this.refuse(pending, new SeqdError(code, detail, details === undefined ? {} : { details }));
      }
      case 'lookup':
        pending.underWay = false;
        void this.lookUpOwner(pending, outcome.number);
    }
  }

  /** Finds the first owner of a number and sends the request again with it. */
  private async lookUpOwner(pending: Pending, number: number): Promise<void> {
    try {
      const freshOwner = await this.lane.owners.find(number, this.lane.committed!.head.sequence);
      if (freshOwner === undefined) {
        throw new SeqdError(
          'allocation_id_required',
          `The journal entry that issued number ${number} is gone; say which allocation you mean with its allocationId`,
          { details: { number } },
        );
      }
      const command = { ...(pending.request.command as ReturnCommand), freshOwner };
      pending.request = { ...pending.request, command };
      this.queue.unshift([pending]);
      this.schedulePump();
    } catch (error) {
      this.refuse(
        pending,
        error instanceof SeqdError ? error : new SeqdError('internal', undefined, { cause: error }),
      );
    }
  }

  private answer(pending: Pending, answer: Answer): void {
    this.finish(pending);
    pending.resolve({ record: answer.record, replayed: answer.replayed });
  }

  private refuse(pending: Pending, error: SeqdError): void {
    if (pending.settled) return;
    this.finish(pending);
    // A forward of it that got no answer may still be carried out, so no refusal is final.
    pending.reject(pending.doubtful ? new SeqdError('outcome_unknown', undefined, { cause: error }) : error);
  }

  private finish(pending: Pending): void {
    pending.settled = true;
    this.unanswered.delete(pending);
    if (this.unanswered.size === 0) for (const done of this.whenDrained.splice(0)) done();
  }

  /** Refuses what has waited past its budget; a commit under way goes on being resolved. */
  private sweep(): void {
    const nowMs = this.deps.clock.monotonicMs();
    for (const pending of this.queue.takeExpired(nowMs)) this.refuseLate(pending);
    for (const pending of this.unanswered) if (pending.deadlineMs <= nowMs) this.refuseLate(pending);
    if (this.queue.length > 0) this.schedulePump();
  }

  private refuseLate(pending: Pending): void {
    this.refuse(
      pending,
      isUncertain(pending)
        ? new SeqdError(
            'outcome_unknown',
            'The commit was sent but not confirmed in time; retry with the same idempotency key',
          )
        : new SeqdError(
            'unavailable',
            'No etcd quorum confirmed anything in time; the request was not attempted',
          ),
    );
  }

  /** The leader ends reservations whose deadline has passed. */
  private expireReservations(): void {
    const state = this.lane.committed;
    if (state === undefined || this.status !== 'open' || !this.deps.coordination.leads(this.series)) return;
    const now = this.deps.clock.now();
    for (const { position, deadline } of state.reservations()) {
      const id = formatAllocationId(position);
      if (deadline > now || this.expiring.has(id)) continue;
      this.expiring.add(id);
      this.submit({ command: { kind: 'expire', reservation: position }, origin: {} })
        .catch((error: unknown) => {
          // Confirmed or cancelled meanwhile, or to be tried again at the next look.
          this.deps.logger.debug({ err: error, reservation: id }, 'reservation not expired');
        })
        .finally(() => this.expiring.delete(id));
    }
  }

  /** The leader keeps the journal within its limits; every node forgets the keys that are pruned with it. */
  private async pruneJournal(): Promise<void> {
    const state = this.lane.committed;
    if (state === undefined || this.status !== 'open' || this.pruning) return;
    const leader = this.deps.coordination.leads(this.series)
      ? this.deps.coordination.leader(this.series)
      : undefined;
    if (leader === undefined) {
      state.window.forgetBefore(this.keeper.keepFrom(state, this.lane.journal));
      return;
    }
    this.pruning = true;
    try {
      await this.keeper.prune(state, this.lane.journal, leader.guard);
    } catch (error) {
      this.deps.logger.warn(
        { err: error, series: seriesName(this.series) },
        'journal not pruned; tried again later',
      );
    } finally {
      this.pruning = false;
    }
  }

  private pruning = false;
  private readonly expiring = new Set<string>();
}

/** Whether the leader refused because its memory of forwarded requests does not reach back far enough. */
function isBornTooEarly(outcome: ForwardOutcome & { status: 'failed' }): boolean {
  return outcome.code === 'outcome_unknown' && 'ingressFloor' in outcome.details;
}

/** Whether a request may have been carried out although nobody has said so. */
function isUncertain(pending: Pending): boolean {
  return pending.underWay || pending.doubtful;
}
