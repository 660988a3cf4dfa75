/** As often as nodes report, and a little. */
const WAIT_MS = { fast: 400, slow: 1_400 } as const;

/**
 * For how long a step waits for nodes that have not told what they did in it, milliseconds. When somebody begins to watch, the
 * others' last second is still on its way, so steps wait for it as before.
 *
 * @param watchedForMs since when there are viewers; `undefined` without
 */
export function stepWaitMs(watchedForMs: number | undefined): number {
  return watchedForMs !== undefined && watchedForMs > WAIT_MS.slow ? WAIT_MS.fast : WAIT_MS.slow;
}
