import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { SeqdClientError } from './client-error.ts';

/** One request to one node. */
export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Of the node, without a trailing slash. */
  readonly url: string;
  readonly path: string;
  readonly body?: string;
  readonly key?: string | undefined;
  /** `Prefer`, for example `respond-async`. */
  readonly prefer?: string | undefined;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  readonly timeoutMs: number;
}

/** A question whose answer is read as it comes. */
export interface OpenRequest extends Pick<ExchangeRequest, 'url' | 'path' | 'timeoutMs'> {
  /** Media type that the answer should have. */
  readonly accept?: string;
}

/** Whatever answer came. */
export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** An answer of seqd is small; more than this is somebody else's. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** Sends requests over connections that are kept open. */
export class Exchange {
  private readonly http: HttpAgent;
  private readonly https: HttpsAgent;

  /** @param connectionsMax per node */
  constructor(connectionsMax: number) {
    const options = { keepAlive: true, maxSockets: connectionsMax };
    this.http = new HttpAgent(options);
    this.https = new HttpsAgent(options);
  }

  /**
   * Sends one request, once.
   *
   * @throws SeqdClientError `unreachable` or `timeout`, with `retry: 'later'` only if it was certainly not sent
   */
  send({ method, url, path, body, key, prefer, token, timeoutMs }: ExchangeRequest): Promise<ExchangeAnswer> {
    const secure = url.startsWith('https:');
    const headers: Record<string, string | number> = { accept: 'application/json' };
    if (key !== undefined) headers['idempotency-key'] = key;
    if (prefer !== undefined) headers['prefer'] = prefer;
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    return new Promise((resolve, reject) => {
      const options = { method, headers, agent: secure ? this.https : this.http };
      const request = (secure ? httpsRequest : httpRequest)(`${url}${path}`, options);
      let timedOut = false;
      let sent = true;
      const timer = setTimeout(() => {
        timedOut = true;
        // Until the connection stands nothing of the request has left this machine.
        sent = request.socket !== null && !request.socket.connecting;
        request.destroy(new Error('timed out'));
      }, timeoutMs);
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(timedOut ? timeoutError(url, timeoutMs, sent) : unreachableError(url, error));
      };
      request.on('error', fail);
      request.on('response', response => {
        read(response).then(text => {
          clearTimeout(timer);
          resolve({ status: response.statusCode!, headers: response.headers, text });
        }, fail);
      });
      request.end(body);
    });
  }

  /**
   * Sends a GET, once, and gives the answer as soon as it begins.
   *
   * @param request.timeoutMs until then
   * @throws SeqdClientError `unreachable` or `timeout`
   */
  open({ url, path, accept, timeoutMs }: OpenRequest): Promise<IncomingMessage> {
    const secure = url.startsWith('https:');
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(`${url}${path}`, {
        headers: accept === undefined ? {} : { accept },
        agent: secure ? this.https : this.http,
      });
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        request.destroy(new Error('timed out'));
      }, timeoutMs);
      request.on('error', error => {
        clearTimeout(timer);
        reject(timedOut ? timeoutError(url, timeoutMs, false) : unreachableError(url, error));
      });
      request.on('response', response => {
        clearTimeout(timer);
        resolve(response);
      });
      request.end();
    });
  }

  /** Ends all connections, those in use too. */
  close(): void {
    this.http.destroy();
    this.https.destroy();
  }
}

/** The whole of an answer. */
export async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) throw new Error(`the answer is larger than ${ANSWER_BYTES_MAX} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function timeoutError(url: string, timeoutMs: number, sent: boolean): SeqdClientError {
  const message = `${url} did not answer within ${Math.round(timeoutMs)} ms`;
  return new SeqdClientError(message, { code: 'timeout', retry: sent ? 'same-key' : 'later', url });
}

/** Errors in opening a connection: the request was not sent. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);

function unreachableError(url: string, cause: NodeJS.ErrnoException): SeqdClientError {
  const retry = NOT_SENT.has(cause.code ?? '') ? 'later' : 'same-key';
  // With several addresses for one name, Node gives an AggregateError without a message.
  const why = cause.message || cause.code || 'no connection';
  return new SeqdClientError(`cannot reach ${url}: ${why}`, { code: 'unreachable', retry, url, cause });
}
