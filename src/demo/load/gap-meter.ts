/** The longest time that one client went without an answer, as far as it touches a window. Times from one clock, ascending. */
export class GapMeter {
  private lastAtMs: number;
  private longestMs = 0;
  private endedAtMs: number | undefined;

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

  /** The client asks no more; a gap that is open counts up to here. */
  end(atMs: number): void {
    this.endedAtMs = atMs;
  }

  /** The longest in the window so far; one that is open counts up to now. */
  longest(nowMs: number): number {
    return Math.max(this.longestMs, (this.endedAtMs ?? nowMs) - this.lastAtMs);
  }
}
