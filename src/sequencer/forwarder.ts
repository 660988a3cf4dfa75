import { type ErrorCode, SeqdError } from '../core/errors.ts';
import type { FactOrigin } from '../core/facts.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import type { Request } from '../core/requests.ts';
import type { Leader, NodeInfo } from '../ports/coordination.ts';
import {
  type ForwardMessage,
  type ForwardOutcome,
  type ForwardReply,
  PeerUnreachableError,
} from '../ports/peers.ts';
import type { SequencerDependencies } from './options.ts';
import type { Answer, Pending } from './pending.ts';

/** A leader whose address is known. */
export type KnownLeader = Leader & { readonly node: NodeInfo };

/** What the forwarder tells its owner. */
export interface ForwarderEvents {
  answer(pending: Pending, answer: Answer): void;
  /** These are answered together now; `carriedOut` when any of them was, not only refused. */
  answered(pendings: readonly Pending[], carriedOut: boolean): void;
  refuse(pending: Pending, error: SeqdError): void;
  /** These must be sent again, in this order, before all others. */
  giveBack(pendings: readonly Pending[]): void;
  /** There may be room again. */
  ready(): void;
  /** The process that leads is gone for certain. */
  leaderGone(leader: Leader): void;
}

/** What a leader says that cannot serve just now, or not this series; another node may. */
const UNABLE: ReadonlySet<ErrorCode> = new Set([
  'draining',
  'unavailable',
  'unsupported_format',
  'invariant_violated',
]);
/** Messages under way at once: one gathers while one travels. */
const MESSAGES_MAX = 2;
/**
 * A peer that gave no answer is left alone this long; requests are committed here meanwhile. Longer than a lease lives by
 * default (3 s), so that a leader that died is not asked twice. Where leases live longer, it is asked again after each rest
 * until its lease has ended: two messages at most wait for an answer then, each no longer than it takes to give it up.
 */
const PEER_REST_MS = 3_500;

/**
 * Sends gathered requests to the leader, one hop, and finds out what became of them.
 *
 * Every request sent carries an ingress id from then on, so one whose answer was lost can be sent again, anywhere,
 * without a second number (ADR 004).
 */
export class Forwarder {
  private readonly series: SeriesId;
  private readonly deps: SequencerDependencies;
  private readonly events: ForwarderEvents;
  /** The newest sequence committed as far as this node has seen for itself. */
  private readonly committedSequence: () => number;
  /** How many requests each message under way carries, those of returns aside. */
  private readonly underWay: number[] = [];
  private returnsUnderWay = 0;
  private waitingReturns: Pending[] = [];
  private ingressNumber = 0;
  /** The newest sequence a leader told of; a request taken in now cannot be in the journal before it. */
  private toldSequence = 0;
  private resting: { instance: string; untilMs: number } | undefined;

  constructor(
    series: SeriesId,
    deps: SequencerDependencies,
    owner: { readonly events: ForwarderEvents; readonly committedSequence: () => number },
  ) {
    this.series = series;
    this.deps = deps;
    this.events = owner.events;
    this.committedSequence = owner.committedSequence;
  }

  /** Messages under way, those of returns aside. */
  get messagesUnderWay(): number {
    return this.underWay.length;
  }

  /** Whether another message may be sent now, when so many requests wait; see {@link CommitLane.hasRoomFor}. */
  hasRoomFor(waiting: number): boolean {
    return this.underWay.length < MESSAGES_MAX && waiting >= (this.underWay.at(-1) ?? 0);
  }

  /** Whether the leader has lately failed to answer, so that committing here is better. */
  isResting({ instance }: Leader): boolean {
    return this.resting?.instance === instance && this.deps.clock.monotonicMs() < this.resting.untilMs;
  }

  /**
   * Sends requests; call only with {@link hasRoomFor} them.
   *
   * Returns travel apart: the leader may have to look their owners up in the journal, and a message is answered when the last
   * of its requests is.
   */
  send(leader: KnownLeader, pendings: readonly Pending[]): void {
    const returns = pendings.filter(isReturn);
    const others = returns.length === 0 ? pendings : pendings.filter(pending => !isReturn(pending));
    if (others.length > 0) {
      this.underWay.push(others.length);
      void this.deliver(leader, others).finally(() => {
        this.underWay.splice(this.underWay.indexOf(others.length), 1);
        this.events.ready();
      });
    }
    if (returns.length > 0 && this.returnsUnderWay < MESSAGES_MAX) {
      this.returnsUnderWay += 1;
      void this.deliver(leader, returns).finally(() => {
        this.returnsUnderWay -= 1;
        const waiting = this.waitingReturns;
        this.waitingReturns = [];
        this.events.giveBack(waiting);
        this.events.ready();
      });
    } else {
      // Somebody else may lead by the time that there is room, so they go through the queue again.
      this.waitingReturns = [...this.waitingReturns, ...returns].filter(pending => !pending.settled);
    }
  }

  /** Never rejects. */
  private async deliver(leader: KnownLeader, pendings: readonly Pending[]): Promise<void> {
    const { deps } = this;
    const sentAtMs = deps.clock.monotonicMs();
    const message: ForwardMessage = {
      series: this.series,
      requests: pendings.map(pending => this.withIngress(pending)),
      epoch: leader.epoch,
      budgetMs: Math.max(...pendings.map(pending => pending.deadlineMs)) - sentAtMs,
    };
    try {
      const reply = await deps.peers.forward(leader.node, message);
      if (reply.status === 'not_leader') {
        // It has handed over, or lost its lease: whoever leads now is a look away.
        await deps.coordination.refresh();
        if (deps.coordination.leader(this.series)?.epoch === leader.epoch) this.rest(leader);
        this.events.giveBack(pendings);
      } else {
        deps.observer.forwarded(this.series, pendings.length, deps.clock.monotonicMs() - sentAtMs);
        this.toldSequence = Math.max(this.toldSequence, reply.sequence);
        // A leader that cannot serve is cut off from etcd, or going away; we may not be.
        if (this.takeOutcomes(pendings, reply) > 0) this.rest(leader);
      }
    } catch (error) {
      this.unanswered(leader, pendings, error);
    }
  }

  private unanswered(leader: KnownLeader, pendings: readonly Pending[], error: unknown): void {
    const { deps } = this;
    deps.observer.forwardFailed(this.series, pendings.length);
    const gone = error instanceof PeerUnreachableError && error.gone;
    deps.logger.warn(
      { err: error, leader: leader.nodeId, series: seriesName(this.series), gone },
      'leader not reached',
    );
    this.rest(leader);
    // They carry their ingress ids, so sending them elsewhere cannot draw a second number.
    for (const pending of pendings) pending.doubtful = true;
    this.events.giveBack(pendings);
    if (gone) this.events.leaderGone(leader);
    else void deps.coordination.refresh();
  }

  private rest({ instance }: Leader): void {
    this.resting = { instance, untilMs: this.deps.clock.monotonicMs() + PEER_REST_MS };
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
      const ingressSince = Math.max(this.toldSequence, this.committedSequence());
      pending.request = { ...pending.request, origin, ingressSince };
    }
    return pending.request;
  }

  /** Answers what the leader decided; what it could not serve is given back. Returns how many that are. */
  private takeOutcomes(
    pendings: readonly Pending[],
    { outcomes, sequence }: Extract<ForwardReply, { status: 'done' }>,
  ): number {
    const again: Pending[] = [];
    const bornAgain: Pending[] = [];
    const carriedOut = outcomes.some(outcome => outcome.status === 'done');
    this.events.answered(pendings, carriedOut);
    for (const [i, pending] of pendings.entries()) {
      const outcome = outcomes[i];
      if (pending.settled) continue;
      if (outcome === undefined) {
        // It has answered fewer than it was sent: what became of this one it does not say.
        pending.doubtful = true;
        again.push(pending);
      } else if (outcome.status === 'done') this.events.answer(pending, outcome);
      else if (UNABLE.has(outcome.code)) again.push(pending);
      else if (isBornTooEarly(outcome) && !pending.doubtful) {
        // We had heard nothing for so long that the leader could not tell a new request from an old one. This is
        // its first answer, so up to now it was not carried out.
        pending.request = { ...pending.request, ingressSince: sequence };
        bornAgain.push(pending);
      } else {
        const error = new SeqdError(outcome.code, outcome.detail, { details: outcome.details });
        this.events.refuse(pending, error);
      }
    }
    this.events.giveBack([...bornAgain, ...again]);
    return again.length;
  }
}

function isReturn({ request }: Pending): boolean {
  return request.command.kind === 'release' || request.command.kind === 'void';
}

/** Whether the leader refused because its memory of forwarded requests does not reach back far enough. */
function isBornTooEarly(outcome: ForwardOutcome & { status: 'failed' }): boolean {
  return outcome.code === 'outcome_unknown' && 'ingressFloor' in outcome.details;
}
