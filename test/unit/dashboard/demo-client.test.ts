import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApi } from '../../../dashboard/js/api.js';
import { createDemoClient } from '../../../dashboard/js/demo-client.js';
import { createStore } from '../../../dashboard/js/store.js';
import type { DemoRun } from '../../../src/demo/demo-run.ts';
import type { LiveSamples, LiveView, SnapshotFrame } from '../../../src/server/live/live-protocol.ts';

/** What a node answers: by method and path. */
type Answers = Record<string, { readonly status: number; readonly body: unknown }>;

const run = (id: string, fields: Partial<DemoRun> = {}): DemoRun => ({
  id,
  name: 'failover',
  title: 'Kill the leader',
  plan: '',
  state: 'running',
  parameters: {},
  startedAt: 1_000,
  endedAt: null,
  steps: [],
  figures: [],
  histogram: null,
  timeline: null,
  verification: null,
  problem: null,
  ...fields,
});
const over = (id: string, fields: Partial<DemoRun> = {}) =>
  run(id, { state: 'passed', endedAt: 2_000, ...fields });
const catalogue = (last: readonly DemoRun[] = []) => ({
  status: 200,
  body: { demos: [], current: null, last },
});

const none: LiveSamples = {
  stepMs: 100,
  t: [],
  numbers: [],
  requests: [],
  errors: [],
  p50: [],
  p95: [],
  p99: [],
  batch: [],
  ledgerLag: [],
};

/** The part of a snapshot that is looked at here. */
const snapshot = (available: boolean): SnapshotFrame => ({
  type: 'snapshot',
  seq: 1,
  why: 'hello',
  view: { demo: { available, run: null } } as LiveView,
  history: { minute: none, fiveMinutes: none, hour: none },
  events: [],
});

describe('demonstrations on the page', () => {
  let server: Server;
  let answers: Answers;
  let asked: string[];

  beforeEach(async () => {
    answers = { 'GET /api/v1/demo': catalogue() };
    asked = [];
    server = createServer((request, response) => {
      const what = `${request.method} ${request.url}`;
      asked.push(what);
      const { status, body } = answers[what] ?? {
        status: 404,
        body: { code: 'route_not_found', title: 'No' },
      };
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise(resolve => void server.close(resolve));
  });

  function open(available = true) {
    const store = createStore({ schedule: queueMicrotask });
    store.applySnapshot(snapshot(available));
    const api = createApi({ base: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    return createDemoClient({ store, api }, { loadAgainMs: 20 });
  }

  /** Waits for what a client is to become; the test's own limit ends it. */
  async function until(client: ReturnType<typeof open>, holds: () => boolean) {
    if (holds()) return;
    await new Promise<void>(resolve => {
      client.on(() => holds() && resolve());
    });
  }

  it('are not asked for where the stream says that there are none', async () => {
    const client = open(false);
    await until(client, () => client.state.available === false);
    expect(asked).toEqual([]);
  });

  it('are absent where the node answers 404: it has them, but not for this browser', async () => {
    answers = {};
    const client = open();
    await until(client, () => client.state.available === false);
    expect(client.state.problem).toBeUndefined();
  });

  it('are asked for again until they can be told of', async () => {
    const refusal = { code: 'internal', title: 'No', detail: '', retry: 'never' };
    answers['GET /api/v1/demo'] = { status: 500, body: refusal };
    const client = open();
    await until(client, () => client.state.problem !== undefined);
    answers['GET /api/v1/demo'] = catalogue();
    await until(client, () => client.state.available === true);
    expect(client.state.problem).toBeUndefined();
  });

  it('are cancelled once, however often it is pressed, and say so until the end', async () => {
    answers['POST /api/v1/demo/failover'] = { status: 202, body: run('r1') };
    answers['DELETE /api/v1/demo/runs/r1'] = { status: 200, body: run('r1') };
    answers['GET /api/v1/demo/runs/r1'] = { status: 200, body: run('r1') };
    const client = open();
    await client.start('failover', {});
    await Promise.all([client.cancel(), client.cancel()]);
    expect(asked.filter(what => what.startsWith('DELETE'))).toHaveLength(1);
    expect(client.state.cancelling).toBe('r1');
    answers['GET /api/v1/demo/runs/r1'] = { status: 200, body: over('r1') };
    await until(client, () => client.state.run?.state === 'passed');
  });

  it('show the last run at the start, without calling its end news', async () => {
    answers['GET /api/v1/demo'] = catalogue([over('r1')]);
    const client = open();
    const ends: string[] = [];
    client.onEnd(({ id }) => ends.push(id));
    await until(client, () => client.state.run?.id === 'r1');
    expect(ends).toEqual([]);
    expect(client.isBusy()).toBe(false);
  });

  it('are followed by asking while the stream does not tell, to an end that is told once', async () => {
    answers['POST /api/v1/demo/failover'] = { status: 202, body: run('r1') };
    answers['GET /api/v1/demo/runs/r1'] = { status: 200, body: over('r1') };
    const client = open();
    await until(client, () => client.state.available === true);
    const ends: string[] = [];
    client.onEnd(({ id }) => ends.push(id));
    expect(await client.start('failover', {})).toBeUndefined();
    expect(client.isBusy()).toBe(true);
    await until(client, () => client.state.run?.state === 'passed');
    expect(ends).toEqual(['r1']);
  });

  it('are sent once: a refusal that says "later" is not repeated', async () => {
    answers['POST /api/v1/demo/failover'] = {
      status: 409,
      body: { code: 'demo_running', title: 'A demonstration is running', detail: '', retry: 'later' },
    };
    const client = open();
    expect(await client.start('failover', {})).toMatchObject({ code: 'demo_running' });
    expect(asked.filter(what => what.startsWith('POST'))).toHaveLength(1);
    expect(client.isBusy()).toBe(false);
  });

  it('end as failed when nobody knows the run any more', async () => {
    answers['POST /api/v1/demo/failover'] = { status: 202, body: run('r1') };
    const client = open();
    await client.start('failover', {});
    await until(client, () => client.state.run?.state === 'failed');
    expect(client.state.run?.problem).toContain('Nobody knows this run');
  });

  it('never go back: a late answer does not bring back a run that has ended, nor an older one', async () => {
    answers['GET /api/v1/demo'] = catalogue([over('r2', { startedAt: 5_000, endedAt: 6_000 })]);
    const client = open();
    await until(client, () => client.state.run !== undefined);
    answers['DELETE /api/v1/demo/runs/r2'] = { status: 200, body: run('r2', { startedAt: 5_000 }) };
    answers['DELETE /api/v1/demo/runs/r1'] = { status: 200, body: run('r1') };
    await client.cancel();
    expect(client.state.run).toMatchObject({ id: 'r2', state: 'passed' });
    // Of a run that was started before that one.
    answers['POST /api/v1/demo/failover'] = { status: 202, body: run('r1') };
    await client.start('failover', {});
    expect(client.state.run).toMatchObject({ id: 'r2', state: 'passed' });
  });
});
