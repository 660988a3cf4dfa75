import { createHistogram } from 'node:perf_hooks';
import type { Answer, NextReply } from '../../client/index.ts';
import type { ReplayTask } from './plan.ts';

/** Failed documents that are remembered with their reason. */
const FAILURES_SHOWN_MAX = 5;

/** Where the journal stood, and how many numbers of invoices had been given back by somebody. */
export interface SeriesMark {
  readonly journalSequence: number;
  readonly invoicesReleased: number;
}

/** Counts what a replay did. */
export class ReplayTally {
  done = 0;
  suppressed = 0;
  reused = 0;
  /** Answered from an earlier run. */
  replayed = 0;
  /** Took effect in this run, but the first answer was lost. */
  recovered = 0;
  failed = 0;
  readonly failures: { readonly invoiceNo: string; readonly reason: string }[] = [];
  readonly byNode = new Map<string, number>();
  /** Times a number was kept by one more document. */
  keptTwice = 0;
  /** As {@link keptTwice}, for numbers that the reply calls fresh: nothing can explain that. */
  freshTwice = 0;
  /** How each kept number was drawn, by number. */
  private readonly kept = new Map<number, { readonly reused: boolean }>();
  private readonly latency = createHistogram();
  private readonly start: SeriesMark;

  constructor(start: SeriesMark) {
    this.start = start;
  }

  /** Distinct numbers that stayed issued. */
  get keptNumbers(): number {
    return this.kept.size;
  }

  /** A document got its answer. */
  succeeded(task: ReplayTask, answer: Answer<NextReply>, latencyMs: number): void {
    const { reply, replayed } = answer;
    this.done += 1;
    this.latency.record(Math.max(1, Math.round(latencyMs * 1_000)));
    this.byNode.set(reply.node, (this.byNode.get(reply.node) ?? 0) + 1);
    if (reply.reused) this.reused += 1;
    if (replayed && journalSequenceOf(reply) <= this.start.journalSequence) this.replayed += 1;
    else if (replayed) this.recovered += 1;
    if (task.cancellation) this.suppressed += 1;
    else this.keep(reply);
  }

  /** A document could not be numbered. */
  failedWith(task: ReplayTask, reason: string): void {
    this.done += 1;
    this.failed += 1;
    if (this.failures.length < FAILURES_SHOWN_MAX) this.failures.push({ invoiceNo: task.invoiceNo, reason });
  }

  /**
   * Numbers that two documents hold, which must be 0. Cancellations do not count: their numbers went back. A kept
   * number is reissued legitimately only if somebody else released it, and the series counts those releases.
   *
   * @param end where the series stands now
   */
  duplicates(end: SeriesMark): number {
    const explained = Math.min(this.keptTwice - this.freshTwice, end.invoicesReleased);
    return this.keptTwice - explained;
  }

  /** Milliseconds from sending a document to its answer, repetitions included; zeros without a document. */
  latencyMs(): { p50: number; p95: number; p99: number; max: number } {
    const { latency } = this;
    if (latency.count === 0) return { p50: 0, p95: 0, p99: 0, max: 0 };
    const at = (percentile: number): number => latency.percentile(percentile) / 1_000;
    return { p50: at(50), p95: at(95), p99: at(99), max: latency.max / 1_000 };
  }

  /** The lowest and highest kept number; `null` without any. */
  keptRange(): { first: number; last: number } | null {
    if (this.kept.size === 0) return null;
    const range = { first: Infinity, last: 0 };
    for (const number of this.kept.keys()) {
      range.first = Math.min(range.first, number);
      range.last = Math.max(range.last, number);
    }
    return range;
  }

  private keep(reply: NextReply): void {
    for (const { first, last } of reply.numbers) {
      for (let number = first; number <= last; number += 1) {
        const before = this.kept.get(number);
        if (before !== undefined) {
          this.keptTwice += 1;
          if (!before.reused && !reply.reused) this.freshTwice += 1;
        }
        this.kept.set(number, { reused: reply.reused });
      }
    }
  }
}

/** An allocation id is `<journal sequence>-<index>`. */
function journalSequenceOf({ allocationId }: NextReply): number {
  return Number.parseInt(allocationId ?? '', 10);
}
