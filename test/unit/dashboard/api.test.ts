import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createApi } from '../../../dashboard/js/api.js';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A real server that gives these answers one after the other, the last one for ever. */
async function apiOver(...answers: Answer[]) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    request.resume();
    answers[Math.min(requests.length, answers.length) - 1]?.(request, response);
  });
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const api = createApi({
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    random: () => 0,
  });
  return { api, requests };
}

const good: Answer = (_request, response) => {
  response.setHeader('idempotent-replayed', 'true').end('{"sequenceNumber":7}');
};
const problem =
  (code: string, status: number, retry: string): Answer =>
  (_request, response) => {
    response.writeHead(status).end(JSON.stringify({ code, title: code, detail: '', status, retry }));
  };
const lost: Answer = request => request.socket.destroy();
const proxyError: Answer = (_request, response) => void response.writeHead(502).end('Bad gateway');

describe('the REST interface for the page', () => {
  test('repeats with the same key until it is answered', async () => {
    const { api, requests } = await apiOver(lost, problem('unavailable', 503, 'later'), proxyError, good);
    const answer = await api.post('/x', { a: 1 });
    expect(answer).toMatchObject({
      ok: true,
      status: 200,
      body: { sequenceNumber: 7 },
      attempts: 4,
      replayed: true,
    });
    const keys = new Set(requests.map(request => request.headers['idempotency-key']));
    expect(keys).toEqual(new Set([answer.idempotencyKey]));
    expect(answer.idempotencyKey).toMatch(/^page-[0-9a-f]{24}$/);
  });

  test('never repeats what the node refuses for good', async () => {
    const { api, requests } = await apiOver(problem('unknown_site', 422, 'never'), good);
    expect(await api.post('/x', {})).toMatchObject({
      ok: false,
      status: 422,
      problem: { code: 'unknown_site' },
    });
    expect(requests).toHaveLength(1);
  });

  test('sends once what has no key', async () => {
    const { api, requests } = await apiOver(lost, good);
    const answer = await api.post('/x', {}, { idempotencyKey: null });
    expect(answer).toMatchObject({ ok: false, status: 0, problem: { code: 'no_answer' } });
    expect([requests.length, requests[0]?.headers['idempotency-key']]).toEqual([1, undefined]);
  });

  test('gives up when its time is over, with the last answer', async () => {
    const { api } = await apiOver(problem('unavailable', 503, 'later'));
    const api2 = await api.get('/x', { retryMs: 40 });
    expect(api2).toMatchObject({ ok: false, problem: { code: 'unavailable' } });
  });

  test('ends an attempt that gets no answer, and the whole when told to', async () => {
    const { api } = await apiOver(() => {});
    const late = await api.get('/x', { timeoutMs: 30, retryMs: 0 });
    expect(late.problem?.detail).toContain('in time');
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    expect(await api.get('/x', { signal: stop.signal })).toMatchObject({ ok: false, attempts: 1 });
  });

  test('waits as long as the node says, one second at most', async () => {
    const { api } = await apiOver((_request, response) => {
      response.setHeader('retry-after', '30');
      problem('overloaded', 429, 'later')(_request, response);
    }, good);
    const answer = await api.get('/x');
    expect(answer.ok).toBe(true);
    expect(answer.ms).toBeGreaterThan(990);
    expect(answer.ms).toBeLessThan(3_000);
  });

  test('hands out lines as they come, also those cut in two', async () => {
    const { api } = await apiOver((_request, response) => {
      response.write('{"n":1}\n{"n":');
      setTimeout(() => response.end('2}\n{"n":3}'), 10);
    });
    const lines: unknown[] = [];
    const answer = await api.stream('/x', {}, line => lines.push(line));
    expect([answer.ok, lines]).toEqual([true, [{ n: 1 }, { n: 2 }, { n: 3 }]]);
  });

  test('says when a stream breaks off', async () => {
    const { api } = await apiOver((request, response) => {
      response.write('{"n":1}\n', () => setTimeout(() => request.socket.destroy(), 10));
    });
    const lines: unknown[] = [];
    const answer = await api.stream('/x', {}, line => lines.push(line));
    expect(answer).toMatchObject({ ok: false, problem: { code: 'no_answer' } });
    expect(lines).toEqual([{ n: 1 }]);
  });
});
