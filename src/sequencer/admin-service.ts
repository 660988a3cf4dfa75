import type { AdoptFact, FactOrigin, JournalRecord, RaiseFact } from '../core/facts.ts';
import type { AdoptCommand, RaiseCommand, Request } from '../core/requests.ts';
import { SeqdError } from '../core/errors.ts';
import type { SeriesSequencer } from './series-sequencer.ts';

/** A change that was made, now or before under the same key. */
export interface Administered<F> {
  readonly fact: F;
  readonly record: JournalRecord;
  readonly replayed: boolean;
}

/** Changes that wait at one node: they may be as long as seven others, and one after the other is how they are made. */
export const ADMIN_PENDING_MAX = 16;

/** What only administrators do to a series. Every method throws SeqdError only: `overloaded`, and what the sequencer throws. */
export class AdminService {
  private readonly sequencer: Pick<SeriesSequencer, 'submit'>;
  private pending = 0;

  constructor(sequencer: Pick<SeriesSequencer, 'submit'>) {
    this.sequencer = sequencer;
  }

  /** Raises the counter, for a numbering that is imported or for none. */
  async raise(command: Omit<RaiseCommand, 'kind'>, origin: FactOrigin): Promise<Administered<RaiseFact>> {
    const { record, replayed } = await this.submit({ command: { kind: 'raise', ...command }, origin });
    return { fact: record.fact as RaiseFact, record, replayed };
  }

  /** Says the gaps of the import that is under way, as far as they go into one commit. */
  async adopt(command: Omit<AdoptCommand, 'kind'>, origin: FactOrigin): Promise<Administered<AdoptFact>> {
    const { record, replayed } = await this.submit({ command: { kind: 'adopt', ...command }, origin });
    return { fact: record.fact as AdoptFact, record, replayed };
  }

  private async submit(request: Request): ReturnType<SeriesSequencer['submit']> {
    if (this.pending >= ADMIN_PENDING_MAX)
      throw new SeqdError('overloaded', `${ADMIN_PENDING_MAX} changes by administrators are waiting already`);
    this.pending += 1;
    try {
      return await this.sequencer.submit(request);
    } finally {
      this.pending -= 1;
    }
  }
}
