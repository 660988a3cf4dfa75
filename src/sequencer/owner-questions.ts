import { SeqdError } from '../core/errors.ts';
import type { FreshOwner, ReturnCommand } from '../core/requests.ts';
import { BoundedLedger } from './bounded-ledger.ts';
import type { OwnerLookup } from './owner-lookup.ts';
import type { Pending } from './pending.ts';

/** Look-ups in the journal under way at once; each reads it a dozen times or more, and commits must not wait for them. */
const LOOKUPS_MAX = 8;

interface Question {
  readonly number: number;
  /** The newest batch to look at. */
  readonly lastSequence: number;
}

/**
 * Completes returns whose plan asked who first drew the number. A few look-ups run at once, the others wait in line;
 * the line is as short as the number of requests accepted. What the journal does not tell is asked of the ledger, in a line of its own.
 */
export class OwnerQuestions {
  private readonly owners: OwnerLookup;
  private readonly events: {
    /** The request carries its answer now. */
    readonly answered: (pending: Pending) => void;
    readonly refuse: (pending: Pending, error: SeqdError) => void;
  };
  /** In the order in which they were asked. */
  private readonly waiting = new Map<Pending, Question>();
  private underWay = 0;
  private readonly elsewhere = new Set<Pending>();
  private readonly ledger: BoundedLedger;
  private readonly nowMs: () => number;

  /** @param nowMs the monotonic clock of the requests' deadlines */
  constructor(
    owners: OwnerLookup,
    events: OwnerQuestions['events'],
    nowMs: () => number = () => performance.now(),
  ) {
    this.owners = owners;
    this.events = events;
    this.nowMs = nowMs;
    this.ledger = new BoundedLedger(number => owners.findInLedger(number), nowMs);
  }

  /** Requests that will come back. */
  get size(): number {
    return this.waiting.size + this.underWay + this.elsewhere.size;
  }

  /** Asks who drew `number` in the batches up to `lastSequence`. */
  ask(pending: Pending, number: number, lastSequence: number): void {
    this.waiting.set(pending, { number, lastSequence });
    this.next();
  }

  /** The request has been answered otherwise. */
  forget(pending: Pending): void {
    this.waiting.delete(pending);
  }

  private next(): void {
    for (const [pending, question] of this.waiting) {
      if (this.underWay >= LOOKUPS_MAX) return;
      this.waiting.delete(pending);
      this.underWay += 1;
      void this.answer(pending, question).finally(() => {
        this.underWay -= 1;
        this.next();
      });
    }
  }

  private async answer(pending: Pending, question: Question): Promise<void> {
    try {
      const found = await this.owners.find(question.number, question.lastSequence);
      if (found !== undefined) this.complete(pending, found);
      // Not waited for here: who needs the journal only must not stand behind who needs the ledger.
      else if (!pending.settled) void this.answerElsewhere(pending, question);
    } catch (error) {
      this.refuse(pending, error);
    }
  }

  private async answerElsewhere(pending: Pending, question: Question): Promise<void> {
    this.elsewhere.add(pending);
    try {
      const freshOwner = await this.ownerElsewhere(pending, question);
      this.elsewhere.delete(pending);
      this.complete(pending, freshOwner);
    } catch (error) {
      this.elsewhere.delete(pending);
      this.refuse(pending, error);
    }
  }

  private complete(pending: Pending, freshOwner: FreshOwner): void {
    if (pending.settled) return;
    const command = pending.request.command as ReturnCommand;
    pending.request = { ...pending.request, command: { ...command, freshOwner } };
    this.events.answered(pending);
  }

  private refuse(pending: Pending, error: unknown): void {
    this.events.refuse(
      pending,
      error instanceof SeqdError ? error : new SeqdError('internal', undefined, { cause: error }),
    );
  }

  /** The journal entry is gone; the ledger has it. While that does not answer, a client that says whose the number is needs none. */
  private async ownerElsewhere(pending: Pending, question: Question): Promise<FreshOwner> {
    const command = pending.request.command as ReturnCommand;
    const claims = command.allocation !== undefined && command.type !== undefined;
    if (claims && this.ledger.isDown) return this.ownerClaimed(command, question);
    try {
      const found = await this.ledger.find(question.number, pending.deadlineMs - this.nowMs());
      if (found !== undefined) return found;
    } catch (error) {
      if (!claims) throw error;
    }
    return this.ownerClaimed(command, question);
  }

  /** Neither journal nor ledger tells; what the client says stands, as far as the journal does not contradict it. */
  private async ownerClaimed(
    command: ReturnCommand,
    { number, lastSequence }: Question,
  ): Promise<FreshOwner> {
    const { allocation, type, site, partition } = command;
    if (allocation === undefined || type === undefined) {
      throw new SeqdError(
        'allocation_id_required',
        `The journal entry that issued number ${number} is gone; say which allocation you mean with its allocationId and invoiceType`,
        { details: { number } },
      );
    }
    if (allocation.sequence > lastSequence || (await this.owners.isKept(allocation.sequence))) {
      throw new SeqdError(
        'stale_allocation',
        `Number ${number} was drawn before the oldest journal entry kept, and that allocation was not`,
        { details: { number } },
      );
    }
    return { allocation, owner: { site, partition, type }, claimed: true };
  }
}
