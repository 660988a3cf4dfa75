import { setTimeout as sleep } from 'node:timers/promises';

/** How a condition is waited for. */
export interface PollOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
}

/**
 * Looks again and again until there is something to see.
 *
 * @returns `undefined` when there was nothing in time
 * @throws what aborted the signal, or what `look` throws
 */
export async function poll<T>(
  look: () => Promise<T | undefined>,
  { signal, timeoutMs, intervalMs = 50 }: PollOptions,
): Promise<T | undefined> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const seen = await look();
    if (seen !== undefined || performance.now() > deadlineMs) return seen;
    await sleep(intervalMs, undefined, { signal });
  }
}
