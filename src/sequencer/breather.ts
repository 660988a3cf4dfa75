/** After about so many microseconds of work others get their turn: far below what anybody would notice. */
const WORK_UNITS_MAX = 4_000;

/** What decoding costs, in units of about a microsecond; measured, and rounded up. */
const CHARACTERS_PER_UNIT = 100;

/**
 * Lets the event loop turn now and then during long work, so that commits, leases and other requests go on meanwhile.
 *
 * Work is counted, not timed: the same work is cut in the same places every time, in simulations too.
 */
export class Breather {
  private units = 0;

  /** Whether it is time to {@link pause}, now that so much more work was done. */
  isDue({ characters = 0, items = 0 }: { characters?: number; items?: number }): boolean {
    this.units += characters / CHARACTERS_PER_UNIT + items;
    return this.units >= WORK_UNITS_MAX;
  }

  /** Resolves in the next turn of the event loop. */
  pause(): Promise<void> {
    this.units = 0;
    return new Promise(resolve => setImmediate(resolve));
  }
}
