/** The longest time that one client went without an answer, as far as it touches a window. Times from one clock, ascending. */
export class GapMeter {
  private lastAtMs: number;
  private longestMs = 0;

  constructor(nowMs: number) {
    this.lastAtMs = nowMs;
  }

  /** An answer came. */
  answered(atMs: number): void {
    this.longestMs = Math.max(this.longestMs, atMs - this.lastAtMs);
    this.lastAtMs = atMs;
  }

  /** Begins a window; a gap that is open now counts in it from its beginning. */
  beginWindow(): void {
    this.longestMs = 0;
  }

  /** The longest in the window so far; one that is open counts up to now. */
  longest(nowMs: number): number {
    return Math.max(this.longestMs, nowMs - this.lastAtMs);
  }
}
