/** The weight of the newest interval in the average. */
const NEWEST_WEIGHT = 0.2;
/** An estimate rests on at least so many landings … */
const LANDINGS_MIN = 5;
/** … within this time. */
const LATELY_MS = 10_000;

/**
 * How fast a series' batches get through, to tell how long those that wait will have to. What is averaged is the time
 * from one landing to the next while there was work, so it takes in everything that holds commits up: etcd, waiting for
 * a slot, conflicts; and with several commits under way at once it is shorter than any of them takes.
 */
export class Pace {
  private averageMs = 0;
  /** Of the newest landings, monotonic; a ring. */
  private readonly landings = new Float64Array(LANDINGS_MIN).fill(Number.NEGATIVE_INFINITY);
  private newest = 0;

  /**
   * A batch was answered.
   *
   * @param waitingSinceMs when the first of its requests came: before that it was waiting for nobody
   */
  landed(nowMs: number, waitingSinceMs: number): void {
    const intervalMs = Math.max(0, nowMs - Math.max(this.landings[this.newest]!, waitingSinceMs));
    const known = this.intervalMs(nowMs) !== undefined;
    // The first few count alike.
    const weight = known ? NEWEST_WEIGHT : 1 / (1 + this.landingsSince(nowMs - LATELY_MS));
    this.averageMs += (intervalMs - this.averageMs) * weight;
    this.newest = (this.newest + 1) % LANDINGS_MIN;
    this.landings[this.newest] = nowMs;
  }

  /** Milliseconds from one batch to the next; `undefined` unless several have landed lately. */
  intervalMs(nowMs: number): number | undefined {
    const oldest = this.landings[(this.newest + 1) % LANDINGS_MIN]!;
    return nowMs - oldest <= LATELY_MS ? this.averageMs : undefined;
  }

  private landingsSince(ms: number): number {
    let count = 0;
    for (const landing of this.landings) if (landing >= ms) count += 1;
    return count;
  }
}
