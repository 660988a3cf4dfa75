import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ErrorRequestHandler } from 'express';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SeqdError } from '../../../../src/core/errors.ts';
import type { DemoRun } from '../../../../src/demo/demo-run.ts';
import type { NodeInfo } from '../../../../src/ports/coordination.ts';
import { silentLogger } from '../../../../src/ports/logger.ts';
import { DemoHostClient } from '../../../../src/server/http/demo-host-client.ts';
import { DemoLink } from '../../../../src/server/http/demo-link.ts';
import { createDemoRoutes, DEMO_BASE } from '../../../../src/server/http/demo-routes.ts';
import { createFastExpress } from '../../../../src/server/http/fast-express.ts';
import { openDemos } from '../../../../src/server/http/open-demos.ts';
import { Accounting } from '../../../../src/server/http/request-context.ts';
import { answerError } from '../../../../src/server/http/respond.ts';
import { until } from '../../../kit/until.ts';
import { fakeDemoHost, type FakeHost, runOf, stepOf } from './fake-host.ts';

let host: FakeHost;
let url = '';
let closing: AbortController;
const closers: (() => void)[] = [];

beforeEach(async () => {
  host = await fakeDemoHost();
  closing = new AbortController();
  const link = new DemoLink({ ...host, url: host.url, logger: silentLogger, retryMsMin: 10 });
  link.start();
  await until('connected', () => link.available);
  const { app, classes } = createFastExpress();
  const accounting = new Accounting({ instance: 'test', logger: silentLogger, logRequests: false } as never);
  const self = { id: 'n1', url: '' } as NodeInfo;
  const other = { id: 'n2', url: 'http://127.0.0.1:9' } as NodeInfo;
  const third = { id: 'n3', url: 'http://127.0.0.1:10' } as NodeInfo;
  app.use((request, _response, next) => {
    accounting.begin(request);
    next();
  });
  app.use(
    DEMO_BASE,
    createDemoRoutes({
      host: new DemoHostClient(host),
      feed: link,
      coordination: { self, nodes: () => [self, other, third] },
      closing: closing.signal,
      times: { repeatMs: 50, lostAfterMs: 200 },
    }),
  );
  app.use((request, _response, next) => {
    next(new SeqdError('route_not_found', `There is nothing at ${request.method} ${request.path}`));
  });
  const onError: ErrorRequestHandler = (error, request, response, _next) =>
    answerError(request, response, error, silentLogger);
  app.use(onError);
  const server = createServer(classes, app);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  Object.assign(self, { url });
  closers.push(() => {
    link.close();
    server.close();
    server.closeAllConnections();
  });
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const post = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}${DEMO_BASE}${path}`, { method: 'POST', ...init });
const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}${DEMO_BASE}${path}`, init);
const runIn = async (response: Response): Promise<DemoRun> => (await response.json()) as DemoRun;
const end = (state: DemoRun['state'] = 'passed'): void => {
  host.run = { ...host.run!, state, endedAt: Date.now() };
};

describe('POST /api/v1/demo/{name}', () => {
  test('waits for the end and answers with the whole run, also when it failed', async () => {
    for (const state of ['passed', 'failed', 'cancelled'] as const) {
      host.run = null;
      const answer = post('/failover?requestsPerThread=7');
      await until('the run has begun', () => host.run !== null);
      expect(host.run!.parameters).toEqual({ requestsPerThread: 7 });
      end(state);
      expect((await answer).status).toBe(200);
      expect(await runIn(await answer)).toMatchObject({ id: 'run-1', state });
    }
  });

  test('takes parameters from a JSON body', async () => {
    const body = JSON.stringify({ requestsPerThread: 9 });
    const headers = { 'content-type': 'application/json', prefer: 'respond-async' };
    const answer = await post('/failover', { body, headers });
    expect(answer.status).toBe(202);
    expect(host.run!.parameters).toEqual({ requestsPerThread: 9 });
  });

  test('answers at once when that is preferred, with where to look', async () => {
    const answer = await post('/failover', { headers: { prefer: 'wait=1, respond-async' } });
    expect([answer.status, answer.headers.get('location')]).toEqual([202, '/api/v1/demo/runs/run-1']);
    expect(answer.headers.get('preference-applied')).toBe('respond-async');
    expect(await runIn(answer)).toMatchObject({ state: 'running' });
  });

  test('tells of every change in a line of its own when lines are asked for', async () => {
    const answer = await post('/failover', { headers: { accept: 'application/x-ndjson' } });
    expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
    setTimeout(() => (host.run = { ...host.run!, figures: [{ label: 'rate', value: 5, unit: '/s' }] }), 20);
    setTimeout(() => end(), 40);
    const runs = (await answer.text())
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as DemoRun);
    expect(runs[0]).toMatchObject({ state: 'running', figures: [] });
    expect(runs.at(-2)).toMatchObject({ state: 'running', figures: [{ value: 5 }] });
    expect(runs.at(-1)).toMatchObject({ state: 'passed' });
  });

  test('answers just before the run breaks the node itself, with a node that goes on', async () => {
    const answer = post('/failover');
    await until('the run has begun', () => host.run !== null);
    const steps = [stepOf({ state: 'running' }), stepOf({ state: 'pending', breaks: ['n1', 'n2'] })];
    host.run = { ...host.run!, steps };
    expect((await answer).status).toBe(202);
    expect((await answer).headers.get('location')).toBe('http://127.0.0.1:10/api/v1/demo/runs/run-1');
    expect(await runIn(await answer)).toMatchObject({ state: 'running', steps });
  });

  test('lines end just before the run breaks the node', async () => {
    const answer = await post('/failover', { headers: { accept: 'application/x-ndjson' } });
    host.run = { ...host.run!, steps: [stepOf({ breaks: ['n1'] })] };
    const lines = (await answer.text()).trim().split('\n');
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ state: 'running' });
  });

  test('who waits on a node that stops is sent to another', async () => {
    const answer = post('/failover');
    await until('the run has begun', () => host.run !== null);
    closing.abort();
    expect((await answer).status).toBe(202);
    expect((await answer).headers.get('location')).toBe('http://127.0.0.1:9/api/v1/demo/runs/run-1');
  });

  test('one at a time: another run is 409 demo_running, to be tried later', async () => {
    host.run = runOf();
    const answer = await post('/failover');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([409, '5']);
    expect(await answer.json()).toMatchObject({ code: 'demo_running', retry: 'later' });
  });

  test.each([
    ['/failover?threads=3', 'is not a known field'],
    ['/failover?requestsPerThread=0', 'from 1 to 1000'],
    ['/failover?requestsPerThread=1001', 'from 1 to 1000'],
    ['/failover?requestsPerThread=1.5', 'from 1 to 1000'],
    ['/failover?requestsPerThread=1&requestsPerThread=2', 'from 1 to 1000'],
    ['/failover?__proto__=1', 'is not a known field'],
    ['/pause', 'Windows cannot pause a process'],
  ])('%s is refused before anything reaches the process that can kill nodes', async (path, why) => {
    const answer = await post(path, { headers: { prefer: 'respond-async' } });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { detail: string }).detail).toContain(why);
    expect(host.seen).toEqual(['GET /catalogue']);
  });

  test('all mistakes are named', async () => {
    const answer = await post('/failover?requestsPerThread=x&b=1');
    const { errors } = (await answer.json()) as { errors: { field: string }[] };
    expect(errors.map(({ field }) => field)).toEqual(['b', 'requestsPerThread']);
  });

  test('a form, as any page may send it, and nonsense are refused', async () => {
    const form = await post('/failover', { body: new URLSearchParams({ requestsPerThread: '1' }) });
    expect(form.status).toBe(415);
    const headers = { 'content-type': 'application/json' };
    expect((await post('/failover', { body: '{', headers })).status).toBe(400);
    expect((await post('/failover', { body: '[1]', headers })).status).toBe(400);
    expect((await post('/failover', { body: `{"a":"${'x'.repeat(5_000)}"}`, headers })).status).toBe(413);
    expect(host.run).toBeNull();
  });

  test('an unknown name is not found, with those that there are', async () => {
    const answer = await post('/failovr');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'route_not_found', allowed: ['failover', 'pause'] });
  });

  test('when the process dies meanwhile, the answer is 503 demo_unavailable', async () => {
    const answer = post('/failover');
    await until('the run has begun', () => host.run !== null);
    await host.stop();
    expect((await answer).status).toBe(503);
    expect(await (await answer).json()).toMatchObject({ code: 'demo_unavailable', retry: 'later' });
  });
});

describe('runs', () => {
  test('are shown, followed, cancelled', async () => {
    host.run = runOf();
    expect(await runIn(await get('/runs/run-1'))).toMatchObject({ state: 'running' });
    const lines = await get('/runs/run-1', { headers: { accept: 'application/x-ndjson' } });
    const cancelled = await get('/runs/run-1', { method: 'DELETE' });
    expect([cancelled.status, await runIn(cancelled)]).toMatchObject([200, { state: 'cancelled' }]);
    expect(JSON.parse((await lines.text()).trim().split('\n').at(-1)!)).toMatchObject({ state: 'cancelled' });
  });

  test.each(['/runs/other', '/runs/..%2F..%2Fcatalogue', '/runs/a%20b'])('%s is not found', async path => {
    const answer = await get(path);
    expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'route_not_found' }]);
  });

  test('an id that is a way to another path is not found, and the process hears nothing of it', async () => {
    for (const id of ['%2e%2e', '%2e', '..%2fcatalogue']) {
      const before = host.seen.length;
      // fetch would go that way itself.
      const status = await new Promise(resolve => {
        httpRequest(`${url}${DEMO_BASE}`, { path: `${DEMO_BASE}/runs/${id}` }, response => {
          response.resume();
          resolve(response.statusCode);
        }).end();
      });
      expect([status, host.seen.slice(before)]).toEqual([404, []]);
    }
  });

  test('other methods are not allowed', async () => {
    expect((await post('/runs/run-1', { method: 'PUT' })).status).toBe(405);
    expect((await get('/failover')).status).toBe(405);
    expect((await post('')).status).toBe(405);
  });
});

describe('GET /api/v1/demo', () => {
  test('is the catalogue', async () => {
    const answer = await get('');
    expect(await answer.json()).toMatchObject({
      demos: [{ name: 'failover' }, { name: 'pause' }],
      current: null,
    });
  });

  test('says that it is not ready while the process is not, and never shows the token', async () => {
    host.answer = (_request, response) => {
      response.writeHead(503).end('{"detail":"the nodes are starting"}');
      return true;
    };
    const answer = await get('');
    const text = await answer.text();
    expect(answer.status).toBe(503);
    expect(text).toContain('the nodes are starting');
    host.answer = undefined;
    await host.stop();
    const gone = await get('');
    expect(gone.status).toBe(503);
    expect(text + (await gone.text())).not.toContain(host.token);
  });

  test('an answer that is not JSON, or leads elsewhere, is no answer', async () => {
    host.answer = (_request, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
      return true;
    };
    expect((await get('')).status).toBe(503);
    host.answer = (_request, response) => {
      response.end('<html>');
      return true;
    };
    expect((await get('')).status).toBe(503);
  });
});

describe('for those who may not use them', () => {
  /** `fetch` sets Host and Origin itself. */
  const ask = (
    method: string,
    path: string,
    headers: Record<string, string>,
  ): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(`${url}${path}`, { method, headers }, response => {
        let body = '';
        response.on('data', chunk => (body += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      });
      request.on('error', reject).end();
    });

  test.each([
    ['a foreign page', { origin: 'https://evil.example' }],
    ['a proxy', { 'x-forwarded-for': '10.0.0.1' }],
    ['a foreign name', { host: 'evil.example' }],
  ])('%s: everything is as where nothing is', async (_, headers) => {
    const withoutId = ({ body }: { body: string }): object => {
      const { requestId: _id, detail, ...problem } = JSON.parse(body) as Record<string, unknown>;
      return { ...problem, detail: String(detail).replace(/ at .*/, '') };
    };
    const nothing = await ask('POST', '/api/v1/nothing', headers);
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/failover'],
      ['POST', '/failover?nonsense=1'],
      ['GET', '/runs/run-1'],
      ['DELETE', '/runs/run-1'],
      ['PUT', '/failover'],
    ] as const) {
      const answer = await ask(method, `${DEMO_BASE}${path}`, headers);
      expect(answer.status, `${method} ${path}`).toBe(404);
      expect(withoutId(answer)).toEqual(withoutId(nothing));
      expect(answer.body).toContain(`There is nothing at ${method} ${DEMO_BASE}${path.replace(/\?.*/, '')}`);
    }
    expect(host.seen).toEqual([]);
  });
});

test('where none are configured there is nothing to mount', () => {
  const coordination = { self: { url } as NodeInfo, nodes: () => [] };
  expect(
    openDemos({ demo: { url: null, token: null } }, { coordination, logger: silentLogger }),
  ).toBeUndefined();
});
