import type { ErrorCode } from '../core/errors.ts';
import type { Problem } from '../server/problem.ts';

/**
 * A code of the server's table, or one of the client's own:
 * - `unreachable`: no connection, or it broke before the answer was complete
 * - `timeout`: no answer in time
 * - `bad_response`: what answered does not speak seqd's API
 * - `closed`: the client was closed
 *
 * A newer server may send codes that this list does not have; go by `retry`.
 */
export type ClientErrorCode = ErrorCode | 'unreachable' | 'timeout' | 'bad_response' | 'closed';

/** What a client may do about an error; see `core/errors.ts`. */
export type Retry = 'never' | 'later' | 'same-key';

/** What {@link SeqdClientError} is made of. */
export interface ClientErrorFacts {
  readonly code: ClientErrorCode;
  readonly retry: Retry;
  /** The node that was asked. */
  readonly url: string;
  /** HTTP status, when there was an answer. */
  readonly status?: number;
  readonly problem?: Problem;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** The only error {@link SeqdClient} throws. Branch on `code` or `retry`, never on the text. */
export class SeqdClientError extends Error {
  override readonly name = 'SeqdClientError';
  readonly code: ClientErrorCode;
  /**
   * `never`: change the request. `later`: nothing was changed. `same-key`: one of the attempts may have taken
   * effect; only the same key with the same payload is safe.
   */
  retry: Retry;
  readonly url: string;
  readonly status: number | undefined;
  readonly problem: Problem | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** The idempotency key that was sent, if any. */
  key: string | undefined;
  /** Requests sent in all. */
  attempts = 1;

  constructor(message: string, facts: ClientErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code;
    this.retry = facts.retry;
    this.url = facts.url;
    this.status = facts.status;
    this.problem = facts.problem;
    this.retryAfterSeconds = facts.retryAfterSeconds;
  }
}
