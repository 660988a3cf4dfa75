import { describe, expect, test } from 'vitest';
import { CLOCK_TOLERANCE_MS, STAMP_INTERVAL_MS } from '../../src/cluster/cluster-time.ts';
import type { Position } from '../../src/core/identifiers.ts';
import { issue, makeLoner, ownerAt, play, send } from '../kit/sim/scenario.ts';
import { BATCH_AHEAD_MS_MAX, SIM_EPOCH_MS, type SimCluster, type SimNode } from '../kit/sim/sim-cluster.ts';

type ThreeNodes = [SimNode, SimNode, SimNode];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** More than the retry window is long. */
const FAR_MS = DAY_MS + HOUR_MS;
const LOOK_MS = 500;
/** How often the leader looks for reservations that have run out. */
const EXPIRE_MS = 250;
/** Most that a node far off stamps besides the time of the others once it has watched them. */
const SLACK_MS = CLOCK_TOLERANCE_MS + LOOK_MS;

/** How far the newest batch is ahead of the true time now, milliseconds. */
async function journalAheadMs(cluster: SimCluster): Promise<number> {
  const facts = await cluster.facts();
  return facts.at(-1)!.time - SIM_EPOCH_MS - cluster.time.nowMs;
}

async function reserve(cluster: SimCluster, node: SimNode, holdMs: number): Promise<Position> {
  const owner = ownerAt('north');
  const { status, position } = await send(cluster, node, { kind: 'reserve', owner, count: 1, holdMs });
  expect(status).toBe('done');
  return position!;
}

function confirm(cluster: SimCluster, node: SimNode, reservation: Position): ReturnType<typeof send> {
  return send(cluster, node, { kind: 'confirm', reservation, site: 'north', partition: 'a' });
}

describe.each([FAR_MS, -FAR_MS])('a node whose clock is %d ms ahead', farMs => {
  test('commits on its own: keys given before are replayed, and times are near those of the others', () =>
    play({ skewsMs: [0, farMs, 0] }, async cluster => {
      const [leader, other] = cluster.nodes as ThreeNodes;
      expect(await issue(cluster, leader, { key: 'k' })).toMatchObject({ numbers: [1] });
      makeLoner(other);
      await issue(cluster, other, { key: 'l' });
      expect(Math.abs(await journalAheadMs(cluster))).toBeLessThan(BATCH_AHEAD_MS_MAX);
      await issue(cluster, leader);
      for (const node of cluster.nodes) {
        expect(await issue(cluster, node, { key: 'k' })).toMatchObject({ numbers: [1], replayed: true });
        expect(await issue(cluster, node, { key: 'l' })).toMatchObject({ numbers: [2], replayed: true });
      }
    }));

  test('becomes leader, and another after it: keys are replayed, and times are near those of the others', () =>
    play({ skewsMs: [0, farMs, 0], lookIntervalMs: LOOK_MS }, async cluster => {
      const [first, far] = cluster.nodes as ThreeNodes;
      await cluster.time.sleep(10_000);
      expect(await issue(cluster, first, { key: 'k1' })).toMatchObject({ numbers: [1] });
      cluster.elect(1);
      expect(await issue(cluster, far, { key: 'k2' })).toMatchObject({ numbers: [2] });
      expect(Math.abs(await journalAheadMs(cluster))).toBeLessThanOrEqual(SLACK_MS);
      cluster.elect(0);
      expect(await issue(cluster, far, { key: 'k3' })).toMatchObject({ numbers: [3] });
      expect(Math.abs(await journalAheadMs(cluster))).toBeLessThanOrEqual(SLACK_MS);
      await cluster.time.sleep(60_000);
      expect(await issue(cluster, far)).toMatchObject({ numbers: [4] });
      expect(Math.abs(await journalAheadMs(cluster))).toBeLessThanOrEqual(SLACK_MS);
      for (const [i, key] of ['k1', 'k2', 'k3'].entries())
        expect(await issue(cluster, far, { key })).toMatchObject({ numbers: [i + 1], replayed: true });
    }));

  test('makes nothing of its own of the first batch of a series either', () =>
    play({ skewsMs: [farMs, 0, 0] }, async cluster => {
      const [far, other] = cluster.nodes as ThreeNodes;
      expect(await issue(cluster, far, { key: 'k' })).toMatchObject({ numbers: [1] });
      expect(Math.abs(await journalAheadMs(cluster))).toBeLessThan(BATCH_AHEAD_MS_MAX);
      cluster.elect(1);
      await issue(cluster, other);
      expect(await issue(cluster, other, { key: 'k' })).toMatchObject({ numbers: [1], replayed: true });
    }));

  test('becomes leader: reservations made before and after end in their time, once', () =>
    play({ skewsMs: [0, farMs, 0], lookIntervalMs: LOOK_MS }, async cluster => {
      const [first, far] = cluster.nodes as ThreeNodes;
      await cluster.time.sleep(10_000);
      const held = await reserve(cluster, first, 60_000);
      const kept = await reserve(cluster, first, 60_000);
      cluster.elect(1);
      const later = await reserve(cluster, far, 60_000);
      await expectEnds(cluster, [held, later], 60_000, kept);
    }));
});

describe.each([HOUR_MS, -HOUR_MS])('F17: when the leader’s clock jumps %d ms', jumpMs => {
  test('reservations end in their time, once, and again when it jumps back', () =>
    play({ lookIntervalMs: LOOK_MS }, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      await cluster.time.sleep(10_000);
      const held = await reserve(cluster, leader, 60_000);
      const kept = await reserve(cluster, leader, 60_000);
      leader.skewMs = jumpMs;
      const later = await reserve(cluster, leader, 60_000);
      await cluster.time.sleep(20_000);
      leader.skewMs = 0;
      await expectEnds(cluster, [held, later], 40_000, kept);
    }));

  test('between two looks and after, no key is forgotten early', () =>
    play({ window: { keyAgeMsMax: 60_000 }, lookIntervalMs: LOOK_MS }, async cluster => {
      const [leader, other] = cluster.nodes as ThreeNodes;
      await cluster.time.sleep(10_000);
      await issue(cluster, leader, { key: 'k' });
      leader.skewMs = jumpMs;
      for (let waited = 0; waited < 50_000; waited += 10_000) {
        await issue(cluster, other);
        expect(await issue(cluster, leader, { key: 'k' })).toMatchObject({ numbers: [1], replayed: true });
        await cluster.time.sleep(10_000);
      }
      cluster.elect(1);
      await issue(cluster, other);
      expect(await issue(cluster, other, { key: 'k' })).toMatchObject({ numbers: [1], replayed: true });
    }));
});

/** Every process ends, and for an hour nothing happens. What they were registered with still stands. */
async function cutPower(cluster: SimCluster): Promise<void> {
  for (const node of cluster.nodes) {
    node.coordination.frozen = true;
    node.kill();
  }
  cluster.depose();
  await cluster.time.sleep(HOUR_MS);
}

/** Starts a process as a node does: it serves when it knows the time. Returns how long that took. */
async function startAgain(cluster: SimCluster, index: number): Promise<number> {
  const sinceMs = cluster.time.nowMs;
  await cluster.restart(index);
  const serving: number[] = [];
  void cluster.nodes[index]!.coordination.start().then(() => serving.push(index));
  while (serving.length === 0 && cluster.time.nowMs < sinceMs + 60_000) await cluster.time.sleep(10);
  return cluster.time.nowMs - sinceMs;
}

describe('after a power cut', () => {
  test('the first process that starts does not take the stamps of dead ones for the time', () =>
    play({ lookIntervalMs: LOOK_MS }, async cluster => {
      await issue(cluster, cluster.nodes[0]!);
      await cutPower(cluster);
      expect(await startAgain(cluster, 0)).toBeLessThan(2 * STAMP_INTERVAL_MS + 2 * LOOK_MS);
      const held = await reserve(cluster, cluster.nodes[0]!, 60_000);
      const kept = await reserve(cluster, cluster.nodes[0]!, 60_000);
      expect(Math.abs(await journalAheadMs(cluster))).toBeLessThanOrEqual(LOOK_MS);
      await Promise.all([startAgain(cluster, 1), startAgain(cluster, 2)]);
      await expectEnds(cluster, [held], 60_000, kept);
    }));

  test('processes that start at once wait for no lease of the dead', () =>
    play({ lookIntervalMs: LOOK_MS }, async cluster => {
      await issue(cluster, cluster.nodes[0]!);
      await cutPower(cluster);
      const tookMs = await Promise.all([0, 1, 2].map(index => startAgain(cluster, index)));
      expect(Math.max(...tookMs)).toBeLessThan(STAMP_INTERVAL_MS);
      await issue(cluster, cluster.nodes[1]!);
      expect(Math.abs(await journalAheadMs(cluster))).toBeLessThanOrEqual(LOOK_MS);
    }));

  test('a node a day ahead that starts among others waits until it knows them, and stamps their time', () =>
    play({ skewsMs: [0, DAY_MS, 0], lookIntervalMs: LOOK_MS }, async cluster => {
      const [first] = cluster.nodes as ThreeNodes;
      expect(await issue(cluster, first, { key: 'k' })).toMatchObject({ numbers: [1] });
      expect(await startAgain(cluster, 1)).toBeLessThan(STAMP_INTERVAL_MS + 3 * LOOK_MS);
      cluster.elect(1);
      await issue(cluster, cluster.nodes[1]!);
      expect(Math.abs(await journalAheadMs(cluster))).toBeLessThanOrEqual(SLACK_MS);
    }));
});

test.each([0, DAY_MS, -DAY_MS])(
  'over an hour without quorum a node %d ms ahead keeps what it knows of the clocks of the others',
  farMs =>
    play({ skewsMs: [0, farMs, 0], lookIntervalMs: LOOK_MS }, async cluster => {
      const [first, far, third] = cluster.nodes as ThreeNodes;
      await cluster.time.sleep(10_000);
      // Its last look is before the last stamps of the others, so that it finds new ones that are an hour old.
      far.coordination.frozen = true;
      await cluster.time.sleep(STAMP_INTERVAL_MS + LOOK_MS);
      for (const node of [first, third]) node.coordination.frozen = true;
      await cluster.time.sleep(HOUR_MS);
      far.coordination.frozen = false;
      cluster.elect(1);
      await issue(cluster, far);
      expect(Math.abs(await journalAheadMs(cluster))).toBeLessThanOrEqual(farMs === 0 ? LOOK_MS : SLACK_MS);
    }),
);

/**
 * One of several reservations is confirmed shortly before `leftMs` are over, and each of the others has then
 * expired shortly after; none twice.
 */
async function expectEnds(
  cluster: SimCluster,
  expiring: readonly Position[],
  leftMs: number,
  confirmed: Position,
): Promise<void> {
  const ends = async (): Promise<unknown[]> =>
    (await cluster.facts()).flatMap(({ fact }) =>
      fact.kind === 'expire' ? [{ kind: fact.kind, reservation: fact.reservation }] : [],
    );
  await cluster.time.sleep(leftMs - 2 * SLACK_MS);
  expect(await ends()).toEqual([]);
  expect(await confirm(cluster, cluster.nodes[2]!, confirmed)).toMatchObject({ status: 'done' });
  await cluster.time.sleep(4 * SLACK_MS + 2 * EXPIRE_MS);
  expect(await ends()).toEqual(expiring.map(reservation => ({ kind: 'expire', reservation })));
}
