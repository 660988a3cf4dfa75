import { Etcd3 } from 'etcd3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SeqdClient } from '../../src/client/index.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import { journalKey } from '../../src/core/records.ts';
import type { DemoCatalogue, DemoRun } from '../../src/demo/demo-run.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { DemoWorld, figureOf, type HostProblem, tellRun } from '../kit/demo-world.ts';
import { until } from '../kit/until.ts';

/** What one run may be, as a browser gets it ten times a second. */
const RUN_BYTES_MAX = 20_000;

let world: DemoWorld;

beforeAll(async () => {
  world = await DemoWorld.start();
});

beforeEach(() => {
  world.disturbed.splice(0);
  world.refusal = undefined;
});

afterAll(() => world.close());

/** Runs one to its end, and expects of it what is expected of all. */
async function passes(name: string, parameters: Record<string, number> = {}): Promise<DemoRun> {
  const { id } = await world.begin(name, parameters);
  const run = await world.end(id);
  expect(run.state, tellRun(run)).toBe('passed');
  expect(run.problem).toBeNull();
  expect(run.parameters).toMatchObject(parameters);
  expect(run.verification).toMatchObject({ complete: true, holes: 0, problems: [] });
  expect([figureOf(run, 'numbers missing'), figureOf(run, 'numbers twice')]).toEqual([0, 0]);
  expect(run.steps.map(({ state }) => state)).toEqual(run.steps.map(() => 'done'));
  expect(JSON.stringify(run).length).toBeLessThan(RUN_BYTES_MAX);
  if (figureOf(run, 'numbers drawn') !== undefined)
    expect(run.steps.at(-1)!.detail.at(-1)).toContain(
      'The journal has each of these answers as it was given, once.',
    );
  expect(await world.broken()).toEqual([]);
  return run;
}

test('basic: one number for each site, partition and type, in the order of the requests', async () => {
  const run = await passes('basic');
  // 2 sites × 2 partitions × 4 types, of which one gets a preview only.
  expect(run.steps[0]!.detail).toHaveLength(16);
  expect(figureOf(run, 'numbers drawn')).toBe(12);
});

test('concurrent: clients at the same time get different numbers, as from one counter', async () => {
  const run = await passes('concurrent', { threads: 8, requestsPerThread: 20 });
  expect(figureOf(run, 'requests answered')).toBe(160);
  expect(figureOf(run, 'linearizable')).toBe('yes');
});

test('gaps: numbers given back are drawn next, lowest first, and a repeated release takes none', async () => {
  const run = await passes('gaps');
  expect(figureOf(run, 'drawn next')).toBe(figureOf(run, 'given back'));
});

test('retry: a repeated request and a lost answer are one number each', async () => {
  const run = await passes('retry');
  expect(run.steps[2]!.detail[0]).toContain('422 idempotency_key_reused');
});

test('load-test: rate, percentiles and a histogram of all requests, pushed at most ten times a second', async () => {
  const watched = await world.watch();
  const startedAt = performance.now();
  const run = await passes('load-test', { totalRequests: 500, concurrentThreads: 20 });
  expect(run.histogram!.reduce((sum, { count }) => sum + count, 0)).toBe(500);
  expect(Number(figureOf(run, 'rate'))).toBeGreaterThan(10);
  expect(Number(figureOf(run, 'p50'))).toBeLessThanOrEqual(Number(figureOf(run, 'p99')));
  await until('the end is pushed', () => watched.states.at(-1)?.state === 'passed');
  const seconds = (performance.now() - startedAt) / 1_000;
  watched.close();
  expect(watched.states.at(-1)).toEqual(run);
  expect(watched.states.length).toBeLessThan(10 * seconds + 3);
});

// Race, failover, partition, etcd-failover and outage pass in test/browser/demos.test.ts, on a cluster that a user has started.
test.each([
  ['failover', { seconds: 4 }, 'See how', ['kill']],
  ['partition', { pauseSeconds: 20 }, 'See how', ['pause', 'resume']],
  ['etcd-failover', { seconds: 5 }, 'See how', ['kill']],
  ['outage', { seconds: 15 }, 'Ask all', ['stop', 'start']],
])(
  '%s that is cancelled in the middle puts back what it broke, and verifies; until then no other is started',
  async (name, parameters, middle, actions) => {
    const { id } = await world.begin(name, parameters);
    await world.step(id, middle);
    const second = await world.ask<HostProblem>('POST', '/runs/basic');
    expect([second.status, second.body.code]).toEqual([409, 'demo_running']);
    expect((await world.ask<DemoRun>('DELETE', `/runs/${id}`)).body.id).toBe(id);
    const run = await world.end(id);
    expect(run.state, tellRun(run)).toBe('cancelled');
    const victims = run.steps[1]!.breaks;
    expect(victims).toHaveLength(name === 'outage' ? 2 : 1);
    expect(world.disturbed).toEqual(actions.flatMap(action => victims.map(victim => `${action} ${victim}`)));
    expect(run.verification).toMatchObject({ complete: true });
    expect(await world.broken()).toEqual([]);
  },
);

test('others may draw and give back at the same time', async () => {
  const client = new SeqdClient({ urls: world.fleet.urls });
  const place = { siteId: 'site-2', partitionId: 'partition-b' };
  const done = new AbortController();
  const disturb = async (): Promise<void> => {
    while (!done.signal.aborted) {
      const { reply } = await client.next({ ...place, invoiceType: 'off-cycle' });
      const { sequenceNumber, allocationId } = reply;
      if (sequenceNumber % 3 === 0)
        await client.release({ ...place, sequenceNumber, allocationId: allocationId!, reason: 'test' });
    }
  };
  const others = Promise.all([disturb(), disturb(), disturb()]);
  try {
    for (const name of ['basic', 'concurrent', 'gaps']) await passes(name);
  } finally {
    done.abort();
    await others;
    client.close();
  }
});

test('what the supervisor refuses to do fails the run, and the series is verified all the same', async () => {
  world.refusal = 'not today';
  const { id } = await world.begin('failover', { seconds: 4 });
  const run = await world.end(id);
  expect(run.state).toBe('failed');
  expect(run.problem).toMatch(/refused to kill node-\d: not today/);
  expect(run.steps.map(({ state }) => state)).toEqual([
    'done',
    'failed',
    'skipped',
    'skipped',
    'skipped',
    'done',
    'done',
  ]);
  expect(run.verification).toMatchObject({ complete: true });
});

test('what is not a demonstration, a run or a parameter is refused, and so is whoever has no token', async () => {
  const absent = await world.ask<HostProblem>('POST', '/runs/fireworks');
  expect([absent.status, absent.body.code]).toEqual([404, 'route_not_found']);
  expect((await world.ask('GET', '/runs/0123456789ab')).status).toBe(404);
  const bad = await world.ask<HostProblem>('POST', '/runs/load-test', { totalRequests: 200_001, speed: 1 });
  expect([bad.status, bad.body.code]).toEqual([400, 'invalid_request']);
  expect(bad.body.details.errors!.map(({ field }) => field).sort()).toEqual(['speed', 'totalRequests']);
  expect((await world.ask('GET', '/catalogue', undefined, 'another-token')).status).toBe(401);
});

test('a run fails when the series is not complete, though all of its requests were answered', async () => {
  const etcd = new Etcd3({ hosts: world.etcd.endpoints });
  const key = new EtcdKeys(world.cluster).seriesRecord(GLOBAL_SERIES, journalKey(3));
  const kept = await etcd.get(key).buffer();
  expect(kept).not.toBeNull();
  try {
    await etcd.delete().key(key);
    const run = await world.end((await world.begin('concurrent', { threads: 2 })).id);
    expect(run.state, tellRun(run)).toBe('failed');
    expect(run.problem).toContain('The series is not complete');
    expect(run.verification).toMatchObject({ complete: false });
    expect(figureOf(run, 'requests answered')).toBe(50);
  } finally {
    await etcd.put(key).value(kept!);
    etcd.close();
  }
  await passes('basic');
});

test('the catalogue has all of them and the last runs, and says what cannot be run here', async () => {
  await world.tell({ canPause: false, members: [] });
  const { body } = await world.ask<DemoCatalogue>('GET', '/catalogue');
  expect(body.demos.map(({ name }) => name)).toEqual([
    'basic',
    'concurrent',
    'gaps',
    'retry',
    'load-test',
    'race',
    'failover',
    'partition',
    'etcd-failover',
    'outage',
  ]);
  expect(body.demos.filter(({ unavailable }) => unavailable !== null).map(({ name }) => name)).toEqual([
    'partition',
    'etcd-failover',
    'outage',
  ]);
  expect(body.current).toBeNull();
  expect(body.last).toHaveLength(10);
  const refused = await world.ask<HostProblem>('POST', '/runs/partition');
  expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request']);
});

test('the host ends when its supervisor is gone', async () => {
  expect(await world.hangUp()).toBe(0);
});
