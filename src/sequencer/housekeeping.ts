import { formatAllocationId, type SeriesId, seriesName } from '../core/identifiers.ts';
import type { Request } from '../core/requests.ts';
import type { SeriesState } from '../core/state.ts';
import type { JournalIndex } from './journal-index.ts';
import { JournalKeeper } from './journal-keeper.ts';
import type { SequencerDependencies } from './options.ts';

const EXPIRE_INTERVAL_MS = 250;
const JOURNAL_INTERVAL_MS = 5_000;
/** How far a node that does not lead falls behind, and so about what it has to catch up with when it takes over. */
const KEEP_UP_INTERVAL_MS = 1_000;

/** What housekeeping works on. */
export interface Household {
  /** The committed state as last seen; `undefined` when there is nothing to do. */
  state(): SeriesState | undefined;
  readonly journal: JournalIndex;
  submit(request: Request): Promise<unknown>;
  /** Makes the committed state as new as the store. */
  catchUp(): Promise<void>;
}

/**
 * What one node does for a series unasked: as leader it ends overdue reservations and keeps the journal within its limits; as
 * any other node it keeps up with what the leader commits, so that it can take over at once.
 */
export class Housekeeping {
  private readonly series: SeriesId;
  private readonly deps: SequencerDependencies;
  private readonly household: Household;
  private readonly keeper: JournalKeeper;
  private readonly timers: NodeJS.Timeout[];
  private readonly expiring = new Set<string>();
  private keeping = false;
  private catchingUp = false;

  constructor(series: SeriesId, deps: SequencerDependencies, household: Household) {
    this.series = series;
    this.deps = deps;
    this.household = household;
    this.keeper = new JournalKeeper(deps.store, series, { limits: deps.journal, logger: deps.logger });
    this.timers = [
      setInterval(() => this.expireReservations(), EXPIRE_INTERVAL_MS),
      setInterval(() => void this.keepJournal(), JOURNAL_INTERVAL_MS),
      setInterval(() => void this.keepUp(), KEEP_UP_INTERVAL_MS),
    ];
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  /** The leader ends reservations whose deadline has passed. */
  private expireReservations(): void {
    const state = this.household.state();
    if (state === undefined || !this.deps.coordination.leads(this.series)) return;
    const now = this.deps.coordination.timeMs();
    for (const { position, deadline } of state.reservations()) {
      const id = formatAllocationId(position);
      if (deadline > now || this.expiring.has(id)) continue;
      this.expiring.add(id);
      this.household
        .submit({ command: { kind: 'expire', reservation: position }, origin: {} })
        .catch((error: unknown) => {
          // Confirmed or cancelled meanwhile, or to be tried again at the next look.
          this.deps.logger.debug({ err: error, reservation: id }, 'reservation not expired');
        })
        .finally(() => this.expiring.delete(id));
    }
  }

  private async keepUp(): Promise<void> {
    if (this.catchingUp || this.household.state() === undefined || this.deps.coordination.leads(this.series))
      return;
    this.catchingUp = true;
    // Whoever needs the state asks for it again and hears then why it cannot be read.
    await this.household.catchUp().catch(() => {});
    this.catchingUp = false;
  }

  /** The leader keeps the journal within its limits; every other node forgets the keys that are pruned with it. */
  private async keepJournal(): Promise<void> {
    const { coordination, logger } = this.deps;
    const state = this.household.state();
    if (state === undefined || this.keeping) return;
    const leader = coordination.leads(this.series) ? coordination.leader(this.series) : undefined;
    const fields = { series: seriesName(this.series) };
    this.keeping = true;
    try {
      if (leader === undefined) await this.keeper.follow(state);
      else await this.keeper.keep(state, this.household.journal, leader.guard);
    } catch (error) {
      if (leader === undefined) logger.debug({ ...fields, err: error }, 'start of the journal not read');
      else logger.warn({ ...fields, err: error }, 'journal not pruned; tried again later');
    } finally {
      this.keeping = false;
    }
  }
}
