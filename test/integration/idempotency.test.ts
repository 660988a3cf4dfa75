import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { findFreePorts } from '../../scripts/lib/ports.mjs';
import type { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient } from '../kit/http-client.ts';
import { createTestNode, startTestNodes, verifyCluster } from '../kit/nodes.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { TcpGate } from '../kit/tcp-gate.ts';
import { until } from '../kit/until.ts';

const http = new HttpClient();
let cluster: string;
let nodes: SeqdNode[];

beforeEach(async () => {
  cluster = uniqueCluster();
  nodes = await startTestNodes(3, { endpoints: sharedEndpoints(), cluster });
});

afterEach(async () => {
  await Promise.all(nodes.map(node => node.close()));
});

afterAll(() => http.close());

const apiOf = (node: SeqdNode): SequenceApi => new SequenceApi(node.url, http);

/** A key no other request has, as a header. */
const newKey = (): Record<string, string> => ({ 'idempotency-key': randomUUID() });

/** Stops a node and starts it anew, as a process that comes back would: another instance, the same name. */
async function restart(index: number): Promise<SequenceApi> {
  await nodes[index]!.close();
  const node = createTestNode({ endpoints: sharedEndpoints(), cluster, index });
  nodes[index] = node;
  await node.start();
  return apiOf(node);
}

async function expectIssued(count: number): Promise<void> {
  const report = await verifyCluster(sharedEndpoints(), cluster);
  expect(report).toMatchObject({ complete: true, issued: count, next: count + 1, duplicates: [] });
}

test('one key sent by 50 callers at once to three nodes gives one allocation (F4)', async () => {
  for (let round = 1; round <= 5; round += 1) {
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => apiOf(nodes[i % 3]!).next({ count: 2 }, key)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const told = answers.map(({ body: { sequenceNumber, numbers, allocationId, revision, issuedAt } }) =>
      JSON.stringify({ sequenceNumber, numbers, allocationId, revision, issuedAt }),
    );
    expect(new Set(told).size).toBe(1);
    const replays = answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true');
    expect(replays).toHaveLength(49);
    await expectIssued(2 * round);
  }
});

test('one key sent by 50 callers at once with two payloads gives one of them its numbers, the other 422', async () => {
  const key = newKey();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => apiOf(nodes[i % 3]!).next({ count: 1 + (i % 2) }, key)),
  );
  const done = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 422);
  expect([done.length, refused.length]).toEqual([25, 25]);
  expect(new Set(done.map(({ body }) => body.allocationId)).size).toBe(1);
  for (const { body } of refused) expect(body.code).toBe('idempotency_key_reused');
  await expectIssued(done[0]!.body.count);
});

test('a retry on every other node gets the same numbers, told by the node that answers', async () => {
  const key = newKey();
  const { body: first } = await apiOf(nodes[0]!).next({ count: 3 }, key);
  for (const node of nodes) {
    const { headers, body } = await apiOf(node).next({ count: 3 }, key);
    expect(headers['idempotent-replayed']).toBe('true');
    expect(body).toEqual({ ...first, node: node.id });
  }
  await expectIssued(3);
});

test('a retry after the leader was restarted gets the same numbers', async () => {
  const key = newKey();
  const { body: first } = await apiOf(nodes[1]!).next({}, key);
  const again = await (await restart(0)).next({}, key);
  expect(again.headers['idempotent-replayed']).toBe('true');
  expect(again.body.allocationId).toBe(first.allocationId);
  await expectIssued(1);
});

test('a retry after every node was restarted gets the same numbers', async () => {
  const key = newKey();
  const { body: first } = await apiOf(nodes[2]!).next({ reference: 'R' }, key);
  for (const index of [0, 1, 2]) await restart(index);
  for (const node of nodes) {
    const { headers, body } = await apiOf(node).next({ reference: 'R' }, key);
    expect(headers['idempotent-replayed']).toBe('true');
    const { sequenceNumber, allocationId, revision, issuedAt } = first;
    expect(body).toMatchObject({ sequenceNumber, allocationId, revision, issuedAt });
  }
  await expectIssued(1);
});

test('another payload is refused on every node, after a restart too (F3)', async () => {
  const key = newKey();
  await apiOf(nodes[0]!).next({}, key);
  await restart(1);
  for (const node of nodes) {
    const { status, body } = await apiOf(node).next({ count: 2 }, key);
    expect([status, body.code]).toEqual([422, 'idempotency_key_reused']);
  }
  await expectIssued(1);
});

test('a release repeated on every node gives the number back once', async () => {
  const key = newKey();
  await apiOf(nodes[0]!).next();
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => apiOf(nodes[i % 3]!).release(1, {}, key)),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(new Set(answers.map(({ body }) => body.revision)).size).toBe(1);
  expect(await apiOf(nodes[1]!).series()).toMatchObject({ issued: 0, pooled: 1, next: 2 });
});

test('keys past the window’s count are forgotten oldest first, and stats say how many there are', async () => {
  const key = newKey();
  const small = uniqueCluster();
  const settings = { 'sequence.idempotency.window-max': '3' };
  const [node] = await startTestNodes(1, { endpoints: sharedEndpoints(), cluster: small, settings });
  nodes.push(node!);
  const api = apiOf(node!);
  const kept = newKey();
  await api.next({}, key);
  for (let i = 0; i < 2; i += 1) await api.next({}, newKey());
  expect((await api.next({}, key)).body.sequenceNumber).toBe(1);
  await api.next({}, kept);
  expect((await api.next({}, kept)).body.sequenceNumber).toBe(4);
  expect((await api.next({}, key)).body.sequenceNumber).toBe(5);
  expect((await api.get('/api/v1/sequence/stats')).body.idempotency).toMatchObject({ keys: 3, keysMax: 3 });
});

/** A leader that its follower reaches only through a gate, in a cluster of their own. */
async function startGated(): Promise<{
  gate: TcpGate;
  leader: SequenceApi;
  follower: SequenceApi;
  own: string;
}> {
  const [port] = await findFreePorts(1);
  const gate = await TcpGate.start(port!);
  const own = uniqueCluster();
  const settings = { 'server.port': String(port), 'server.advertise-url': gate.url };
  const [leader, follower] = [settings, {}].map((settings, index) =>
    createTestNode({ endpoints: sharedEndpoints(), cluster: own, index, settings }),
  ) as [SeqdNode, SeqdNode];
  nodes.push(leader, follower);
  await leader.start();
  await follower.start();
  return { gate, leader: new SequenceApi(`http://127.0.0.1:${port}`, http), follower: apiOf(follower), own };
}

test('a node that commits by itself never refuses on the strength of the past', async () => {
  const { gate, leader, follower } = await startGated();
  try {
    await follower.next();
    gate.loseAnswers();
    // From here on, for a second, it leaves the leader alone and plans on what it knows itself.
    expect((await follower.next()).status).toBe(200);
    for (let round = 0; round < 5; round += 1) {
      const { body } = await leader.next();
      const { sequenceNumber, allocationId } = body;
      const released = await follower.release(sequenceNumber, { allocationId });
      expect(released.body).toMatchObject({ sequenceNumber, releasedTo: 'pool' });
    }
  } finally {
    await gate.close();
  }
});

test('a forward whose answer was lost is carried out once, for clients without a key too', async () => {
  const { gate, follower: api, own } = await startGated();
  const numbers: number[] = [];
  const drawMany = async (): Promise<void> => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.next()));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    numbers.push(...answers.map(({ body }) => body.sequenceNumber));
  };
  const forwarded = async (): Promise<number> => {
    const { body } = await api.get('/metrics');
    return Number(/^seqd_forwarded_requests_total\{[^}]*\} (\d+)$/m.exec(String(body))?.[1] ?? 0);
  };
  try {
    await drawMany();
    for (let round = 1; round <= 3; round += 1) {
      // After a lost answer the follower commits by itself for a while; wait until it forwards again.
      const before = await forwarded();
      await until('requests are forwarded', async () => {
        await drawMany();
        return (await forwarded()) > before;
      });
      const lost = gate.lost;
      gate.loseAnswers();
      await drawMany();
      gate.passAnswers();
      expect(gate.lost).toBeGreaterThan(lost);
    }
    const count = numbers.length;
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    expect(await verifyCluster(sharedEndpoints(), own)).toMatchObject({ complete: true, issued: count });
  } finally {
    await gate.close();
  }
});
