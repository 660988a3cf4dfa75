import { SeqdError } from '../core/errors.ts';
import type { FreshOwner, ReturnCommand } from '../core/requests.ts';
import type { OwnerLookup } from './owner-lookup.ts';
import type { Pending } from './pending.ts';

/** Look-ups under way at once; each reads the journal a dozen times or more, and commits must not wait for them. */
const LOOKUPS_MAX = 8;

interface Question {
  readonly number: number;
  /** The newest batch to look at. */
  readonly lastSequence: number;
}

/**
 * Completes returns whose plan asked who first drew the number. A few look-ups run at once, the others wait in line;
 * the line is as short as the number of requests accepted.
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

  constructor(owners: OwnerLookup, events: OwnerQuestions['events']) {
    this.owners = owners;
    this.events = events;
  }

  /** Requests that will come back. */
  get size(): number {
    return this.waiting.size + this.underWay;
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
    const command = pending.request.command as ReturnCommand;
    try {
      const { number, lastSequence } = question;
      const freshOwner =
        (await this.owners.find(number, lastSequence)) ?? (await this.ownerElsewhere(command, question));
      if (pending.settled) return;
      pending.request = { ...pending.request, command: { ...command, freshOwner } };
      this.events.answered(pending);
    } catch (error) {
      this.events.refuse(
        pending,
        error instanceof SeqdError ? error : new SeqdError('internal', undefined, { cause: error }),
      );
    }
  }

  /** The journal entry is gone; the ledger has it. While that does not answer, a client that says whose the number is needs none. */
  private async ownerElsewhere(command: ReturnCommand, question: Question): Promise<FreshOwner> {
    try {
      const found = await this.owners.findInLedger(question.number);
      if (found !== undefined) return found;
    } catch (error) {
      if (command.allocation === undefined || command.type === undefined) throw error;
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
