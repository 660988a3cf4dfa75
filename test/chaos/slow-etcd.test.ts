import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import type { HttpAnswer } from '../kit/http-client.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { expectNothingLost } from '../kit/nothing-lost.ts';
import { ProxiedEtcd } from '../kit/proxied-etcd.ts';
import { readMetric } from '../kit/read-metric.ts';
import { RuleClient } from '../kit/rule-client.ts';
import { until } from '../kit/until.ts';

const COMMIT_DELAY_MS = 400;
const QUEUE_MAX = 60;
/** Two commits of 16 requests under way at once, each of 400 ms: no more than 80 numbers a second. */
const BATCH_MAX = 16;
/** The leader is sent them all, and its queue is for fewer. */
const CLIENTS = 120;
/** What clients may be told meanwhile. */
const CODES = new Map([
  ['overloaded', 429],
  ['unavailable', 503],
  ['outcome_unknown', 503],
]);

let etcd: ProxiedEtcd;
let nodes: SeqdNode[] = [];
let client: RuleClient;
let refusals: HttpAnswer[];

beforeEach(async () => {
  etcd = await ProxiedEtcd.start(sharedEndpoints());
  refusals = [];
  client = new RuleClient({
    urls: () => nodes.map(node => node.url),
    budgetMs: 300_000,
    attemptTimeoutMs: 20_000,
    onRefusal: answer => refusals.push(answer),
  });
});

afterEach(async () => {
  client.close();
  await Promise.all(nodes.splice(0).map(node => node.close()));
  await etcd.close();
});

test('an etcd too slow for the load: a bounded queue, refusals that say when to come again, nothing lost (F16)', async () => {
  const cluster = uniqueCluster();
  nodes = await startTestNodes(2, {
    endpoints: etcd.endpoints,
    cluster,
    settings: {
      'sequence.engine.queue-max': `${QUEUE_MAX}`,
      'sequence.engine.batch-size-max': `${BATCH_MAX}`,
    },
  });
  const before = await client.drawMany(100, 8);
  expect(refusals).toEqual([]);

  const slow = etcd.onCommits({ fault: { kind: 'delayRequest', delayMs: COMMIT_DELAY_MS } });
  const load = client.start(CLIENTS);
  let queuedMax = 0;
  await until(
    'many are refused, and many served',
    async () => {
      for (const { url } of nodes)
        queuedMax = Math.max(queuedMax, await readMetric(url, 'seqd_pending_requests'));
      return refusals.length > 2 * CLIENTS && load.documents.length > CLIENTS;
    },
    { timeoutMs: 240_000 },
  );
  expect(slow.injectedCount).toBeGreaterThan(CLIENTS / BATCH_MAX / 2);
  expect(queuedMax, 'requests waiting in one node').toBeLessThanOrEqual(QUEUE_MAX);
  expect(queuedMax).toBeGreaterThan(QUEUE_MAX / 2);

  slow.remove();
  slow.release();
  await load.more(3 * CLIENTS);
  const documents = [...before, ...(await load.stop())];
  for (const { status, headers, body } of refusals) {
    expect(status, JSON.stringify(body)).toBe(CODES.get(body.code));
    expect(headers['retry-after']).toMatch(/^\d+$/);
  }
  expect(refusals.some(({ status }) => status === 429)).toBe(true);

  // It has recovered: as many clients as the queue has room for are all served at the first attempt.
  const after = await until(
    'nobody is refused',
    async () => {
      const retries = client.retries;
      const drawn = await client.drawMany(200, QUEUE_MAX / 4);
      documents.push(...drawn);
      return client.retries === retries ? drawn : undefined;
    },
    { timeoutMs: 60_000 },
  );
  expect(after).toHaveLength(200);
  for (const { url } of nodes)
    await until('no request waits', async () => (await readMetric(url, 'seqd_pending_requests')) === 0);
  await expectNothingLost(sharedEndpoints(), cluster, documents);
});
