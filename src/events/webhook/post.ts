import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** What a receiver has answered. */
export interface PostAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The beginning of the body. */
  readonly text: string;
}

const TEXT_MAX = 300;

/** Posts to one URL over one connection that is kept. Follows no redirect; a server that cannot prove its name is not talked to. */
export class Poster {
  private readonly url: URL;
  private readonly agent: HttpAgent;

  constructor(url: string) {
    this.url = new URL(url);
    const options = { keepAlive: true, maxSockets: 1 };
    this.agent =
      this.url.protocol === 'https:'
        ? // Said here, so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch it off.
          new HttpsAgent({ ...options, rejectUnauthorized: true })
        : new HttpAgent(options);
  }

  /** @throws Error when there is no complete answer within `timeoutMs`, or the signal aborts */
  post(
    body: string,
    headers: Readonly<Record<string, string>>,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<PostAnswer> {
    return new Promise((resolve, reject) => {
      const send = this.url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(this.url, {
        method: 'POST',
        agent: this.agent,
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      });
      const abort = (): void => void request.destroy(new Error('given up'));
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const clear = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
      };
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      const fail = (error: Error): void => {
        clear();
        reject(error);
      };
      request.once('error', fail);
      request.once('response', response => {
        readText(response).then(text => {
          clear();
          return resolve({
            status: response.statusCode ?? 0,
            retryAfter: response.headers['retry-after'],
            text,
          });
        }, fail);
      });
      request.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** Reads to the end, so that the connection can be used again, but keeps the beginning only. */
async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) if (text.length < TEXT_MAX) text += String(chunk);
  return text.slice(0, TEXT_MAX);
}
