import { describe, expect, test } from 'vitest';
import { GLOBAL_SERIES, type Position } from '../../src/core/identifiers.ts';
import { issue, makeLoner, ownerAt, play, send, type Answered } from '../kit/sim/scenario.ts';
import type { SimCluster, SimNode } from '../kit/sim/sim-cluster.ts';

/** Prunes the journal as its leader would, up to and including batch `last`. */
async function prune(cluster: SimCluster, leader: SimNode, last: number): Promise<void> {
  const leadership = leader.coordination.leader(GLOBAL_SERIES)!.guard;
  expect(await cluster.store.prune({ series: GLOBAL_SERIES, first: 1, last, leadership, ledger: null })).toBe(
    true,
  );
}

describe('a commit whose fate is asked after too late', () => {
  test('is unknown for good when the entry that would tell is pruned, and is not made a second time', () =>
    play({ callTimeoutMs: 300 }, async cluster => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      makeLoner(other);
      await other.sequencer.current();
      const faults = other.store.faults;
      other.store.faults = {
        ...faults,
        commit: (_, attempt) => ({ kind: attempt === 1 ? 'drop-reply' : 'none' }),
      };
      const lost = issue(cluster, other, { reference: 'lost' });
      await cluster.time.sleep(50);
      await issue(cluster, leader);
      await issue(cluster, leader);
      await prune(cluster, leader, 1);
      expect(await lost).toMatchObject({ status: 'outcome_unknown' });
      expect(leader.sequencer.lastKnown!.head.issued).toBe(3);
      expect(await issue(cluster, other)).toMatchObject({ status: 'done', numbers: [4] });
    }));

  test('those behind it in the pipeline are unknown with it', () =>
    play({ callTimeoutMs: 300, limits: { batchSizeMax: 1 } }, async cluster => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      makeLoner(other);
      await other.sequencer.current();
      const faults = other.store.faults;
      other.store.faults = {
        ...faults,
        commit: (_, attempt) => ({ kind: attempt <= 2 ? 'drop-reply' : 'none' }),
      };
      const lost = [issue(cluster, other), issue(cluster, other)];
      await cluster.time.sleep(50);
      await issue(cluster, leader);
      await prune(cluster, leader, 2);
      const statuses = (await Promise.all(lost)).map(({ status }) => status);
      expect(statuses).toEqual(['outcome_unknown', 'outcome_unknown']);
      expect(leader.sequencer.lastKnown!.head.issued).toBe(3);
    }));
});

describe('release of a number whose journal entry is pruned', () => {
  const giveBack = (
    cluster: SimCluster,
    node: SimNode,
    { allocation, ...claim }: { site?: string; type?: string; allocation?: Position | undefined },
  ): Promise<Answered> =>
    send(cluster, node, {
      kind: 'release',
      number: 1,
      site: 'north',
      partition: 'a',
      reason: 'test',
      ...claim,
      ...(allocation === undefined ? {} : { allocation }),
    });
  const { type } = ownerAt('north');

  test('needs its allocationId and type, and then gives the number back', () =>
    play({}, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      const { position: allocation } = await issue(cluster, leader);
      await issue(cluster, leader);
      await prune(cluster, leader, 1);
      const needed = { status: 'allocation_id_required' };
      expect(await giveBack(cluster, leader, {})).toMatchObject(needed);
      expect(await giveBack(cluster, leader, { allocation })).toMatchObject(needed);
      expect(await giveBack(cluster, leader, { allocation, type })).toMatchObject({
        status: 'done',
        numbers: [1],
      });
      expect(await giveBack(cluster, leader, { allocation, type })).toMatchObject({
        status: 'already_released',
      });
      expect(await issue(cluster, leader)).toMatchObject({ numbers: [1] });
    }));

  test('is refused when the journal or the tallies contradict the claim', () =>
    play({}, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      const { position: allocation } = await issue(cluster, leader);
      const { position: kept } = await issue(cluster, leader);
      await prune(cluster, leader, 1);
      const refusals = await Promise.all([
        giveBack(cluster, leader, { allocation: kept, type }),
        giveBack(cluster, leader, { allocation, type: 'another' }),
        giveBack(cluster, leader, { allocation, type, site: 'south' }),
        giveBack(cluster, leader, { allocation: { sequence: 999, index: 7 }, type }),
      ]);
      const statuses = refusals.map(({ status }) => status);
      expect(statuses).toEqual(['stale_allocation', 'not_owner', 'not_owner', 'stale_allocation']);
      expect(leader.sequencer.lastKnown!.head).toMatchObject({ issued: 2, pooled: 0 });
    }));
});
