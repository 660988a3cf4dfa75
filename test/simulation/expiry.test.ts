import { expect, test } from 'vitest';
import { issue, ownerAt, play, send } from '../kit/sim/scenario.ts';
import type { SimCluster, SimNode } from '../kit/sim/sim-cluster.ts';

const BATCH = 20;
const RESERVATIONS = 1_000;
const HOLD_MS = 5_000;

/** That many reservations, all due within a few milliseconds. */
async function reserveMany(cluster: SimCluster, node: SimNode): Promise<void> {
  const command = { kind: 'reserve', owner: ownerAt('north'), count: 1, holdMs: HOLD_MS } as const;
  const answers = await Promise.all(Array.from({ length: RESERVATIONS }, () => send(cluster, node, command)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['done']));
}

const left = ({ sequencer }: SimNode): number => [...sequencer.lastKnown!.reservations()].length;

test('reservations that end together end a batch at a time, one batch upon another, and clients are served between them', () =>
  play({ limits: { batchSizeMax: BATCH, queueMax: 2_000 } }, async cluster => {
    const [leader] = cluster.nodes as [SimNode];
    await reserveMany(cluster, leader);
    await cluster.time.sleep(HOLD_MS - cluster.time.nowMs);
    expect(left(leader)).toBe(RESERVATIONS);
    leader.store.faults = { ...leader.store.faults, commit: () => ({ kind: 'none', thereMs: 5 }) };
    let most = 0;
    let slowestMs = 0;
    while (left(leader) > 0) {
      most = Math.max(most, leader.sequencer.load);
      const { status, tookMs } = await issue(cluster, leader);
      expect(status).toBe('done');
      slowestMs = Math.max(slowestMs, tookMs);
    }
    // A batch of them, and the client's own.
    expect(most).toBeLessThanOrEqual(BATCH + 1);
    expect(slowestMs).toBeLessThan(25);
    // Had each batch waited for the next look, it would have been 12 s.
    expect(cluster.time.nowMs).toBeLessThan(HOLD_MS + 2_000);
    const ended = (await cluster.facts()).filter(({ fact }) => fact.kind === 'expire');
    expect(ended).toHaveLength(RESERVATIONS);
  }));

test('what could not be ended is tried again at the next look', () =>
  play({ limits: { batchSizeMax: BATCH, queueMax: 2_000 } }, async cluster => {
    const [leader] = cluster.nodes as [SimNode];
    await reserveMany(cluster, leader);
    let refused = 0;
    const { faults } = leader.store;
    leader.store.faults = {
      ...faults,
      commit: () => {
        refused += 1;
        return { kind: 'refuse', thereMs: 10 };
      },
    };
    await cluster.time.sleep(HOLD_MS + 1_000 - cluster.time.nowMs);
    expect(left(leader)).toBe(RESERVATIONS);
    // A second has four looks.
    expect(refused).toBeGreaterThan(2);
    expect(refused).toBeLessThan(6);
    leader.store.faults = faults;
    await cluster.time.sleep(1_000);
    expect(left(leader)).toBe(0);
  }));
