import { type ErrorDetails, SeqdError } from '../core/errors.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import type { SeriesShare } from './admission.ts';
import type { EngineLimits } from './options.ts';
import { Pace } from './pace.ts';
import { isUncertain, type Pending } from './pending.ts';

/** Without a certain outcome for this long, new requests are refused at once instead of being kept waiting. */
const STALL_MS = 1_500;

/** What stands before a request that comes now. */
export interface Backlog {
  /** Commits and forwards under way. */
  readonly underWay: number;
  /** Requests that are to leave after those. */
  readonly waiting: number;
  /** For how long nothing has moved although it should, milliseconds. */
  readonly stalledMs: number;
}

/** Decides which requests a series refuses because they could not be answered in their time, and says why. */
export class Shedding {
  private readonly series: SeriesId;
  private readonly limits: EngineLimits;
  private readonly share: SeriesShare;
  private readonly pace = new Pace();
  private landedAtMs = Number.NEGATIVE_INFINITY;
  /** How many requests a commit carries, as far as was seen lately. */
  private batchSize: number;

  constructor(series: SeriesId, limits: EngineLimits, share: SeriesShare) {
    this.series = series;
    this.limits = limits;
    this.share = share;
    this.batchSize = limits.batchSizeMax;
  }

  /** A batch was answered; the first of its requests came at `waitingSinceMs`. */
  landed(nowMs: number, waitingSinceMs: number): void {
    this.landedAtMs = nowMs;
    this.pace.landed(nowMs, waitingSinceMs);
  }

  /**
   * A batch with so many facts was made, and whether it was full. A commit holds a bounded number of records, so returns to many
   * different pages fill it long before the configured batch size.
   */
  planned(facts: number, full: boolean): void {
    this.batchSize = full ? facts : Math.max(this.batchSize, facts);
  }

  /** Why a request with this budget is refused at once, if it is. */
  refusal(nowMs: number, budgetMs: number, backlog: Backlog): SeqdError | undefined {
    // Those under way or looking something up count as well: they hold memory, and come back to the queue.
    const limit = this.share.refusal();
    if (limit !== undefined) {
      const { scope, waiting, waitingMax } = limit;
      const detail = `${waiting} requests of the ${scope} are waiting on this node, which is all that may for now`;
      const untilTurn = this.expectedMs(nowMs, backlog)?.untilTurn;
      return this.overloaded(detail, untilTurn, { scope, waiting, waitingMax });
    }
    if (backlog.stalledMs > STALL_MS) {
      return new SeqdError(
        'unavailable',
        'etcd has confirmed nothing for a while; it is asked again and again',
      );
    }
    const expected = this.expectedMs(nowMs, backlog);
    if (expected !== undefined && expected.untilAnswer > budgetMs) {
      const expectedMs = Math.ceil(expected.untilAnswer);
      const detail = `It would take about ${expectedMs} ms until the request is answered, which is more than it has`;
      return this.overloaded(detail, expected.untilTurn, { expectedMs, budgetMs: Math.floor(budgetMs) });
    }
    return undefined;
  }

  /** What a request is told whose time is over. */
  late(pending: Pending, nowMs: number, backlog: Backlog): SeqdError {
    if (isUncertain(pending)) {
      const detail = 'The commit was sent but not confirmed in time; retry with the same idempotency key';
      return new SeqdError('outcome_unknown', detail);
    }
    if (this.landedAtMs >= pending.submittedAtMs) {
      const detail = 'Others were served first until its time was over; the request was not attempted';
      return this.overloaded(detail, this.expectedMs(nowMs, backlog)?.untilTurn, {});
    }
    return new SeqdError(
      'unavailable',
      'No etcd quorum confirmed anything in time; the request was not attempted',
    );
  }

  /**
   * How long a request that comes now has to wait; `undefined` when it would leave with the next commit anyway, or when
   * too little was committed lately to tell. That next commit is never given up, so there is always one to learn from.
   */
  private expectedMs(
    nowMs: number,
    { underWay, waiting }: Backlog,
  ): { untilTurn: number; untilAnswer: number } | undefined {
    const batchesBefore = underWay + Math.floor(waiting / this.batchSize);
    if (batchesBefore === 0) return undefined;
    const intervalMs = this.pace.intervalMs(nowMs);
    if (intervalMs === undefined) return undefined;
    return { untilTurn: batchesBefore * intervalMs, untilAnswer: (batchesBefore + 1) * intervalMs };
  }

  /** Refused before anything was done. `waitMs` is when what is waiting now will be done, if that can be told. */
  private overloaded(detail: string, waitMs: number | undefined, facts: ErrorDetails): SeqdError {
    const wait = waitMs === undefined ? {} : { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1_000)) };
    const { tenant } = this.series;
    const { queueMax } = this.limits;
    const details = { tenant, series: seriesName(this.series), queueMax, ...facts, ...wait };
    return new SeqdError('overloaded', detail, { details });
  }
}
