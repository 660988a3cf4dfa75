import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '../../../src/core/errors.ts';
import { WIRE_ERRORS } from '../../../src/server/wire-errors.ts';

/** A request as a fake node got it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly key: string | undefined;
  readonly body: string;
  readonly atMs: number;
}

/** Decides an answer; `index` counts the requests of this node from 0. */
export type Responder = (response: ServerResponse, index: number, seen: SeenRequest) => void;

/** A small server in the place of a node. */
export interface FakeNode {
  readonly url: string;
  readonly seen: SeenRequest[];
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Starts a fake node that is closed after the test. */
export async function fakeNode(respond: Responder): Promise<FakeNode> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then(body => {
      const key = request.headers['idempotency-key'] as string | undefined;
      const one = { method: request.method!, path: request.url!, key, body, atMs: performance.now() };
      seen.push(one);
      respond(response, seen.length - 1, one);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** An address where nobody listens. */
export async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>(resolve => server.close(() => resolve()));
  return `http://127.0.0.1:${port}`;
}

/** Answers 200. */
export function answer(response: ServerResponse, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Answers with problem details as seqd does. */
export function refuse(response: ServerResponse, code: ErrorCode, facts: object = {}): void {
  const { retryAfterSeconds } = WIRE_ERRORS[code];
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
  refuseAtOnce(response, code, facts);
}

/** As {@link refuse}, without `Retry-After`. */
export function refuseAtOnce(response: ServerResponse, code: ErrorCode, facts: object = {}): void {
  const { http } = WIRE_ERRORS[code];
  const { retry, title } = ERROR_CODES[code];
  response
    .writeHead(http, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ ...facts, code, retry, title, detail: `${title}.`, status: http }));
}

/** A reply to `next` with one number. */
export function issued(number: number): object {
  return {
    sequenceNumber: number,
    count: 1,
    numbers: [{ first: number, last: number }],
    reused: false,
    allocationId: `${number}-0`,
    siteId: 'site-1',
    partitionId: 'partition-a',
    invoiceType: 'on-cycle',
    node: 'fake',
    leader: 'fake',
    revision: number,
    issuedAt: '2026-01-01T00:00:00.000Z',
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
