import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** Who reads nothing for so long is taken to be gone; what the answer is made from may be held open meanwhile. */
const STALL_MS_MAX = 60_000;

/** Aborted once nobody can read the answer any more. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  if (response.destroyed) gone.abort();
  response.once('close', () => gone.abort());
  return gone.signal;
}

/**
 * Does work under a signal that is aborted when somebody is gone, and after a time. Not with `AbortSignal.timeout` in an
 * `AbortSignal.any`: Node 20 lets go of such a timeout at the next full garbage collection, and then it never comes.
 *
 * @throws what the work throws; it is to throw when its signal is aborted
 */
export async function withDeadline<T>(
  gone: AbortSignal,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new DOMException(`not done within ${ms} ms`, 'TimeoutError')),
    ms,
  );
  try {
    return await work(AbortSignal.any([gone, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until what was written is on its way. @throws when nothing of it is taken for a minute, or `gone` is aborted */
export async function drained(response: ServerResponse, gone: AbortSignal): Promise<void> {
  await withDeadline(gone, STALL_MS_MAX, signal => once(response, 'drain', { signal }));
}
