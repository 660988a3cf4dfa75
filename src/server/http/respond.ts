import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERROR_CODES, SeqdError } from '../../core/errors.ts';
import { toProblem } from '../problem.ts';
import type { Logger } from '../../ports/logger.ts';
import { retryAfterSecondsOf, WIRE_ERRORS } from '../wire-errors.ts';
import { contextOf, REQUEST_ID_HEADER } from './request-context.ts';

/** What nearly all answers are. */
export const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers with JSON. Writes head and body at once; nothing here is worth an ETag. */
export function sendJson(response: ServerResponse, status: number, body: object, type = JSON_TYPE): void {
  sendJsonText(response, status, { headers: [], type, text: JSON.stringify(body) });
}

/** A JSON text to answer with. */
export interface JsonText {
  /** Names and values in turn, in front of those that every answer has. */
  readonly headers: readonly string[];
  readonly type: string;
  readonly text: string;
}

/**
 * Answers with a JSON text. The draw route spends most of its time here (ADR 010), so the head is one flat list, which node takes
 * as it is, and all leaves as one piece: `end(text)` would make the message's end a second one, empty but not free.
 */
export function sendJsonText(
  response: ServerResponse,
  status: number,
  { headers, type, text }: JsonText,
): void {
  response.writeHead(status, [
    ...headers,
    'content-type',
    type,
    'content-length',
    String(Buffer.byteLength(text)),
    'cache-control',
    'no-store',
  ]);
  const { socket } = response;
  // Otherwise node corks it until the next tick, when the message's end would be waiting with it.
  socket?.cork();
  response.write(text);
  socket?.uncork();
  response.end();
}

/** Answers a `HEAD` without having read anything: it must not cost what the answer does. */
export function sendHead(response: ServerResponse, type: string): void {
  response.writeHead(200, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end();
}

/** Answers with problem details (RFC 9457). */
export function sendProblem(request: IncomingMessage, response: ServerResponse, error: SeqdError): void {
  const { http } = WIRE_ERRORS[error.code];
  const retryAfterSeconds = retryAfterSecondsOf(error);
  const { id } = contextOf(request);
  response.setHeader(REQUEST_ID_HEADER, id);
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
  // After these the rest of the request was not read, so the connection cannot be used again.
  if (error.code === 'body_too_large') response.setHeader('connection', 'close');
  sendJson(response, http, toProblem(error, id), 'application/problem+json; charset=utf-8');
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

/** Answers a request whose handler failed, and logs what is our own fault. */
export function answerError(
  request: IncomingMessage,
  response: ServerResponse,
  thrown: unknown,
  logger: Logger,
): void {
  const error = toSeqdError(thrown);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const fields = { err: error, requestId: contextOf(request).id, code: error.code };
  if (WIRE_ERRORS[error.code].http === 500) logger.error(fields, 'request failed');
  else logger.debug(fields, 'request refused');
  sendProblem(request, response, error);
}
