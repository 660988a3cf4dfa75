import type { AdoptFact, FactOrigin, JournalRecord, RaiseFact } from '../core/facts.ts';
import type { AdoptCommand, RaiseCommand } from '../core/requests.ts';
import type { SeriesSequencer } from './series-sequencer.ts';

/** A change that was made, now or before under the same key. */
export interface Administered<F> {
  readonly fact: F;
  readonly record: JournalRecord;
  readonly replayed: boolean;
}

/** What only administrators do to a series. Every method throws SeqdError only. */
export class AdminService {
  private readonly sequencer: Pick<SeriesSequencer, 'submit'>;

  constructor(sequencer: Pick<SeriesSequencer, 'submit'>) {
    this.sequencer = sequencer;
  }

  /** Raises the counter, for a numbering that is imported or for none. */
  async raise(command: Omit<RaiseCommand, 'kind'>, origin: FactOrigin): Promise<Administered<RaiseFact>> {
    const { record, replayed } = await this.sequencer.submit({
      command: { kind: 'raise', ...command },
      origin,
    });
    return { fact: record.fact as RaiseFact, record, replayed };
  }

  /** Says the gaps of the import that is under way, as far as they go into one commit. */
  async adopt(command: Omit<AdoptCommand, 'kind'>, origin: FactOrigin): Promise<Administered<AdoptFact>> {
    const { record, replayed } = await this.sequencer.submit({
      command: { kind: 'adopt', ...command },
      origin,
    });
    return { fact: record.fact as AdoptFact, record, replayed };
  }
}
