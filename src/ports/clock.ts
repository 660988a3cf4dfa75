/** Time, given in so that tests can make it jump. */
export interface Clock {
  /**
   * Wall clock, Unix milliseconds; may jump, and may be wrong. Only for stamps people read; for those on batches,
   * `Coordination.timeMs` holds it against the other nodes' clocks.
   */
  now(): number;
  /** Milliseconds since some start; never jumps. For every duration and deadline. */
  monotonicMs(): number;
}

/**
 * The machine's clock. `now` is the wall clock at start plus monotonic time since, so that a wall clock set
 * while the process runs neither ends a reservation early nor makes the journal run backwards (F17).
 */
export function createSystemClock(): Clock {
  const started = Date.now() - performance.now();
  return {
    now: () => Math.floor(started + performance.now()),
    monotonicMs: () => performance.now(),
  };
}
