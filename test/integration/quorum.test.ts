import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import type { EtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import type { SeqdNode } from '../../src/node.ts';
import { ownCluster, uniqueCluster } from '../kit/etcd.ts';
import { type HttpAnswer, HttpClient } from '../kit/http-client.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { expectNothingLost } from '../kit/nothing-lost.ts';
import { RuleClient } from '../kit/rule-client.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { until } from '../kit/until.ts';

/** A client is answered within this, quorum or not: the request's budget and half a second for two busy cores. */
const ANSWERED_MS = 3_000;
/** "Later ones fast": by refusing at once, not by waiting for the budget (2.5 s) again; the rest is for two busy cores. */
const FAST_MS = 1_250;

const http = new HttpClient();
let etcd: EtcdCluster;
let cluster: string;
let nodes: SeqdNode[];
let apis: SequenceApi[];
let client: RuleClient;

beforeEach(async () => {
  etcd = await ownCluster();
  cluster = uniqueCluster();
  await startNodes();
  client = new RuleClient({ urls: () => nodes.map(node => node.url) });
});

afterEach(async () => {
  client.close();
  for (const member of etcd.members) member.resume();
  await Promise.all(nodes.map(node => node.close()));
  await etcd.close();
  expect(etcd.members.filter(member => member.alive)).toEqual([]);
});

afterAll(() => http.close());

async function startNodes(settings: Record<string, string> = {}): Promise<void> {
  nodes = await startTestNodes(3, { endpoints: etcd.endpoints, cluster, settings });
  apis = nodes.map(node => new SequenceApi(node.url, http));
}

async function timed(send: () => Promise<HttpAnswer>): Promise<HttpAnswer & { ms: number }> {
  const startedAtMs = performance.now();
  const answer = await send();
  return { ...answer, ms: performance.now() - startedAtMs };
}

async function eachNode(check: (api: SequenceApi) => Promise<void>): Promise<void> {
  await Promise.all(apis.map(check));
}

function expectRefusal({ status, headers, body, ms }: HttpAnswer & { ms: number }, withinMs: number): void {
  expect(status).toBe(503);
  expect(headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(headers['retry-after']).toMatch(/^\d+$/);
  expect(['unavailable', 'outcome_unknown']).toContain(body.code);
  expect(body.retry).toBe(body.code === 'unavailable' ? 'later' : 'same-key');
  expect(ms).toBeLessThan(withinMs);
}

const loseQuorum = {
  paused: async (): Promise<void> => etcd.members.slice(0, 2).forEach(member => member.pause()),
  killed: async (): Promise<void> => {
    await Promise.all(etcd.members.slice(0, 2).map(member => member.kill()));
  },
};

async function regainQuorum(): Promise<void> {
  for (const member of etcd.members) {
    member.resume();
    await member.start();
  }
  await etcd.ready();
}

test.each(['paused', 'killed'] as const)(
  'with two of three members %s every node refuses in time, later at once, and recovers by itself (F14)',
  async how => {
    const before = await client.drawMany(60, 6);
    for (const api of apis) {
      await until('every node knows every other', async () => {
        const { body } = await api.get('/health');
        return body.cluster.nodes.length === 3;
      });
    }
    await loseQuorum[how]();

    const keyed = apis.flatMap((api, i) =>
      Array.from({ length: 5 }, (_, k) => ({ api, key: `document-${how}-${i}-${k}` })),
    );
    const first = await Promise.all(
      keyed.map(({ api, key }) => timed(() => api.next({}, { 'idempotency-key': key }))),
    );
    for (const answer of first) expectRefusal(answer, ANSWERED_MS);

    // Every node has learned by now that nothing can be confirmed.
    await eachNode(async api => {
      await until(`${api.url} refuses at once`, async () => {
        const answer = await timed(() => api.next());
        expectRefusal(answer, ANSWERED_MS);
        return answer.ms < FAST_MS;
      });
      const answers = [];
      for (let i = 0; i < 5; i += 1)
        answers.push(await timed(() => api.next({}, { 'idempotency-key': `fast-${how}-${i}` })));
      expect(answers.map(({ ms }) => ms < FAST_MS)).toEqual([true, true, true, true, true]);
      for (const answer of answers) expectRefusal(answer, ANSWERED_MS);
    });

    await eachNode(async api => {
      await until('the node is not ready', async () => (await api.get('/readyz')).status === 503);
      expect((await api.get('/livez')).status).toBe(200);
      const health = await api.get('/health');
      expect(health.status).toBe(503);
      expect(health.body).toMatchObject({
        status: 'unhealthy',
        checks: { etcd: expect.stringMatching(/quorum/) },
      });
      expect(health.body.cluster.members).toHaveLength(3);
      expect(health.body.cluster.nodes).toHaveLength(3);
      const stats = await timed(() => api.get('/api/v1/sequence/stats'));
      expectRefusal(stats, ANSWERED_MS);
    });

    await regainQuorum();
    for (const api of apis) {
      await until('the node is ready again', async () => (await api.get('/readyz')).status === 200);
    }
    const retried = await Promise.all(keyed.map(({ key }) => client.draw(key)));
    const after = await client.drawMany(60, 6);

    // Requests without a key whose outcome was unknown may hold numbers; nobody else does.
    const documents = [...before, ...retried, ...after];
    expect(new Set(documents.map(({ number }) => number)).size).toBe(documents.length);
    const { status, body } = await apis[0]!.get('/api/v1/sequence/stats');
    expect([status, body.holes, body.pooled]).toEqual([200, 0, 0]);
    expect(body.issued).toBeGreaterThanOrEqual(documents.length);
  },
);

test('quorum lost and regained under load: every document gets its one number, late commits included', async () => {
  const load = client.start(16);
  await load.more(200);
  await loseQuorum.paused();
  const retries = load.retries;
  await until('clients are refused', () => load.retries > retries + 16);
  await regainQuorum();
  await load.more(200);
  await expectNothingLost(etcd.endpoints, cluster, await load.stop());
});

test('a commit that was answered outcome_unknown and applies when members come back is reconciled (F2)', async () => {
  await client.drawMany(5, 1);
  await loseQuorum.paused();
  const key = 'late';
  const answer = await apis[0]!.next({}, { 'idempotency-key': key });
  expect([answer.status, answer.body.code]).toEqual([503, 'outcome_unknown']);
  await regainQuorum();
  const late = await client.draw(key);
  expect(late.number).toBe(6);
  const next = await client.draw();
  expect(next.number).toBe(7);
});

test('while there is no quorum followers do not flood a leader whose lease still stands', async () => {
  await Promise.all(nodes.map(node => node.close()));
  await startNodes({ 'sequence.etcd.lease-ttl-seconds': '15' });
  await client.drawMany(5, 1);
  const forwarded = async (): Promise<number> => {
    const { body } = await apis[1]!.get('/metrics');
    return Number(/^seqd_forwarded_requests_total\{[^}]*\} (\d+)$/m.exec(String(body))?.[1] ?? 0);
  };
  const before = await forwarded();
  await loseQuorum.paused();
  // The leader stalls, and says so to the follower for as long as it believes to lead.
  await Promise.all([apis[0]!.next(), ...Array.from({ length: 5 }, () => apis[1]!.next())]);
  await Promise.all(Array.from({ length: 5 }, () => apis[1]!.next()));
  expect((await forwarded()) - before, 'forwards of ten requests').toBeLessThan(200);
});
