import { setTimeout } from 'node:timers/promises';
import { SeqdClientError } from './client-error.ts';
import type { NodeRing } from './node-ring.ts';

/** The numbers of the retry rule. */
export const RETRY_DEFAULTS = {
  /** A request and all its repetitions. */
  budgetMs: 30_000,
  /** One attempt. */
  attemptTimeoutMs: 5_000,
  /** `Retry-After` is honoured up to this. */
  retryAfterMsMax: 1_000,
  /** Upper bound of the first wait; it doubles with each further one. */
  backoffMsMin: 20,
  /** Upper bound of every wait. */
  backoffMsMax: 500,
} as const;

/** A failed attempt that will be repeated. */
export interface RetryEvent {
  /** From 1. */
  readonly attempt: number;
  readonly error: SeqdClientError;
  readonly waitMs: number;
}

/** What tells the time and lets it pass. */
export interface RetryClock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Ends early when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const SYSTEM_CLOCK: RetryClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => {}),
};

/** What the loop works with. */
export interface RetryLoopOptions {
  readonly ring: NodeRing;
  readonly budgetMs: number;
  readonly attemptTimeoutMs: number;
  readonly random: () => number;
  readonly onRetry: (event: RetryEvent) => void;
  /** Aborted when the client is closed. */
  readonly signal: AbortSignal;
  /** The system's unless a test plays it. */
  readonly clock?: RetryClock;
}

/** One attempt; must send the same key and payload each time. @throws SeqdClientError */
export type Attempt<T> = (url: string, timeoutMs: number) => Promise<T>;

/**
 * Repeats an attempt by the retry rule (docs/retry-rule.md) until it succeeds.
 *
 * After an attempt that may have taken effect, `retry: 'never'` says nothing of that attempt, and speaks for the node that
 * says it: it may be configured otherwise than the one that has drawn the number. So that node is asked no more, but
 * the others are.
 *
 * @throws SeqdClientError at once for `retry: 'never'` while nothing can have taken effect; else the last one, when all
 *   nodes have said `never` or the budget does not allow another attempt. Its `retry` is `same-key` if any of the
 *   attempts may have taken effect.
 */
export async function retryLoop<T>(
  attempt: Attempt<T>,
  options: RetryLoopOptions,
): Promise<{ value: T; attempts: number; url: string }> {
  const { ring, budgetMs, attemptTimeoutMs, signal, clock = SYSTEM_CLOCK } = options;
  const deadlineMs = clock.now() + budgetMs;
  let uncertain = false;
  /** Nodes that have said `never` since an attempt may have taken effect. */
  const declined = new Set<string>();
  let last: string | undefined;
  let previous: SeqdClientError | undefined;
  for (let attempts = 1; ; attempts += 1) {
    if (signal.aborted) throw closedError(last ?? '');
    const url = ring.next(last, declined);
    last = url;
    const timeoutMs = Math.min(attemptTimeoutMs, Math.max(1, deadlineMs - clock.now()));
    try {
      const value = await attempt(url, timeoutMs);
      ring.answered(url);
      return { value, attempts, url };
    } catch (error) {
      if (!(error instanceof SeqdClientError)) throw error;
      uncertain ||= error.retry === 'same-key';
      error.attempts = attempts;
      if (signal.aborted) throw closedError(url, error);
      if (error.retry === 'never') {
        if (!uncertain) throw error;
        declined.add(url);
        if (ring.isWithin(declined)) {
          error.retry = 'same-key';
          throw error;
        }
      } else ring.failed(url);
      const elsewhere = ring.hasFresh(declined);
      const waitMs = waitBefore(attempts, error, { random: options.random, elsewhere });
      // A timer may ring a little early; an attempt that was cut short was the last one all the same.
      const cutShort = error.code === 'timeout' && timeoutMs < attemptTimeoutMs;
      if (cutShort || clock.now() + waitMs >= deadlineMs) {
        // It also says less than the one before it.
        const reason = (cutShort ? previous : undefined) ?? error;
        reason.attempts = attempts;
        if (uncertain) reason.retry = 'same-key';
        throw reason;
      }
      previous = error;
      options.onRetry({ attempt: attempts, error, waitMs });
      await clock.sleep(waitMs, signal);
    }
  }
}

/**
 * Exponential with full jitter. `Retry-After` speaks for the node that sent it, so it is waited for, capped, only when
 * there is no other node to go to.
 */
function waitBefore(
  attempts: number,
  { retryAfterSeconds }: SeqdClientError,
  { random, elsewhere }: { random: () => number; elsewhere: boolean },
): number {
  const { retryAfterMsMax, backoffMsMin, backoffMsMax } = RETRY_DEFAULTS;
  if (retryAfterSeconds !== undefined && !elsewhere)
    return Math.min(retryAfterSeconds * 1_000, retryAfterMsMax);
  return random() * Math.min(backoffMsMax, backoffMsMin * 2 ** (attempts - 1));
}

function closedError(url: string, cause?: unknown): SeqdClientError {
  return new SeqdClientError('the client was closed', { code: 'closed', retry: 'same-key', url, cause });
}
