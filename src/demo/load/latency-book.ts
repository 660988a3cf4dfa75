import { createHistogram } from 'node:perf_hooks';
import type { DemoBucket } from '../demo-run.ts';

/** Upper ends of the buckets that are shown, milliseconds; one without an end follows. */
export const BUCKETS_MS = [
  0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000,
] as const;

/** All latencies of a run, in microseconds with three significant digits, and in buckets to show. */
export class LatencyBook {
  private readonly fine = createHistogram({ lowest: 1, highest: 120_000_000, figures: 3 });
  private readonly counts = Array.from({ length: BUCKETS_MS.length + 1 }, () => 0);
  private longestMs = 0;
  private total = 0;

  get count(): number {
    return this.total;
  }

  record(ms: number): void {
    this.total += 1;
    this.longestMs = Math.max(this.longestMs, ms);
    this.fine.record(Math.min(120_000_000, Math.max(1, Math.round(ms * 1_000))));
    const at = BUCKETS_MS.findIndex(upToMs => ms <= upToMs);
    this.counts[at < 0 ? BUCKETS_MS.length : at]! += 1;
  }

  /** Milliseconds; 0 while there is nothing. */
  percentiles(): { p50: number; p95: number; p99: number; max: number } {
    if (this.total === 0) return { p50: 0, p95: 0, p99: 0, max: 0 };
    const ms = (percentile: number): number => this.fine.percentile(percentile) / 1_000;
    return { p50: ms(50), p95: ms(95), p99: ms(99), max: this.longestMs };
  }

  /** From the first bucket with anything in it to the last one. */
  buckets(): DemoBucket[] {
    const first = this.counts.findIndex(count => count > 0);
    const last = this.counts.findLastIndex(count => count > 0);
    if (first < 0) return [];
    return this.counts.slice(first, last + 1).map((count, i) => ({
      upToMs: BUCKETS_MS[first + i] ?? null,
      count,
    }));
  }
}
