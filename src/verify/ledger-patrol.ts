import type { Digest } from '../core/apply.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import { journalKey } from '../core/records.ts';
import type { Clock } from '../ports/clock.ts';
import type { LedgerChunk, LedgerScan } from '../ports/ledger-scan.ts';
import type { Logger } from '../ports/logger.ts';
import type { SequenceStore } from '../ports/sequence-store.ts';
import { type CheckedBatch, LedgerCheck } from './ledger-check.ts';
import { Findings, type LedgerFinding } from './ledger-findings.ts';

/** What a patrol works with. */
export interface LedgerPatrolDependencies {
  readonly scan: LedgerScan;
  readonly store: SequenceStore;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether this node is the one to do it: one in a cluster is enough. */
  readonly isMyTurn: () => boolean;
  /** Rows read a second, on average; above 0. */
  readonly rowsPerSecond: number;
  /** Between the end of a pass and the next. */
  readonly passPauseMs?: number;
}

/** How the patrol stands. */
export interface PatrolView {
  /** The batch that this pass has got to. */
  readonly sequence: number;
  /** Found in this pass, or in the one before while that found more. */
  readonly problems: number;
  /** When the last full pass ended, Unix milliseconds; `undefined` before the first. */
  readonly lastPassAt: number | undefined;
  /** The first finding, one sentence; `undefined` when there is none. */
  readonly finding: string | undefined;
}

/** Between looks whether it is this node's turn, and after a ledger that does not answer. */
const IDLE_MS = 5_000;
const PASS_PAUSE_MS = 60_000;
/** However many rows there were that should not be. */
const PAUSE_MAX_MS = 60_000;
/** Small enough not to be felt by those who write numbers on the same processor. */
const LIMITS = { batchesMax: 100, bytesMax: 256 * 1024 };
/** So many different findings are logged; by then somebody knows. */
const LOGGED_MAX = 1_000;

/** One walk through the ledger. */
interface Pass {
  readonly findings: Findings;
  readonly check: LedgerCheck;
  last: CheckedBatch | undefined;
  /** Where the ledger ended when the pass began: it ends there, however fast the ledger grows. */
  through: number | undefined;
}

/**
 * Checks the ledger all the time, slowly, one pass after the other: every row and hash, and at the end of each pass that the
 * last batch is the one in etcd's journal. Finds what somebody has changed without anybody asking.
 *
 * It works on the node that writes to the ledger, in reads of their own, and starts from the beginning when that moves.
 */
export class LedgerPatrol {
  private readonly series: SeriesId;
  private readonly deps: LedgerPatrolDependencies;
  private readonly logged = new Set<string>();
  private pass: Pass | undefined;
  private before:
    { readonly problems: number; readonly finding: string | undefined; readonly at: number } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private status: 'created' | 'open' | 'closed' = 'created';
  private step: Promise<void> = Promise.resolve();

  constructor(series: SeriesId, deps: LedgerPatrolDependencies) {
    this.series = series;
    this.deps = deps;
  }

  /** `undefined` while it is another node's turn. */
  get view(): PatrolView | undefined {
    if (!this.deps.isMyTurn()) return undefined;
    const { pass, before } = this;
    const problems = pass?.findings.count ?? 0;
    return {
      sequence: pass?.check.sequence ?? 0,
      problems: Math.max(problems, before?.problems ?? 0),
      lastPassAt: before?.at,
      finding: pass?.findings.list[0]?.detail ?? before?.finding,
    };
  }

  start(): void {
    if (this.status !== 'created') return;
    this.status = 'open';
    this.schedule(0);
  }

  /** Ends it; resolves when the read under way has ended. Idempotent. */
  async close(): Promise<void> {
    this.status = 'closed';
    clearTimeout(this.timer);
    await this.step;
    await this.deps.scan.close();
  }

  private schedule(pauseMs: number): void {
    if (this.status !== 'open') return;
    this.timer = setTimeout(() => {
      this.step = this.advance();
    }, pauseMs);
    this.timer.unref();
  }

  private async advance(): Promise<void> {
    this.schedule(await this.round());
  }

  /** One chunk; never rejects. Resolves with the pause after it, milliseconds. */
  private async round(): Promise<number> {
    if (!this.deps.isMyTurn()) {
      this.pass = undefined;
      this.before = undefined;
      return IDLE_MS;
    }
    const startedMs = this.deps.clock.monotonicMs();
    try {
      const pass = (this.pass ??= this.begin());
      const { chunk, checkpoint, holes } = await this.deps.scan.at(this.series, async moment => ({
        holes: moment.holes,
        chunk: await moment.after(pass.check.sequence, LIMITS),
        checkpoint: moment.checkpoint,
      }));
      pass.check.expect(holes);
      const checked = pass.check.feed(chunk);
      pass.last = checked.at(-1) ?? pass.last;
      if (checked.length === 0) {
        pass.check.finish(checkpoint);
        return await this.end(pass);
      }
      const ended = checkpoint?.sequence ?? 0;
      pass.through ??= ended;
      if (pass.check.sequence >= pass.through && pass.check.sequence < ended) {
        await this.checkTail(pass);
        return await this.end(pass);
      }
      const spentMs = this.deps.clock.monotonicMs() - startedMs;
      const wantedMs = (rowsOf(chunk) * 1_000) / this.deps.rowsPerSecond;
      return Math.max(0, Math.min(wantedMs, PAUSE_MAX_MS) - spentMs);
    } catch (error) {
      // The pass goes on where it was.
      this.deps.logger.debug(
        { err: error, series: seriesName(this.series) },
        'ledger not verified further yet',
      );
      return IDLE_MS;
    }
  }

  /** Of a ledger that grows faster than it is read, the checkpoint is compared with the last batch at one moment. */
  private async checkTail({ findings }: Pass): Promise<void> {
    await this.deps.scan.at(this.series, async moment => {
      const { checkpoint } = moment;
      const found = new Findings();
      const tail = new LedgerCheck(found, this.deps.digest);
      const last = await moment.after((checkpoint?.sequence ?? 0) - 1, { ...LIMITS, batchesMax: 2 });
      // A batch that is gone is found by a pass that gets there.
      if (tail.feed(last).length > 0) tail.finish(checkpoint);
      for (const { kind, table, sequence, detail } of found.list)
        if (kind === 'checkpoint') findings.add(kind, { table, sequence: sequence ?? 0 }, detail);
    });
  }

  private begin(): Pass {
    const findings = new Findings(finding => this.log(finding));
    return {
      findings,
      check: new LedgerCheck(findings, this.deps.digest),
      last: undefined,
      through: undefined,
    };
  }

  private async end(pass: Pass): Promise<number> {
    const { findings, check, last } = pass;
    if (last !== undefined) await this.compareWithJournal(pass, last);
    this.before = {
      problems: findings.count,
      finding: findings.list[0]?.detail,
      at: this.deps.clock.now(),
    };
    this.pass = undefined;
    this.deps.logger.debug(
      { series: seriesName(this.series), sequence: check.sequence, problems: findings.count },
      'ledger verified',
    );
    return this.deps.passPauseMs ?? PASS_PAUSE_MS;
  }

  /** The hash of the last batch stands for all before it: where etcd still has that batch, nobody can have rewritten the ledger. */
  private async compareWithJournal({ findings }: Pass, { row, hash }: CheckedBatch): Promise<void> {
    const { sequence } = row;
    const { record } = await this.deps.store.read(this.series, journalKey(sequence));
    if (record === null || this.deps.digest(record.value) === hash) return;
    findings.add(
      'forked',
      { table: 'batches', sequence },
      `batches: batch ${sequence} has another hash in etcd's journal than in the ledger: the ledger was rewritten, here or before`,
    );
  }

  private log(finding: LedgerFinding): void {
    const { kind, table, sequence, index, part, detail } = finding;
    const name = JSON.stringify([kind, table, sequence, index, part]);
    if (this.logged.has(name) || this.logged.size >= LOGGED_MAX) return;
    this.logged.add(name);
    this.deps.logger.error(
      { series: seriesName(this.series), finding: kind, sequence, index, part, detail },
      'the ledger is not as it was written',
    );
  }
}

function rowsOf({ batches, facts, orphans }: LedgerChunk): number {
  return batches.length + facts.length + orphans.count;
}
