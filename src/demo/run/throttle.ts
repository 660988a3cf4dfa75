/**
 * Has something done at most once in an interval, however often it is asked for: at once when there was nothing for
 * that long, else when the interval is over, so that the last request is never left out.
 */
export class Throttle {
  private readonly intervalMs: number;
  private readonly work: () => void;
  private lastAtMs = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number, work: () => void) {
    this.intervalMs = intervalMs;
    this.work = work;
  }

  /** Asks for it. */
  request(): void {
    if (this.timer !== undefined) return;
    const waitMs = this.lastAtMs + this.intervalMs - performance.now();
    if (waitMs <= 0) this.run();
    else this.timer = setTimeout(() => this.run(), Math.ceil(waitMs));
  }

  /** Forgets what was asked for. */
  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private run(): void {
    this.timer = undefined;
    this.lastAtMs = performance.now();
    this.work();
  }
}
