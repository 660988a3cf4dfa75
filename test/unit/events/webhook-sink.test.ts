import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { eventOf } from '../../../src/core/document-event.ts';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import { WebhookSink, type WebhookOptions } from '../../../src/events/webhook/webhook-sink.ts';
import type { DeliveryOutcome, OutgoingEvent } from '../../../src/ports/event-sink.ts';
import { journalEntries } from '../../kit/journal-entries.ts';

const NOW = 1_795_000_000_000;
const SECRETS = ['the-new-secret-0123456789', 'the-old-secret-0123456789'];
const owner = { site: 'site-1', partition: 'a', type: 'invoice' };
const [entry] = journalEntries(1, next => [
  { kind: 'issue', owner, fresh: { first: next, last: next }, reused: [], reference: 'Rechnung Nº 1' },
  { kind: 'block', owner, fresh: { first: next + 1, last: next + 9 }, reused: [] },
]);
const EVENTS: OutgoingEvent[] = [0, 1].map(index => {
  const event = eventOf(entry!.batch, index, { cluster: 'c', series: GLOBAL_SERIES, revision: 3 });
  return { event, text: JSON.stringify(event) };
});

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly path: string;
}

let received: Received[];
let answer: (response: ServerResponse) => void;
let url: string;
let server: Server;

beforeEach(async () => {
  received = [];
  answer = response => response.writeHead(204).end();
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', chunk => (body += String(chunk)));
    request.on('end', () => {
      received.push({ headers: request.headers, body, path: request.url! });
      answer(response);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=abc`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
});

function open(options: Partial<WebhookOptions> = {}): WebhookSink {
  const sink = new WebhookSink({ url, secrets: SECRETS, timeoutMs: 2_000, now: () => NOW, ...options });
  onTestFinished(() => sink.close());
  return sink;
}

const never = (): AbortSignal => new AbortController().signal;
const deliver = (options?: Partial<WebhookOptions>): Promise<DeliveryOutcome> =>
  open(options).deliver(EVENTS, never());

describe('a webhook', () => {
  test('gets all events in one signed request', async () => {
    expect(await deliver()).toEqual({ status: 'accepted' });
    const [{ headers, body, path }] = received as [Received];
    expect(path).toBe('/hook?token=abc');
    expect(JSON.parse(body)).toEqual(EVENTS.map(({ event }) => event));
    expect(headers['content-type']).toBe('application/cloudevents-batch+json; charset=utf-8');
    const signature = (secret: string): string =>
      createHmac('sha256', secret)
        .update(`${NOW / 1000}.`)
        .update(body)
        .digest('hex');
    expect(headers['seqd-signature']).toBe(
      `t=${NOW / 1000},${SECRETS.map(secret => `v1=${signature(secret)}`).join(',')}`,
    );
  });

  test('gets the same Idempotency-Key for the same events, and another one for others', async () => {
    const sink = open();
    await sink.deliver(EVENTS, never());
    await sink.deliver(EVENTS, never());
    await sink.deliver(EVENTS.slice(1), never());
    const [first, second, third] = received.map(({ headers }) => headers['idempotency-key']);
    expect(first).toMatch(/^[0-9a-f]{40}$/);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  test.each([200, 201, 202, 204])('that answers %i has accepted', async status => {
    answer = response => response.writeHead(status).end();
    expect(await deliver()).toEqual({ status: 'accepted' });
  });

  test.each([408, 425, 429, 500, 502, 503, 504])('that answers %i is asked again later', async status => {
    answer = response => response.writeHead(status).end('not  now\n');
    expect(await deliver()).toMatchObject({ status: 'later', reason: `HTTP ${status}: not now` });
  });

  test.each([400, 401, 403, 404, 410, 413, 422])('that answers %i has refused', async status => {
    answer = response => response.writeHead(status).end('{"error":"x"}');
    expect(await deliver()).toEqual({ status: 'refused', reason: `HTTP ${status}: {"error":"x"}` });
  });

  test.each([
    ['30', 30_000],
    [new Date(NOW + 90_000).toUTCString(), 90_000],
    ['soon', undefined],
  ])('says with Retry-After %s when to come back', async (value, retryAfterMs) => {
    answer = response => response.writeHead(503, { 'retry-after': value }).end();
    expect(await deliver()).toEqual({ status: 'later', reason: 'HTTP 503', retryAfterMs });
  });

  test('cannot send us elsewhere', async () => {
    answer = response => response.writeHead(307, { location: '/other' }).end();
    expect(await deliver()).toEqual({ status: 'refused', reason: 'HTTP 307: redirects are not followed' });
    expect(received.map(({ path }) => path)).toEqual(['/hook?token=abc']);
  });

  test('that does not answer in time has not accepted', async () => {
    answer = () => {};
    expect(await deliver({ timeoutMs: 100 })).toEqual({ status: 'later', reason: 'no answer within 100 ms' });
  });

  test('that answers 200 but never ends its answer has not accepted', async () => {
    answer = response => void response.writeHead(200).write('a part');
    expect(await deliver({ timeoutMs: 100 })).toMatchObject({ status: 'later' });
  });

  test('that breaks off in the middle of its answer has not accepted', async () => {
    answer = response =>
      response
        .writeHead(200, { 'content-length': 100 })
        .write('a part', () => void response.socket!.destroy());
    expect(await deliver()).toMatchObject({ status: 'later' });
  });

  test('that breaks the connection has not accepted', async () => {
    answer = response => void response.socket!.destroy();
    expect(await deliver()).toMatchObject({ status: 'later' });
  });

  test('that is not there has not accepted, and its path and secrets are not in the reason', async () => {
    await new Promise(resolve => server.close(resolve));
    const outcome = await deliver();
    expect(outcome.status).toBe('later');
    expect(JSON.stringify(outcome)).toContain('ECONNREFUSED');
    expect(JSON.stringify(outcome)).not.toMatch(/token|secret|hook/);
  });

  test('is given up when nobody wants the outcome any more', async () => {
    answer = () => {};
    const controller = new AbortController();
    const outcome = open().deliver(EVENTS, controller.signal);
    controller.abort();
    expect(await outcome).toEqual({ status: 'later', reason: 'given up' });
  });
});
