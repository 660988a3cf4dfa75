import type { Digest } from '../core/apply.ts';
import { SeqdError } from '../core/errors.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import { KEYS } from '../core/records.ts';
import type { Clock } from '../ports/clock.ts';
import type { LedgerStanding } from '../ports/ledger.ts';
import type { Logger } from '../ports/logger.ts';
import type { RestoreGuardState, RestoreGuardView, SeriesGuard } from '../ports/restore-guard.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';
import { explainFall, RevisionMark } from '../store/revision-mark.ts';
import { compareWithLedger, explainStanding, type SeriesStanding } from './series-standing.ts';

/** What a guard works with. */
export interface RestoreGuardDependencies {
  /** As it is: what a restored store says must be read to tell. */
  readonly store: SequenceStore;
  /** What all calls of this process to that store have told of its revision; without it only the guard's own count. */
  readonly revisions?: RevisionMark;
  readonly ledger: { standing(series: SeriesId): Promise<LedgerStanding> };
  readonly digest: Digest;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a node that starts waits for a ledger that does not answer before it serves without. */
  readonly waitMs: number;
  /** It waits until the ledger answers, however long that takes. */
  readonly strict: boolean;
}

/** Between comparisons. Each is one row of PostgreSQL and a few keys of etcd. */
const CHECK_INTERVAL_MS = 2_000;
/** While the series is not served because of it, or served without having been compared. */
const RETRY_INTERVAL_MS = 250;
/** What is found without the ledger must not wait for it; an answer that comes later is used by the next comparison. */
const LEDGER_WAIT_MS = 1_000;
const RETRY_AFTER_SECONDS = 5;

/**
 * Refuses to serve a series that a restore from a backup has set back (DESIGN G8, F23; ADR 015): compares etcd with the ledger
 * before the first number, and every few seconds.
 *
 * States: `unchecked` → `verified` (they agree) | `unverified` (the ledger did not answer in time, and the guard is not strict) |
 * `refusing`; from each of them to each other with what the next comparison finds. An etcd that could not be read may be another one
 * when it can be again, so the series is `unchecked` until then. A store whose revision falls was restored: that is believed
 * without the ledger, until a recovery.
 */
export class RestoreGuard implements SeriesGuard {
  onChange: () => void = () => {};
  private readonly series: SeriesId;
  private readonly deps: RestoreGuardDependencies;
  private status: Exclude<RestoreGuardState, 'off'> = 'unchecked';
  private detail = '';
  private readonly revisions: RevisionMark;
  /** What the record of the last recovery said when the store was found to have gone back. */
  private rewound: { readonly detail: string; readonly recovery: string | null } | undefined;
  /** Whether a ledger was ever compared with by this process, or given up on. */
  private admitted = false;
  private ledgerAnswers = true;
  private startedAtMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private checking: Promise<void> | undefined;
  /** A question to the ledger whose answer was not used yet. */
  private asking: Promise<LedgerStanding | Error> | undefined;
  private closed = false;

  constructor(series: SeriesId, deps: RestoreGuardDependencies) {
    this.series = series;
    this.deps = deps;
    this.revisions = deps.revisions ?? new RevisionMark();
    this.revisions.onFall = () => {
      if (this.closed) return;
      this.onChange();
      void this.check();
    };
  }

  get isOpen(): boolean {
    if (this.revisions.fallen !== undefined) return false;
    return this.status === 'verified' || this.status === 'unverified';
  }

  /** Compares until the series may be served, or is known not to. Never rejects. */
  async start(): Promise<void> {
    this.startedAtMs = this.deps.clock.monotonicMs();
    const { waitMs, strict, clock } = this.deps;
    for (;;) {
      await this.check();
      const late = strict && clock.monotonicMs() > this.startedAtMs + waitMs;
      if (this.status !== 'unchecked' || late || this.closed) break;
      await new Promise(resolve => setTimeout(resolve, RETRY_INTERVAL_MS));
    }
    this.schedule();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  refusal(): SeqdError | undefined {
    const details = { series: seriesName(this.series), retryAfterSeconds: RETRY_AFTER_SECONDS };
    if (this.status === 'refusing') return new SeqdError('behind_ledger', this.detail, { details });
    const { fallen } = this.revisions;
    if (fallen !== undefined) return new SeqdError('behind_ledger', explainFall(fallen), { details });
    // What comes while etcd cannot be read waits like any other request.
    if (this.status !== 'unchecked' || this.ledgerAnswers) return undefined;
    return new SeqdError('ledger_unavailable', this.detail, { details });
  }

  view(): RestoreGuardView {
    const { fallen } = this.revisions;
    // Found by a call of the engine, and not looked at yet.
    if (fallen !== undefined && this.status !== 'refusing')
      return { state: 'refusing', detail: explainFall(fallen) };
    return { state: this.status, detail: this.detail };
  }

  /** Compares now; one at a time. Never rejects. */
  check(): Promise<void> {
    this.checking ??= this.compare().finally(() => (this.checking = undefined));
    return this.checking;
  }

  private schedule(): void {
    if (this.closed) return;
    this.timer = setTimeout(
      () => void this.check().then(() => this.schedule()),
      this.status === 'verified' ? CHECK_INTERVAL_MS : RETRY_INTERVAL_MS,
    );
  }

  private async compare(): Promise<void> {
    try {
      // Before the ledger, and whatever that does: a revision that fell needs no second witness.
      await this.noteRevision();
      if (this.rewound !== undefined && this.status !== 'refusing')
        this.move('refusing', this.rewound.detail);
      const standing = await this.askLedger();
      if (standing instanceof Error) return this.withoutLedger(standing);
      let found = await this.compareWith(standing);
      if (found.status === 'ledger-lost') {
        // The ledger may have gone on, and the journal been pruned, between the two looks.
        const again = await this.askLedger();
        if (again instanceof Error) return this.withoutLedger(again);
        found = await this.compareWith(again);
      }
      this.ledgerAnswers = true;
      this.conclude(found);
    } catch (error) {
      // Nothing is committed either while etcd is not read; and afterwards it may be another one.
      this.ledgerAnswers = true;
      if (this.status !== 'refusing') this.move('unchecked', `etcd was not read: ${messageOf(error)}`);
    }
  }

  private compareWith(ledger: LedgerStanding): Promise<SeriesStanding> {
    return compareWithLedger(this.deps.store, this.series, { ledger, digest: this.deps.digest });
  }

  /** Where the ledger stands, or why it does not say so for now. */
  private async askLedger(): Promise<LedgerStanding | Error> {
    this.asking ??= this.deps.ledger.standing(this.series).catch((error: unknown) => error as Error);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>(resolve => {
      timer = setTimeout(() => resolve(undefined), LEDGER_WAIT_MS);
    });
    const answer = await Promise.race([this.asking, late]);
    clearTimeout(timer);
    if (answer === undefined)
      return new SeqdError('ledger_unavailable', `no answer within ${LEDGER_WAIT_MS} ms`);
    this.asking = undefined;
    return answer;
  }

  private conclude(found: SeriesStanding): void {
    this.admitted = true;
    const detail = explainStanding(this.series, found) ?? this.rewound?.detail;
    if (detail !== undefined) return this.move('refusing', detail);
    this.move('verified', '');
  }

  /** The store's revisions tell of a restore by themselves, to whoever has seen a later one. */
  private async noteRevision(): Promise<void> {
    const { revisions } = this;
    const before = revisions.look();
    const { record, revision } = await this.deps.store.read(this.series, KEYS.recovery);
    const recovery = record?.value ?? null;
    revisions.answered(before, revision);
    const { fallen } = revisions;
    if (this.rewound !== undefined && recovery !== this.rewound.recovery && isDone(recovery)) {
      this.rewound = undefined;
      revisions.forget(revision);
    } else if (fallen !== undefined) {
      this.rewound ??= { recovery, detail: explainFall(fallen) };
    }
  }

  private withoutLedger(error: Error): void {
    const { clock, waitMs, strict } = this.deps;
    if (this.status === 'refusing') return;
    this.ledgerAnswers = false;
    if (this.admitted) {
      // It goes on from where it was: had etcd been set back meanwhile, its revision would tell.
      if (this.status === 'unchecked') this.move('verified', '');
      return;
    }
    const waited = clock.monotonicMs() - this.startedAtMs;
    if (strict || waited < waitMs) {
      const until = strict
        ? 'Serving begins when it answers'
        : `Serving begins without it in ${Math.ceil((waitMs - waited) / 1_000)} s`;
      const why = `The ledger must tell first that etcd was not restored from a backup, and it does not answer (${messageOf(error)}). ${until}`;
      return this.move('unchecked', why);
    }
    this.move(
      'unverified',
      `The ledger has not answered, so nobody knows whether etcd was restored from a backup; numbers are issued nevertheless`,
    );
  }

  private move(to: Exclude<RestoreGuardState, 'off'>, detail: string): void {
    const from = this.status;
    const told = this.detail === detail;
    this.status = to;
    this.detail = detail;
    if (from !== to || !told) this.tell(from, to);
    if (from !== to) this.onChange();
  }

  private tell(from: RestoreGuardState, to: RestoreGuardState): void {
    const { logger } = this.deps;
    const fields = { series: seriesName(this.series), detail: this.detail };
    if (to === 'refusing' && from !== to)
      logger.error(fields, 'nothing is issued: a restore from a backup has set the series back');
    else if (to === 'unverified') logger.error(fields, 'serving without having asked the ledger');
    else if (to === 'verified' && from === 'refusing')
      logger.info(fields, 'the series was recovered and is served again');
    else if (to === 'verified' && from === 'unverified')
      logger.info(fields, 'etcd and the ledger agree after all');
    else if (to === 'unchecked' && from !== to && !this.ledgerAnswers)
      logger.warn(fields, 'waiting for the ledger');
  }
}

function isDone(recovery: string | null): boolean {
  return recovery !== null && (JSON.parse(recovery) as { state?: unknown }).state === 'done';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
