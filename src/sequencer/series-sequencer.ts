import { SeqdError } from '../core/errors.ts';
import type { SeriesId } from '../core/identifiers.ts';
import type { Outcome, Request } from '../core/requests.ts';
import type { SeriesState } from '../core/state.ts';
import type { Leader } from '../ports/coordination.ts';
import type { ForwardMessage, ForwardReply } from '../ports/peers.ts';
import type { RestoreGuardView } from '../ports/restore-guard.ts';
import type { SeriesShare } from './admission.ts';
import { CommitLane } from './commit-lane.ts';
import type { SlotClaim } from './commit-slots.ts';
import { Company } from './company.ts';
import { ForwardAsker } from './forward-asker.ts';
import { Forwarder } from './forwarder.ts';
import { Gathering } from './gathering.ts';
import { Housekeeping } from './housekeeping.ts';
import { LedgerProgress } from './ledger-progress.ts';
import type { SequencerDependencies } from './options.ts';
import { OwnerLookup } from './owner-lookup.ts';
import { OwnerQuestions } from './owner-questions.ts';
import { type Answer, type Asker, isUncertain, type Pending, PendingQueue, SingleAsker } from './pending.ts';
import { SeriesLeadership } from './series-leadership.ts';
import { type Backlog, Shedding } from './shedding.ts';

const SWEEP_INTERVAL_MS = 25;

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
  /** How far the journal is in the ledger. */
  readonly ledger: LedgerProgress;
  private readonly deps: SequencerDependencies;
  private readonly lane: CommitLane;
  private readonly queue = new PendingQueue();
  private readonly gathering = new Gathering();
  private readonly company = new Company();
  private readonly shedding: Shedding;
  private readonly share: SeriesShare;
  private readonly slots: SlotClaim;
  private readonly forwarder: Forwarder;
  private readonly leadership: SeriesLeadership;
  private readonly ownerQuestions: OwnerQuestions;
  private readonly housekeeping: Housekeeping;
  /** Every unanswered request, for deadlines. */
  private readonly unanswered = new Set<Pending>();
  private readonly sweeper: NodeJS.Timeout;
  private status: 'open' | 'draining' | 'closed' = 'open';
  private pumpScheduled = false;
  private companyTimer: NodeJS.Timeout | undefined;
  /** Resolves when what was accepted before a drain is finished and leadership given up. */
  private leaving: Promise<void> | undefined;
  private readonly whenAnswered: (() => void)[] = [];

  constructor(series: SeriesId, deps: SequencerDependencies) {
    this.series = series;
    this.deps = deps;
    this.share = deps.admission.shareOf(series);
    this.shedding = new Shedding(series, deps.limits, this.share);
    this.slots = deps.slots.claimFor(series, () => this.pump());
    const giveBack = (pendings: readonly Pending[]): void => this.giveBack(pendings);
    const ready = (): void => this.schedulePump();
    const refuse = (pending: Pending, error: SeqdError): void => this.refuse(pending, error);
    this.lane = new CommitLane(series, deps, {
      settle: (pendings, outcomes) => {
        // Those that must ask for an owner first come back.
        this.batchAnswered(pendings.filter((_, i) => outcomes[i]!.status !== 'lookup'));
        for (const [i, pending] of pendings.entries()) this.settle(pending, outcomes[i]!);
      },
      reject: (pendings, error) => {
        for (const pending of pendings) this.refuse(pending, error);
      },
      giveBack,
      ready,
      planned: (facts, full) => this.shedding.planned(facts, full),
      deposed: () => void deps.coordination.refresh(),
      stopped: () => void this.leadership.withdraw(),
    });
    this.leadership = new SeriesLeadership(series, deps.coordination, {
      serves: () => this.serves,
      isResting: leader => this.forwarder.isResting(leader),
      won: ready,
    });
    const leaderGone = (leader: Leader): void => void this.leadership.campaign(leader);
    const answer = (pending: Pending, given: Answer): void => this.answer(pending, given);
    this.forwarder = new Forwarder(series, deps, {
      events: {
        answer,
        answered: (pendings, carriedOut) => this.batchAnswered(pendings, carriedOut),
        refuse,
        giveBack,
        ready,
        leaderGone,
      },
      committedSequence: () => this.lane.committed?.head.sequence ?? 0,
    });
    const { journal } = this.lane.replica;
    this.ledger = new LedgerProgress(series, deps, { journal, state: () => this.lane.committed });
    const owners = new OwnerLookup(deps.store, series, { index: journal, ledger: deps.ledger?.lookup });
    this.ownerQuestions = new OwnerQuestions(
      owners,
      {
        answered: pending => {
          this.queue.unshift([pending]);
          this.schedulePump();
        },
        refuse,
      },
      () => deps.clock.monotonicMs(),
    );
    this.housekeeping = new Housekeeping(series, deps, {
      // Of a stopped series nothing is touched: what is stored is evidence.
      state: () => (this.serves ? this.lane.committed : undefined),
      journal,
      submit: request =>
        this.refusal(deps.limits.requestTimeoutMs) === undefined ? this.submit(request) : undefined,
      catchUp: () => this.lane.catchUp(),
    });
    this.sweeper = setInterval(() => this.sweep(), SWEEP_INTERVAL_MS);
    if (deps.guard !== undefined) deps.guard.onChange = ready;
  }

  /** Loads the series and tries to become its leader, so that the first request finds everything ready. */
  async start(): Promise<void> {
    await Promise.all([this.lane.recover(), this.ledger.look()]);
    if (this.serves && this.deps.coordination.leader(this.series) === undefined)
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
    const asker = new SingleAsker(budgetMs);
    this.takeIn(request, asker, 0);
    return asker.answer;
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
    if (!coordination.leads(this.series) || this.status !== 'open' || this.fatal !== undefined)
      return { status: 'not_leader' };
    const budgetMs = Math.min(message.budgetMs, this.deps.limits.requestTimeoutMs);
    const { requests } = message;
    const asker = new ForwardAsker(requests.length, budgetMs);
    for (let place = 0; place < requests.length; place += 1) {
      try {
        this.takeIn(requests[place]!, asker, place);
      } catch {
        asker.refused(place, new SeqdError('internal'));
      }
    }
    const outcomes = await asker.outcomes;
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

  /** etcd's revision of the last batch in {@link lastKnown}; 0 before the first. */
  get lastKnownRevision(): number {
    return this.lane.replica.revision;
  }

  /** Whether there is more to do for the series here than to finish what was accepted. */
  private get serves(): boolean {
    return this.status === 'open' && this.fatal === undefined;
  }

  /** Why this series serves no more, if it does not. */
  get fatal(): SeqdError | undefined {
    return this.lane.fatal;
  }

  /** Why a restore from a backup keeps the series from being served, if it does. */
  get setBack(): SeqdError | undefined {
    return this.deps.guard?.refusal() ?? this.lane.contradiction;
  }

  /** How it stands with restores from a backup, and how far the series went as this node knows it. */
  get restoreGuard(): RestoreGuardView & { readonly sequence: number; readonly next: number | null } {
    const { contradiction } = this.lane;
    const seen = this.lane.committed?.head;
    const view = this.deps.guard?.view() ?? { state: 'off' as const, detail: '' };
    return {
      ...(contradiction === undefined || view.state === 'refusing'
        ? view
        : { state: 'refusing', detail: contradiction.message }),
      sequence: seen?.sequence ?? 0,
      next: seen?.next ?? null,
    };
  }

  /** Finishes what was accepted, gives leadership up, refuses what is new. Resolves when done or at the deadline. */
  async drain({ deadlineMs }: { deadlineMs: number }): Promise<void> {
    if (this.status === 'open') {
      this.status = 'draining';
      this.leaving = this.leave();
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => (timer = setTimeout(resolve, deadlineMs)));
    await Promise.race([this.leaving, late]);
    clearTimeout(timer);
  }

  /** Hands leadership to another node: with the batch that is to be sent next, or by itself when there is none. */
  private async leave(): Promise<void> {
    const { coordination } = this.deps;
    if (this.queue.length > 0 && this.lane.isReady) this.lane.handOver();
    else await coordination.handOver(this.series);
    while (this.unanswered.size > 0) await new Promise<void>(resolve => this.whenAnswered.push(resolve));
    // That batch may have lost to another, or have turned out to change nothing.
    if (this.status === 'draining') await coordination.handOver(this.series);
  }

  /** Ends everything at once; unanswered requests fail. */
  close(): void {
    if (this.status === 'closed') return;
    this.status = 'closed';
    clearInterval(this.sweeper);
    clearTimeout(this.companyTimer);
    this.housekeeping.close();
    this.ledger.close();
    this.lane.close();
    this.slots.close();
    for (const pending of this.unanswered) {
      this.refuse(pending, new SeqdError(isUncertain(pending) ? 'outcome_unknown' : 'draining'));
    }
    this.queue.takeAll();
  }

  private takeIn(request: Request, asker: Asker, place: number): void {
    const { budgetMs } = asker;
    const nowMs = this.deps.clock.monotonicMs();
    const refusal = this.refusal(budgetMs, nowMs);
    if (refusal !== undefined) return asker.refused(place, refusal);
    const pending: Pending = {
      request,
      submittedAtMs: nowMs,
      deadlineMs: nowMs + budgetMs,
      forwarded: request.origin.ingress !== undefined,
      underWay: false,
      doubtful: false,
      settled: false,
      asker,
      place,
    };
    this.share.enter();
    this.unanswered.add(pending);
    this.company.joined(this.unanswered.size);
    this.queue.push(pending);
    this.schedulePump();
  }

  private refusal(budgetMs: number, nowMs = this.deps.clock.monotonicMs()): SeqdError | undefined {
    if (this.lane.fatal !== undefined) return this.lane.fatal;
    if (this.status !== 'open') return new SeqdError('draining');
    const { setBack } = this;
    if (setBack !== undefined) return setBack;
    // Whoever commits decides: it knows the journal best.
    const full = this.ledger.refusal();
    if (full !== undefined && this.leadership.reachable() === undefined) return full;
    const refusal = this.shedding.refusal(nowMs, budgetMs, this.backlog(nowMs));
    // Nobody waits any more for whom the series would be read again.
    if (refusal !== undefined && !this.lane.isReady) void this.lane.recover();
    return refusal;
  }

  private backlog(nowMs: number): Backlog {
    const unreadyMs = this.lane.unreadyMs(nowMs);
    return {
      underWay: this.lane.line.length + this.forwarder.messagesUnderWay,
      waiting: this.queue.length + this.ownerQuestions.size,
      stalledMs: Math.max(
        this.lane.stalledMs(nowMs),
        unreadyMs > 0 && this.leadership.reachable() === undefined ? unreadyMs : 0,
      ),
    };
  }

  // Requests that arrive in one turn of the event loop leave together.
  private schedulePump(): void {
    if (this.pumpScheduled || this.status === 'closed') return;
    this.pumpScheduled = true;
    setImmediate(() => {
      this.pumpScheduled = false;
      if (this.gathering.paysToWait(this.queue.length)) this.schedulePump();
      else if (!this.waitsForCompany()) this.pump();
    });
  }

  private waitsForCompany(): boolean {
    if (this.queue.length === 0 || this.status !== 'open') return false;
    const ms = this.company.worthMs(this.deps.clock.monotonicMs(), this.unanswered.size);
    if (ms === 0) return false;
    this.companyTimer ??= setTimeout(() => {
      this.companyTimer = undefined;
      this.schedulePump();
    }, ms);
    return true;
  }

  private pump(): void {
    const refusal = this.lane.fatal ?? this.setBack;
    if (refusal !== undefined) for (const pending of this.queue.takeAll()) this.refuse(pending, refusal);
    // What was taken waits until it is known that nothing was set back.
    if (this.deps.guard?.isOpen === false) return;
    while (this.queue.length > 0 && this.status !== 'closed') {
      const leader = this.leadership.forwardTarget();
      if (leader !== undefined) {
        if (!this.forwarder.hasRoomFor(this.queue.length)) return;
        const pendings = this.takeBatch();
        this.declineForwarded(pendings);
        const ours = pendings.filter(pending => !pending.settled);
        if (ours.length > 0) this.forwarder.send(leader, ours);
      } else {
        if (!this.lane.hasRoomFor(this.queue.length)) {
          if (!this.lane.isReady) void this.lane.recover();
          return;
        }
        const slot = this.slots.tryTake();
        if (slot === undefined) return;
        const pendings = this.takeBatch();
        if (pendings.length > 0) this.lane.send(pendings, slot);
        else slot.release();
      }
    }
  }

  private batchAnswered(pendings: readonly Pending[], carriedOut = true): void {
    const [first] = pendings;
    if (first === undefined) return;
    const nowMs = this.deps.clock.monotonicMs();
    this.gathering.answered(pendings.length);
    this.company.answered(
      nowMs,
      pendings.some(pending => pending.forwarded),
    );
    // A leader that refuses all because nothing is confirmed has served nobody: who waits then is not told that others were.
    if (carriedOut) this.shedding.landed(nowMs, first.submittedAtMs);
  }

  private takeBatch(): readonly Pending[] {
    this.gathering.left();
    return this.queue.take(this.deps.limits.batchSizeMax);
  }

  /** One hop at most: what another node has forwarded here goes back to it when we no longer lead. */
  private declineForwarded(pendings: readonly Pending[]): void {
    for (const pending of pendings) {
      if (pending.forwarded) this.refuse(pending, new SeqdError('unavailable', 'This node no longer leads'));
    }
  }

  /** Nothing came of these; they go before all others again. */
  private giveBack(pendings: readonly Pending[]): void {
    for (const pending of pendings) pending.underWay = false;
    this.queue.unshift(pendings.filter(pending => !pending.settled));
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
        this.ownerQuestions.ask(pending, outcome.number, this.lane.committed!.head.sequence);
    }
  }

  private answer(pending: Pending, answer: Answer): void {
    this.finish(pending);
    pending.asker.answered(pending.place, answer);
  }

  private refuse(pending: Pending, error: SeqdError): void {
    if (pending.settled) return;
    this.finish(pending);
    // A forward of it that got no answer may still be carried out, so no refusal is final.
    const certain = pending.doubtful ? new SeqdError('outcome_unknown', undefined, { cause: error }) : error;
    pending.asker.refused(pending.place, certain);
  }

  private finish(pending: Pending): void {
    pending.settled = true;
    this.ownerQuestions.forget(pending);
    this.unanswered.delete(pending);
    this.share.leave();
    if (this.unanswered.size === 0) for (const done of this.whenAnswered.splice(0)) done();
  }

  /** Refuses what has waited past its budget; a commit under way goes on being resolved. */
  private sweep(): void {
    const nowMs = this.deps.clock.monotonicMs();
    for (const pending of this.queue.takeExpired(nowMs)) this.refuseLate(pending, nowMs);
    for (const pending of this.unanswered) if (pending.deadlineMs <= nowMs) this.refuseLate(pending, nowMs);
    if (this.queue.length > 0) this.schedulePump();
    // Refused requests do not have it read again: a recovery is noticed here.
    if (this.lane.contradiction !== undefined && this.deps.guard?.refusal() === undefined)
      void this.lane.recover();
    // Also what was won, or handed to us, when it had stopped already.
    if (this.fatal !== undefined && this.deps.coordination.leads(this.series))
      void this.leadership.withdraw();
  }

  private refuseLate(pending: Pending, nowMs: number): void {
    this.refuse(pending, this.shedding.late(pending, nowMs, this.backlog(nowMs)));
  }
}
