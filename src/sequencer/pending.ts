import type { SeqdError } from '../core/errors.ts';
import type { JournalRecord } from '../core/facts.ts';
import type { Request } from '../core/requests.ts';

/** The answer to a request that was carried out. */
export interface Answer {
  readonly record: JournalRecord;
  /** An earlier request with the same idempotency key was carried out, and this is its answer. */
  readonly replayed: boolean;
}

/** Who waits for answers, of one request or of several that came together. Each is answered or refused once. */
export interface Asker {
  /** Milliseconds it waits for each. */
  readonly budgetMs: number;
  /** @param place which of its requests */
  answered(place: number, answer: Answer): void;
  refused(place: number, error: SeqdError): void;
}

/** Somebody who waits for one answer. */
export class SingleAsker implements Asker {
  readonly budgetMs: number;
  /** Rejects with a SeqdError. */
  readonly answer: Promise<Answer>;
  private resolve!: (answer: Answer) => void;
  private reject!: (error: SeqdError) => void;

  constructor(budgetMs: number) {
    this.budgetMs = budgetMs;
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  answered(_place: number, { record, replayed }: Answer): void {
    this.resolve({ record, replayed });
  }

  refused(_place: number, error: SeqdError): void {
    this.reject(error);
  }
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
  readonly asker: Asker;
  /** Which of the asker's requests it is. */
  readonly place: number;
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
