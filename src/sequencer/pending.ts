import type { SeqdError } from '../core/errors.ts';
import type { JournalRecord } from '../core/facts.ts';
import type { Request } from '../core/requests.ts';

/** The answer to a request that was carried out. */
export interface Answer {
  readonly record: JournalRecord;
  /** An earlier request with the same idempotency key was carried out, and this is its answer. */
  readonly replayed: boolean;
}

/** A request waiting for its answer. */
export interface Pending {
  request: Request;
  /** Monotonic milliseconds. */
  readonly submittedAtMs: number;
  readonly deadlineMs: number;
  /** Another node took it in. */
  readonly forwarded: boolean;
  /** It is part of a commit or forward under way. */
  underWay: boolean;
  /** It was forwarded and no answer came: it may have been carried out. */
  doubtful: boolean;
  /** Answered; whatever still arrives for it is ignored. */
  settled: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: SeqdError) => void;
}

/** Whether a request may have been carried out although nobody has said so. */
export function isUncertain(pending: Pending): boolean {
  return pending.underWay || pending.doubtful;
}

/** First in, first out, with a cheap front: requests that come back go to the front again, in order. */
export class PendingQueue {
  private items: Pending[] = [];

  get length(): number {
    return this.items.length;
  }

  push(pending: Pending): void {
    this.items.push(pending);
  }

  /** Puts requests back before all others, in the given order. */
  unshift(pendings: readonly Pending[]): void {
    if (pendings.length > 0) this.items = [...pendings, ...this.items];
  }

  /** Takes up to `max` from the front, leaving out what has been answered meanwhile. */
  take(max: number): Pending[] {
    const taken = this.items.splice(0, max).filter(pending => !pending.settled);
    return taken;
  }

  /** Removes and returns all whose deadline has passed. */
  takeExpired(nowMs: number): Pending[] {
    // Deadlines rise with arrival except for requests that came back, so look at all; it is a short list
    // whenever anything moves.
    if (!this.items.some(pending => pending.deadlineMs <= nowMs)) return [];
    const expired = this.items.filter(pending => pending.deadlineMs <= nowMs);
    this.items = this.items.filter(pending => pending.deadlineMs > nowMs);
    return expired;
  }

  takeAll(): Pending[] {
    return this.items.splice(0);
  }
}
