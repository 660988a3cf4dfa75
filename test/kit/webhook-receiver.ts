import { createHmac } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { findFreePorts, LOOPBACK } from '../../scripts/lib/ports.mjs';
import type { DocumentEvent } from '../../src/core/document-event.ts';

/** A receiver of webhooks as a user would write one: checks the signature, keeps what it takes. It can be stopped and come back. */
export class WebhookReceiver {
  readonly url: string;
  /** All that was taken, duplicates included, in the order it came. */
  readonly events: DocumentEvent[] = [];
  /** Requests that came, whatever was answered. */
  requests = 0;
  /** What was wrong with requests. */
  readonly complaints: string[] = [];
  /** Answers instead of taking, when it returns true. It may take nevertheless, and say so with `take`. */
  interfere: (response: ServerResponse, take: () => void) => boolean = () => false;
  private readonly port: number;
  private readonly secret: string;
  private server: Server | undefined;

  private constructor(port: number, secret: string) {
    this.port = port;
    this.secret = secret;
    this.url = `http://${LOOPBACK}:${port}/events`;
  }

  static async start(secret: string): Promise<WebhookReceiver> {
    const [port = 0] = await findFreePorts(1);
    const receiver = new WebhookReceiver(port, secret);
    onTestFinished(() => receiver.stop());
    await receiver.start();
    return receiver;
  }

  /** The numbers of all events, each once, in the order they came first. */
  get numbers(): number[] {
    return [...new Set(this.events.flatMap(({ data }) => data.numbers.map(({ first }) => first)))];
  }

  start(): Promise<void> {
    this.server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', chunk => (body += String(chunk)));
      request.on('end', () => this.receive(body, String(request.headers['seqd-signature']), response));
    });
    return new Promise(resolve => this.server!.listen(this.port, LOOPBACK, resolve));
  }

  /** Dies: connections break. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    server?.closeAllConnections();
    await new Promise<void>(resolve =>
      server === undefined ? resolve() : void server.close(() => resolve()),
    );
  }

  private receive(body: string, header: string, response: ServerResponse): void {
    this.requests += 1;
    const [, time] = /^t=(\d+),/.exec(header) ?? [];
    const expected = createHmac('sha256', this.secret).update(`${time}.${body}`).digest('hex');
    if (!header.split(',').includes(`v1=${expected}`)) {
      this.complaints.push('signature');
      response.writeHead(401).end();
      return;
    }
    if (Math.abs(Date.now() / 1000 - Number(time)) > 60) this.complaints.push('time');
    const take = (): void => void this.events.push(...(JSON.parse(body) as DocumentEvent[]));
    if (this.interfere(response, take)) return;
    take();
    response.writeHead(204).end();
  }
}
