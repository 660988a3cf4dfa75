import { constants } from 'node:http2';
import type {
  ClientHttp2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Stream,
} from 'node:http2';

const ended = (flags: number): boolean => (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;

/** A complete unary reply. */
export interface Reply {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Undefined for a trailers-only reply, whose status is in `headers`. */
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly status: number;
}

/** The call ended without a complete reply: reset, connection lost, or no `grpc-status`. */
export class NoReplyError extends Error {
  override readonly name = 'NoReplyError';
}

/** Reads a request to its end; undefined when the client gave up before having sent it all. */
export function readRequest(down: ServerHttp2Stream): Promise<Buffer | undefined> {
  return new Promise(resolve => {
    const chunks: Buffer[] = [];
    down.on('data', (chunk: Buffer) => chunks.push(chunk));
    down.on('end', () => resolve(down.aborted ? undefined : Buffer.concat(chunks)));
    down.on('close', () => resolve(undefined));
  });
}

/** Reads a reply to its end. Rejects with {@link NoReplyError} when there is none. */
export function readReply(up: ClientHttp2Stream): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders | undefined;
    let failure: Error | undefined;
    up.on('response', received => (headers = received));
    up.on('trailers', received => (trailers = received));
    up.on('data', (chunk: Buffer) => chunks.push(chunk));
    up.on('error', error => (failure = error));
    up.on('close', () => {
      const status = (trailers ?? headers)['grpc-status'];
      if (up.rstCode !== constants.NGHTTP2_NO_ERROR || failure || typeof status !== 'string') {
        reject(new NoReplyError(`upstream gave no reply (rst code ${up.rstCode})`, { cause: failure }));
      } else {
        resolve({ headers, body: Buffer.concat(chunks), trailers, status: Number(status) });
      }
    });
  });
}

/** Sends a complete reply, unless the client has gone. */
export function sendReply(down: ServerHttp2Stream, { headers, body, trailers }: Reply): void {
  if (down.destroyed || down.closed) return;
  if (!trailers) {
    down.respond(headers, { endStream: true });
    return;
  }
  down.respond(headers, { waitForTrailers: true });
  down.on('wantTrailers', () => down.sendTrailers(trailers));
  down.end(body);
}

/** Ends the call with a gRPC status and nothing else, unless the client has gone. */
export function sendStatus(down: ServerHttp2Stream, status: number, message: string): void {
  if (down.destroyed || down.closed) return;
  const headers: OutgoingHttpHeaders = {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-status': String(status),
    'grpc-message': percentEncode(message),
  };
  down.respond(headers, { endStream: true });
}

/** As gRPC wants it: all but printable ASCII, and '%' itself. Clients need not decode more than that. */
function percentEncode(message: string): string {
  return message.replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}

/** Resets the call towards the client, unless it has gone. */
export function reset(down: ServerHttp2Stream, code: number = constants.NGHTTP2_INTERNAL_ERROR): void {
  if (!down.destroyed && !down.closed) down.close(code);
}

/**
 * Passes the upstream's answer on as it comes, with back-pressure: headers, data, trailers, resets. A client that
 * cancels cancels the upstream call too if `propagateCancel`; otherwise the upstream runs to its end unheard.
 */
export function relayReply(up: ClientHttp2Stream, down: ServerHttp2Stream, propagateCancel: boolean): void {
  let trailers: IncomingHttpHeaders | undefined;
  let complete = false;
  up.on('error', () => undefined); // told to the client by 'close'
  up.on('response', (headers, flags) => {
    if (down.destroyed || down.closed) {
      up.resume();
      return;
    }
    if (ended(flags)) {
      complete = true;
      down.respond(headers, { endStream: true });
      up.resume();
      return;
    }
    down.respond(headers, { waitForTrailers: true });
    up.pipe(down);
  });
  up.on('trailers', received => (trailers = received));
  // Raised when all data has been passed on, which is after the upstream's trailers have come.
  down.on('wantTrailers', () => {
    complete = true;
    if (trailers) down.sendTrailers(trailers);
    else reset(down);
  });
  up.on('close', () => {
    if (up.rstCode !== constants.NGHTTP2_NO_ERROR) reset(down, up.rstCode);
    else if (!complete && !up.readableEnded) reset(down);
  });
  down.on('close', () => {
    if (up.destroyed || up.closed) return;
    if (propagateCancel) up.close(down.rstCode || constants.NGHTTP2_CANCEL);
    up.unpipe(down);
    up.resume();
  });
}
