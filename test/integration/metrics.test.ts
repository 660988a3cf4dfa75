import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient } from '../kit/http-client.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { SequenceApi } from '../kit/sequence-api.ts';

const SERIES = 'default/global/all';

/** Every series of ours that operators may build on. */
const DOCUMENTED = [
  'seqd_http_requests_total',
  'seqd_http_request_duration_seconds',
  'seqd_batches_committed_total',
  'seqd_batch_facts',
  'seqd_commit_duration_seconds',
  'seqd_commit_conflicts_total',
  'seqd_commit_unknown_total',
  'seqd_commit_reordered_total',
  'seqd_forwarded_requests_total',
  'seqd_forward_failures_total',
  'seqd_forward_duration_seconds',
  'seqd_numbers',
  'seqd_next_number',
  'seqd_journal_sequence',
  'seqd_idempotency_keys',
  'seqd_leader',
  'seqd_pending_requests',
  'seqd_etcd_connected',
  'seqd_event_loop_delay_max_seconds',
];

/** All a route label may say. */
const ROUTES = new Set([
  '/api/v1/sequence/next',
  '/api/v1/sequence/release',
  '/api/v1/sequence/stats',
  '/livez',
  '/readyz',
  '/health',
  '/metrics',
  '/dashboard',
  '/',
  'other',
]);

const promtool = spawnSync('promtool', ['--version'], { encoding: 'utf8' });
const withoutPromtool = promtool.status !== 0;
if (withoutPromtool) console.warn('promtool is not on PATH (Debian: prometheus): its check is skipped');

const http = new HttpClient();
let nodes: SeqdNode[];
let leader: SequenceApi;
let follower: SequenceApi;

beforeAll(async () => {
  nodes = await startTestNodes(2, { endpoints: sharedEndpoints(), cluster: uniqueCluster() });
  [leader, follower] = nodes.map(node => new SequenceApi(node.url, http)) as [SequenceApi, SequenceApi];
  await leader.next({ count: 5 }, { 'idempotency-key': 'a' });
  await leader.release(2);
  await follower.next({ siteId: 'site-2' });
  await follower.next({ count: 0 });
  await leader.get('/api/v1/sequence/stats');
});

afterAll(async () => {
  http.close();
  await Promise.all(nodes.map(node => node.close()));
});

/** The lines of one metric, by their labels. */
async function read(api: SequenceApi, name: string): Promise<Map<string, number>> {
  const { body } = await api.get('/metrics');
  const values = new Map<string, number>();
  for (const line of String(body).split('\n')) {
    const match = new RegExp(`^${name}(\\{[^}]*\\})? (\\S+)$`).exec(line);
    if (match !== null) values.set(match[1] ?? '', Number(match[2]));
  }
  return values;
}

async function routesOf(api: SequenceApi): Promise<Set<string>> {
  const labels = [...(await read(api, 'seqd_http_requests_total')).keys()];
  return new Set(labels.map(label => /route="([^"]*)"/.exec(label)![1]!));
}

test.skipIf(withoutPromtool)('what /metrics says satisfies promtool', async () => {
  for (const api of [leader, follower]) {
    const { headers, body } = await api.get('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: String(body),
      encoding: 'utf8',
    });
    expect(stdout + stderr).toBe('');
    expect(status).toBe(0);
  }
});

test.each(DOCUMENTED)('%s is there, with help and type', async name => {
  const { body } = await leader.get('/metrics');
  expect(body).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
  expect(body).toMatch(new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`, 'm'));
});

test('numbers by state, next number and journal are those of the series', async () => {
  await leader.get('/api/v1/sequence/stats');
  const label = (state: string): string => `{series="${SERIES}",state="${state}"}`;
  // One to five were drawn, two released, and drawn again by the follower.
  expect(await read(leader, 'seqd_numbers')).toEqual(
    new Map([
      [label('issued'), 5],
      [label('reserved'), 0],
      [label('pooled'), 0],
      [label('void'), 0],
      [label('imported'), 0],
    ]),
  );
  expect(await read(leader, 'seqd_next_number')).toEqual(new Map([[`{series="${SERIES}"}`, 6]]));
  expect(await read(leader, 'seqd_journal_sequence')).toEqual(new Map([[`{series="${SERIES}"}`, 3]]));
  expect(await read(leader, 'seqd_idempotency_keys')).toEqual(new Map([[`{series="${SERIES}"}`, 1]]));
});

test('one node says that it leads', async () => {
  const values = [leader, follower].map(async api => [...(await read(api, 'seqd_leader')).values()]);
  expect(await Promise.all(values)).toEqual([[1], [0]]);
});

test('the follower counts what it forwarded, the leader what it committed', async () => {
  const of = async (api: SequenceApi, name: string): Promise<number> =>
    (await read(api, name)).get(`{series="${SERIES}"}`) ?? 0;
  expect(await of(follower, 'seqd_forwarded_requests_total')).toBe(1);
  expect(await of(leader, 'seqd_batches_committed_total')).toBe(3);
  expect(await of(follower, 'seqd_batches_committed_total')).toBe(0);
  expect(await of(leader, 'seqd_batch_facts_count')).toBe(3);
  expect(await of(leader, 'seqd_commit_duration_seconds_count')).toBe(3);
});

test('a refused request counts under the route it asked', async () => {
  const label = '{route="/api/v1/sequence/next",status="400"}';
  const before = (await read(follower, 'seqd_http_requests_total')).get(label) ?? 0;
  expect((await follower.next({ count: 0 })).status).toBe(400);
  expect((await read(follower, 'seqd_http_requests_total')).get(label) ?? 0).toBe(before + 1);
});

test('made-up paths, methods and queries create no labels', async () => {
  const lines = async (): Promise<number> => String((await leader.get('/metrics')).body).split('\n').length;
  const tour = async (): Promise<void> => {
    for (let i = 0; i < 40; i += 1) {
      const random = Math.random().toString(36).slice(2);
      await leader.get(`/${random}`);
      await leader.get(`/dashboard/${random}`);
      await leader.get(`/api/v1/sequence/${random}`);
      await leader.get(`/api/v1/sequence/stats?${random}=${random}`);
      await leader.get(`/health?${random}`);
      await leader.send('DELETE', `/${random}`);
      const spelt = '/api/v1/sequence/stats'.replaceAll(/[a-z]/g, c =>
        Math.random() < 0.5 ? c : c.toUpperCase(),
      );
      await leader.get(spelt);
      await leader.send('PUT', '/next');
      await leader.next({ [random]: random });
      await leader.next({ siteId: random }, { 'x-request-id': random });
    }
  };
  await tour();
  const before = await lines();
  await tour();
  expect(await lines()).toBe(before);
  const unknown = [...(await routesOf(leader))].filter(route => !ROUTES.has(route));
  expect(unknown).toEqual([]);
});
