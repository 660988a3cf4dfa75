import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** Latencies in milliseconds over the recent past. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Microseconds a recorded value is kept in; a histogram with three significant digits. */
const HISTOGRAM = { lowest: 1, highest: 60_000_000, figures: 3 };

/**
 * Request latencies and rate of the last one to two windows: one histogram fills while the one before it is
 * still shown, so figures are recent and never from a handful of requests only.
 */
export class RecentLatency {
  readonly windowMs: number;
  private current: RecordableHistogram = createHistogram(HISTOGRAM);
  private previous: RecordableHistogram | undefined;
  private startedAtMs: number;

  constructor(windowMs = 10_000, nowMs = performance.now()) {
    this.windowMs = windowMs;
    this.startedAtMs = nowMs;
  }

  record(ms: number, nowMs = performance.now()): void {
    this.rotate(nowMs);
    this.current.record(Math.max(1, Math.round(ms * 1000)));
  }

  /** Percentiles of what the windows hold, milliseconds. */
  summary(nowMs = performance.now()): LatencySummary {
    this.rotate(nowMs);
    const all = createHistogram(HISTOGRAM);
    if (this.previous !== undefined) all.add(this.previous);
    all.add(this.current);
    if (all.count === 0) return { count: 0, p50: 0, p95: 0, p99: 0, max: 0 };
    const ms = (percentile: number): number => all.percentile(percentile) / 1000;
    return { count: all.count, p50: ms(50), p95: ms(95), p99: ms(99), max: all.max / 1000 };
  }

  /** Requests per second over what the windows hold. */
  rate(nowMs = performance.now()): number {
    this.rotate(nowMs);
    const elapsedMs = nowMs - this.startedAtMs + (this.previous === undefined ? 0 : this.windowMs);
    const count = this.current.count + (this.previous?.count ?? 0);
    return elapsedMs <= 0 ? 0 : (count * 1000) / elapsedMs;
  }

  private rotate(nowMs: number): void {
    const age = nowMs - this.startedAtMs;
    if (age < this.windowMs) return;
    this.previous = age < 2 * this.windowMs ? this.current : createHistogram(HISTOGRAM);
    this.current = createHistogram(HISTOGRAM);
    this.startedAtMs = nowMs - (age % this.windowMs);
  }
}
