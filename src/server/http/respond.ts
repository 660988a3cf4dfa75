import type { Request, Response } from 'express';
import { ERROR_CODES, SeqdError } from '../../core/errors.ts';
import { toProblem } from '../problem.ts';
import { WIRE_ERRORS } from '../wire-errors.ts';

/** What a request carries through its handlers. */
export interface RequestContext {
  readonly id: string;
  readonly startedAtMs: number;
  /** Where the router that took the request is mounted, as declared; Express forgets it when a handler fails. */
  base?: string;
}

const CONTEXT = Symbol('context');

type WithContext = Request & { [CONTEXT]?: RequestContext };

export function setContext(request: Request, context: RequestContext): void {
  (request as WithContext)[CONTEXT] = context;
}

export function contextOf(request: Request): RequestContext {
  return (request as WithContext)[CONTEXT]!;
}

/** Answers with JSON. Writes head and body at once; nothing here is worth an ETag. */
export function sendJson(
  response: Response,
  status: number,
  body: object,
  type = 'application/json; charset=utf-8',
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}

/** Answers with problem details (RFC 9457). */
export function sendProblem(request: Request, response: Response, error: SeqdError): void {
  const { http, retryAfterSeconds } = WIRE_ERRORS[error.code];
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
  // After these the rest of the request was not read, so the connection cannot be used again.
  if (error.code === 'body_too_large') response.setHeader('connection', 'close');
  sendJson(
    response,
    http,
    toProblem(error, contextOf(request).id),
    'application/problem+json; charset=utf-8',
  );
}

/** Any thrown value as our error; what the body parser throws gets its own codes. */
export function toSeqdError(error: unknown): SeqdError {
  if (error instanceof SeqdError) return error;
  const { type, message, limit } = error as { type?: string; message?: string; limit?: number };
  switch (type) {
    case 'entity.parse.failed':
      return new SeqdError('malformed_body', `The body is not valid JSON: ${message}`, { cause: error });
    case 'entity.too.large':
      return new SeqdError('body_too_large', `The body is larger than ${limit} bytes`, {
        details: { limitBytes: limit },
      });
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new SeqdError('unsupported_media_type', message, { cause: error });
    case 'request.aborted':
    case 'request.size.invalid':
      return new SeqdError('malformed_body', message, { cause: error });
    default:
      return error instanceof URIError
        ? new SeqdError('invalid_request', 'The address is not valid', { cause: error })
        : new SeqdError('internal', ERROR_CODES.internal.title, { cause: error });
  }
}
