import { formatAllocationId, type Position, type SeriesId, seriesName } from '../core/identifiers.ts';
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
  /** `undefined` when it is refused at once. */
  submit(request: Request): Promise<unknown> | undefined;
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
  private expiring = false;
  private keeping = false;
  private catchingUp = false;

  constructor(series: SeriesId, deps: SequencerDependencies, household: Household) {
    this.series = series;
    this.deps = deps;
    this.household = household;
    const { journal: limits, logger } = deps;
    const mayWrite = (): boolean => household.state() !== undefined;
    const hasLedger = deps.ledger?.configured ?? false;
    this.keeper = new JournalKeeper(deps.store, series, { limits, logger, mayWrite, hasLedger });
    this.timers = [
      setInterval(() => void this.expireReservations(), EXPIRE_INTERVAL_MS),
      setInterval(() => void this.keepJournal(), JOURNAL_INTERVAL_MS),
      setInterval(() => void this.keepUp(), KEEP_UP_INTERVAL_MS),
    ];
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer);
  }

  /**
   * The leader ends reservations whose deadline has passed, a batch of them at a time: however many are due together,
   * clients' requests find room between them. Those that are refused wait for the next look.
   */
  private async expireReservations(): Promise<void> {
    if (this.expiring) return;
    this.expiring = true;
    let ended: readonly boolean[];
    do ended = await Promise.all(this.submitAll(this.overdue()));
    while (ended.filter(Boolean).length === this.deps.limits.batchSizeMax);
    this.expiring = false;
  }

  /** The first of the reservations to be ended now; at most as many as fit into one batch. */
  private overdue(): readonly Position[] {
    const due: Position[] = [];
    const state = this.household.state();
    if (state === undefined || !this.deps.coordination.leads(this.series)) return due;
    const now = this.deps.coordination.timeMs();
    for (const { position, deadline } of state.reservations()) {
      if (deadline <= now) due.push(position);
      if (due.length === this.deps.limits.batchSizeMax) break;
    }
    return due;
  }

  /** Asks for them to be ended, up to the first that is refused at once. Resolve with whether they were. */
  private submitAll(reservations: readonly Position[]): readonly Promise<boolean>[] {
    const submitted: Promise<boolean>[] = [];
    for (const reservation of reservations) {
      const answer = this.household.submit({ command: { kind: 'expire', reservation }, origin: {} });
      if (answer === undefined) break;
      submitted.push(
        answer.then(
          () => true,
          (error: unknown) => {
            // Confirmed or cancelled meanwhile, or to be tried again at the next look.
            const id = formatAllocationId(reservation);
            this.deps.logger.debug({ err: error, reservation: id }, 'reservation not expired');
            return false;
          },
        ),
      );
    }
    return submitted;
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
