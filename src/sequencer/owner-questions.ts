import { SeqdError } from '../core/errors.ts';
import type { FreshOwner, ReturnCommand } from '../core/requests.ts';
import type { OwnerLookup } from './owner-lookup.ts';
import type { Pending } from './pending.ts';

/** Look-ups under way at once; each reads the journal a dozen times or more, and commits must not wait for them. */
const LOOKUPS_MAX = 8;

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
  private readonly waiting: { pending: Pending; number: number; lastSequence: number }[] = [];
  private underWay = 0;

  constructor(owners: OwnerLookup, events: OwnerQuestions['events']) {
    this.owners = owners;
    this.events = events;
  }

  /** Asks who drew `number` in the batches up to `lastSequence`. */
  ask(pending: Pending, number: number, lastSequence: number): void {
    this.waiting.push({ pending, number, lastSequence });
    this.next();
  }

  private next(): void {
    while (this.underWay < LOOKUPS_MAX) {
      const question = this.waiting.shift();
      if (question === undefined) return;
      if (question.pending.settled) continue;
      this.underWay += 1;
      void this.answer(question).finally(() => {
        this.underWay -= 1;
        this.next();
      });
    }
  }

  private async answer({ pending, number, lastSequence }: (typeof this.waiting)[number]): Promise<void> {
    const command = pending.request.command as ReturnCommand;
    try {
      const freshOwner =
        (await this.owners.find(number, lastSequence)) ?? (await this.ownerClaimed(command, number));
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

  /** The journal entry is gone; what the client says stands, as far as the journal does not contradict it. */
  private async ownerClaimed(command: ReturnCommand, number: number): Promise<FreshOwner> {
    const { allocation, type, site, partition } = command;
    if (allocation === undefined || type === undefined) {
      throw new SeqdError(
        'allocation_id_required',
        `The journal entry that issued number ${number} is gone; say which allocation you mean with its allocationId and invoiceType`,
        { details: { number } },
      );
    }
    if (await this.owners.isKept(allocation.sequence)) {
      throw new SeqdError(
        'stale_allocation',
        `Number ${number} was drawn before the oldest journal entry kept, and that allocation after it`,
        { details: { number } },
      );
    }
    return { allocation, owner: { site, partition, type }, claimed: true };
  }
}
