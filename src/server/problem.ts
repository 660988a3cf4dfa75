import { ERROR_CODES, type SeqdError } from '../core/errors.ts';
import { WIRE_ERRORS } from './wire-errors.ts';

/** An error as RFC 9457 problem details, with our code and its facts as extension members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** Whether and how to try again: see the table in docs/errors.md. */
  readonly retry: 'never' | 'later' | 'same-key';
  readonly requestId?: string;
  readonly [fact: string]: unknown;
}

/** Turns an error into problem details. Facts never replace the standard members. */
export function toProblem(error: SeqdError, requestId?: string): Problem {
  const { title, retry } = ERROR_CODES[error.code];
  return {
    ...error.details,
    type: `urn:seqd:error:${error.code}`,
    title,
    status: WIRE_ERRORS[error.code].http,
    // What went wrong inside is for the log, not for the wire.
    detail: error.code === 'internal' ? title : error.message,
    code: error.code,
    retry,
    ...(requestId === undefined ? {} : { requestId }),
  };
}
