import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How often Node looks; what is shorter is not seen, and this much is in every value. */
const RESOLUTION_MS = 10;

/**
 * How long the event loop was held up at most, for several readers who each ask for the time since they asked last.
 *
 * States: created → `start` → measuring → `close`.
 */
export class EventLoopDelay {
  private readonly histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  /** Since each reader's last question. */
  private readonly maxima: number[] = [];

  start(): void {
    this.histogram.enable();
  }

  close(): void {
    this.histogram.disable();
  }

  /** A reader: milliseconds of the longest delay since it was last called. */
  reader(): () => number {
    const reader = this.maxima.push(0) - 1;
    return () => {
      this.collect();
      const maxMs = this.maxima[reader]!;
      this.maxima[reader] = 0;
      return maxMs;
    };
  }

  private collect(): void {
    if (this.histogram.count > 0) {
      const maxMs = Math.max(0, this.histogram.max / 1e6 - RESOLUTION_MS);
      for (const [reader, known] of this.maxima.entries()) this.maxima[reader] = Math.max(known, maxMs);
    }
    this.histogram.reset();
  }
}
