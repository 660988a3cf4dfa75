import { SeqdError } from '../core/errors.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import { decodeLedgerRecord, type LedgerRecord } from '../core/ledger-record.ts';
import { decodeJournalStart, KEYS } from '../core/records.ts';
import type { SeriesState } from '../core/state.ts';
import { projectorElection } from '../ports/coordination.ts';
import type { JournalIndex } from './journal-index.ts';
import type { SequencerDependencies } from './options.ts';

/** How a series' ledger is doing. `none`: this cluster has no ledger, as far as is known. */
export type LedgerState = 'ok' | 'lagging' | 'unavailable' | 'diverged' | 'none';

/** What a node knows of a series' ledger without asking it. */
export interface LedgerView {
  readonly state: LedgerState;
  /** What is wrong, for people; empty when nothing is. */
  readonly detail: string;
  /** The last batch that is in the ledger; `null` without a ledger. */
  readonly position: number | null;
  readonly lagBatches: number;
  /** About how long the oldest batch that is not in the ledger has been waiting for it. */
  readonly lagSeconds: number;
  /** About how much of the journal is not in the ledger. */
  readonly unprojectedBytes: number;
  /** That as a part of what may wait, by bytes or batches; requests are refused from 1 on. */
  readonly fullness: number;
  /** The node that writes to the ledger; `null` while there is none. */
  readonly projector: string | null;
}

const LOOK_INTERVAL_MS = 500;
/** Where there is no ledger, as far as is known. */
const IDLE_INTERVAL_MS = 5_000;
/** What has waited less long is on its way. */
const LAGGING_SECONDS = 5;
/** From each of these on the log says so once. */
const WARNINGS = [0.5, 0.8, 1];
/** More than the oldest batch's age needs to be known within a few seconds. */
const SIGHTINGS_MAX = 1_000;
const RETRY_AFTER_SECONDS = 5;

/**
 * What one node sees of how far a series' journal is in the ledger: it reads the position that the projector publishes, and
 * compares it with the journal as this node has seen it. From that come the lag, and the refusal of requests when more waits
 * for the ledger than may, long before etcd is full.
 */
export class LedgerProgress {
  private readonly series: SeriesId;
  private readonly deps: Pick<
    SequencerDependencies,
    'store' | 'coordination' | 'clock' | 'logger' | 'ledger'
  >;
  private readonly journal: JournalIndex;
  private readonly state: () => SeriesState | undefined;
  /** `undefined` before the first look; `null` when there is none. */
  private seen: LedgerRecord | null | undefined;
  /** Where the journal begins, as last read; `undefined` before. What was pruned before there was a ledger waits for nobody. */
  private journalFirst: number | undefined;
  /** How far the journal reached at which time (monotonic), of what is not in the ledger yet; oldest first. */
  private sightings: { readonly atMs: number; readonly sequence: number }[] = [];
  /** When this node last saw that nothing waits (monotonic). */
  private inStepAtMs = Number.NEGATIVE_INFINITY;
  private warned = 0;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    series: SeriesId,
    deps: LedgerProgress['deps'],
    seen: { readonly journal: JournalIndex; readonly state: () => SeriesState | undefined },
  ) {
    this.series = series;
    this.deps = deps;
    this.journal = seen.journal;
    this.state = seen.state;
    this.schedule();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** Looks again now. Never rejects: what cannot be read leaves what was known. */
  async look(): Promise<void> {
    try {
      const { record } = await this.deps.store.read(this.series, KEYS.ledger);
      const seen = record === null ? null : decodeLedgerRecord(record.value);
      await this.lookAtStart(seen?.sequence ?? 0);
      this.seen = seen;
    } catch (error) {
      this.deps.logger.debug(
        { err: error, series: seriesName(this.series) },
        'position of the ledger not read',
      );
    }
    this.noteSighting();
    this.warn();
  }

  /** Where the journal begins matters only where it begins after the ledger's end, and that it can do only at first. */
  private async lookAtStart(position: number): Promise<void> {
    if (this.journalFirst !== undefined && position > 0 && position + 1 >= this.journalFirst) return;
    const { record } = await this.deps.store.read(this.series, KEYS.journalStart);
    this.journalFirst = record === null ? 1 : decodeJournalStart(record.value);
  }

  /** Why nothing may be added to the journal now, if so. */
  refusal(): SeqdError | undefined {
    const fullness = this.fullness();
    if (fullness < 1) return undefined;
    const { lagBatches, unprojectedBytes } = this.lag();
    return new SeqdError(
      'journal_full',
      `${lagBatches} batches wait for the ledger, which is all that may; serving goes on when it has taken them${this.hint()}`,
      {
        details: {
          series: seriesName(this.series),
          position: this.position,
          lagBatches,
          unprojectedBytes,
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        },
      },
    );
  }

  view(): LedgerView {
    const { nodeId: projector = null } = this.deps.coordination.leader(projectorElection(this.series)) ?? {};
    if (!this.exists)
      return {
        state: 'none',
        detail: '',
        position: null,
        lagBatches: 0,
        lagSeconds: 0,
        unprojectedBytes: 0,
        fullness: 0,
        projector,
      };
    const lag = this.lag();
    const lagSeconds = this.lagSeconds(lag.lagBatches);
    return {
      ...this.judge(lagSeconds, projector),
      position: this.position,
      ...lag,
      lagSeconds,
      fullness: this.fullness(),
      projector,
    };
  }

  /** Whether the series has a ledger, here or according to another node. */
  private get exists(): boolean {
    return this.deps.ledger?.configured === true || (this.seen ?? null) !== null;
  }

  private get position(): number {
    return this.seen?.sequence ?? 0;
  }

  /** The last batch that does not wait for the ledger. */
  private get settled(): number {
    return Math.max(this.position, (this.journalFirst ?? 1) - 1);
  }

  /** What to do about a ledger that nobody writes to, where this node was told of none. */
  private hint(): string {
    const { ledger, coordination } = this.deps;
    if (ledger?.configured === true || !this.exists) return '';
    if (coordination.leader(projectorElection(this.series)) !== undefined) return '';
    return '. No node writes to a ledger, and this one is told of none: configure it again, or give it up with "seqd ledger forget --yes"';
  }

  private judge(lagSeconds: number, projector: string | null): { state: LedgerState; detail: string } {
    const { problem = null, detail = '' } = this.seen ?? {};
    if (problem !== null) return { state: problem, detail };
    if (lagSeconds < LAGGING_SECONDS) return { state: 'ok', detail: '' };
    return projector === null
      ? { state: 'unavailable', detail: `no node writes to the ledger${this.hint()}` }
      : {
          state: 'lagging',
          detail: 'the ledger takes in less than is added to the journal, or has just come back',
        };
  }

  private lag(): { lagBatches: number; unprojectedBytes: number } {
    // Before the first look there is nothing to compare with.
    const behind = this.seen === undefined ? 0 : (this.state()?.head.sequence ?? 0) - this.settled;
    const lagBatches = Math.max(0, behind);
    return { lagBatches, unprojectedBytes: lagBatches === 0 ? 0 : this.journal.bytesAfter(this.settled) };
  }

  private fullness(): number {
    const { ledger } = this.deps;
    if (ledger === undefined || !this.exists) return 0;
    const { lagBatches, unprojectedBytes } = this.lag();
    return Math.max(unprojectedBytes / ledger.bytesMax, lagBatches / ledger.batchesMax);
  }

  private lagSeconds(lagBatches: number): number {
    const oldest = this.sightings.find(({ sequence }) => sequence > this.settled);
    return lagBatches === 0 || oldest === undefined
      ? 0
      : Math.max(0, (this.deps.clock.monotonicMs() - oldest.atMs) / 1_000);
  }

  private noteSighting(): void {
    const head = this.state()?.head;
    const nowMs = this.deps.clock.monotonicMs();
    this.sightings = this.sightings.filter(({ sequence }) => sequence > this.settled);
    if (!this.exists || head === undefined) return;
    if (head.sequence <= this.settled) {
      this.inStepAtMs = nowMs;
      return;
    }
    const newest = this.sightings.at(-1);
    if (newest !== undefined && newest.sequence >= head.sequence) return;
    // What waited already when this node began to look: for as long as the ledger has been behind at most. Between two batches that is
    // as long as nothing was drawn, so it counts only as far back as nothing was seen to wait.
    const { time = 0 } = this.seen ?? {};
    const beforeMs = newest === undefined && time > 0 ? Math.max(0, head.time - time) : 0;
    this.sightings.push({ atMs: Math.max(nowMs - beforeMs, this.inStepAtMs), sequence: head.sequence });
    if (this.sightings.length > SIGHTINGS_MAX) this.sightings = this.sightings.filter((_, i) => i % 2 === 0);
  }

  /** The leader says once when the journal waits for the ledger in earnest, once when it is full, and once when that is over. */
  private warn(): void {
    const { coordination, logger } = this.deps;
    if (!coordination.leads(this.series)) return;
    const fullness = this.fullness();
    const level = WARNINGS.filter(limit => fullness >= limit).length;
    const { lagBatches, unprojectedBytes } = this.lag();
    const fields = {
      series: seriesName(this.series),
      percent: Math.floor(fullness * 100),
      lagBatches,
      unprojectedBytes,
    };
    if (level > this.warned && level === WARNINGS.length)
      logger.error(
        fields,
        `the journal is full: requests are refused until the ledger has caught up${this.hint()}`,
      );
    else if (level > this.warned)
      logger.warn(fields, `the journal fills up, since the ledger is behind${this.hint()}`);
    else if (level === 0 && this.warned > 0) logger.info(fields, 'the ledger has caught up with the journal');
    this.warned = level;
  }

  private schedule(): void {
    if (this.closed) return;
    this.timer = setTimeout(
      () => void this.look().finally(() => this.schedule()),
      this.exists ? LOOK_INTERVAL_MS : IDLE_INTERVAL_MS,
    );
  }
}
