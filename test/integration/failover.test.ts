import { afterEach, beforeEach, expect, test } from 'vitest';
import { httpGet } from '../../scripts/lib/http-get.mjs';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { NodeFleet, type NodeProcess } from '../kit/node-process.ts';
import { expectNothingLost } from '../kit/nothing-lost.ts';
import { RuleClient } from '../kit/rule-client.ts';
import { until } from '../kit/until.ts';

const CLIENTS = 32;
const LEASE_TTL_MS = 3_000;

let cluster: string;
let fleet: NodeFleet;
let client: RuleClient;

beforeEach(async () => {
  cluster = uniqueCluster();
  fleet = await NodeFleet.start(3, { endpoints: sharedEndpoints(), cluster });
  // A paused node keeps every client that asks it waiting, so these give up early.
  client = new RuleClient({ urls: () => fleet.urls, attemptTimeoutMs: 1_000 });
});

afterEach(async () => {
  client.close();
  await fleet.close();
  const left = fleet.nodes.filter(node => node.alive);
  expect(left, 'processes left behind').toEqual([]);
});

/** What a node itself says about who leads. */
async function leaderAsSeenBy(node: NodeProcess): Promise<{ leader: string | null; epoch: number | null }> {
  const answer = await httpGet(`${node.url}/health`, 2_000);
  const { leader = null, epoch = null } = JSON.parse(answer?.body ?? '{}').cluster ?? {};
  return { leader, epoch };
}

const nothingLost = async (documents: Parameters<typeof expectNothingLost>[2]): Promise<void> =>
  expectNothingLost(sharedEndpoints(), cluster, documents);

test('the leader killed under load costs no document, no number and no order', async () => {
  const load = client.start(CLIENTS);
  for (let round = 0; round < 2; round += 1) {
    await load.more(500);
    const survivor = fleet.nodes[2]!;
    const leader = await fleet.leader(survivor);
    if (leader === survivor) break;
    await leader.kill();
    await load.more(500);
    const next = await until('another node leads', async () => {
      const seen = await leaderAsSeenBy(survivor);
      return seen.leader !== null && seen.leader !== leader.id ? seen.leader : undefined;
    });
    expect(next).not.toBe(leader.id);
  }
  const documents = await load.stop();
  expect(load.retries).toBeGreaterThan(0);
  await nothingLost(documents);
});

test('a leader paused past twice its lease, with writes queued, harms nothing when it goes on (F9)', async () => {
  const load = client.start(CLIENTS);
  await load.more(500);
  const leader = await fleet.leader(fleet.nodes[2]);
  const other = fleet.nodes.find(node => node !== leader)!;
  const before = await leaderAsSeenBy(other);
  leader.pause();
  const pausedAtMs = performance.now();
  await load.more(100);
  await until('the others have a leader of their own', async () => {
    const seen = await leaderAsSeenBy(other);
    return seen.leader !== null && seen.leader !== leader.id;
  });
  await until('twice the lease is over', () => performance.now() - pausedAtMs > 2 * LEASE_TTL_MS);
  leader.resume();
  await load.more(500);
  await until('the old leader follows', async () => {
    const own = await leaderAsSeenBy(leader);
    const seen = await leaderAsSeenBy(other);
    return own.leader !== null && own.leader === seen.leader && own.epoch === seen.epoch;
  });
  expect((await leaderAsSeenBy(other)).epoch).toBeGreaterThan(before.epoch!);
  await leader.ready();
  await load.more(300);
  await nothingLost(await load.stop());
});

test('a leader paused for less than its lease, again and again, harms nothing', async () => {
  const load = client.start(CLIENTS);
  for (let round = 0; round < 3; round += 1) {
    await load.more(200);
    const leader = await fleet.leader(fleet.nodes[round % 3]);
    leader.pause();
    await load.more(60);
    leader.resume();
  }
  await load.more(200);
  await nothingLost(await load.stop());
});

test('a follower killed under load costs no document, and comes back under its name', async () => {
  const load = client.start(CLIENTS);
  await load.more(300);
  const leader = await fleet.leader();
  const follower = fleet.nodes.find(node => node !== leader)!;
  await follower.kill();
  await load.more(300);
  await follower.start();
  await follower.ready();
  await load.more(300);
  expect((await leaderAsSeenBy(follower)).leader).toBe(leader.id);
  await nothingLost(await load.stop());
});

test('a leader stopped under load refuses or finishes what it has, and exits with 0', async () => {
  const load = client.start(CLIENTS);
  await load.more(500);
  const leader = await fleet.leader(fleet.nodes[2]);
  await leader.stop({ graceMs: 15_000 });
  expect(leader.exits).toMatchObject([{ code: 0, signal: null }]);
  await load.more(500);
  await nothingLost(await load.stop());
});

test('a stopped leader gives leadership up at once: nobody waits for its lease', async () => {
  await client.drawMany(20, 4);
  const leader = await fleet.leader(fleet.nodes[2]);
  const other = fleet.nodes.find(node => node !== leader)!;
  const before = await leaderAsSeenBy(other);
  await leader.stop();
  // Its key is gone with its lease, so the first look of another node finds none, or a new leader.
  const seen = await until('the others know', async () => {
    const now = await leaderAsSeenBy(other);
    return now.leader === leader.id ? undefined : now;
  });
  await client.drawMany(20, 4);
  const after = await until('somebody leads', async () => {
    const now = await leaderAsSeenBy(other);
    return now.leader === null ? undefined : now;
  });
  expect(seen.leader).not.toBe(leader.id);
  expect(after.epoch).toBeGreaterThan(before.epoch!);
});

test('all nodes restarted one after the other under load cost no document', async () => {
  const load = client.start(CLIENTS);
  for (const node of fleet.nodes) {
    await load.more(200);
    await node.stop({ graceMs: 15_000 });
    await node.start();
    await node.ready();
  }
  await load.more(200);
  expect(fleet.nodes.map(node => node.exits)).toMatchObject([[{ code: 0 }], [{ code: 0 }], [{ code: 0 }]]);
  await nothingLost(await load.stop());
});

test('all nodes killed at once and started again go on where they were', async () => {
  const load = client.start(CLIENTS);
  await load.more(300);
  await Promise.all(fleet.nodes.map(node => node.kill()));
  for (const node of fleet.nodes) await node.start();
  await load.more(300);
  await nothingLost(await load.stop());
});
