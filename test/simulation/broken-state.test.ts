import { describe, expect, test } from 'vitest';
import { GLOBAL_SERIES, type SeriesId } from '../../src/core/identifiers.ts';
import { SeriesSequencer } from '../../src/sequencer/series-sequencer.ts';
import { digest } from '../kit/series-world.ts';
import { replaceHead } from '../kit/sim/replace-head.ts';
import { issue, makeLoner, ownerAt, play } from '../kit/sim/scenario.ts';
import type { SimCluster, SimNode } from '../kit/sim/sim-cluster.ts';

type ThreeNodes = [SimNode, SimNode, SimNode];

const OTHER_SERIES: SeriesId = { ...GLOBAL_SERIES, series: 'other' };

/** The node refuses every request for the series, with the reason, and at once. */
async function expectStopped(cluster: SimCluster, node: SimNode): Promise<void> {
  expect(node.sequencer.fatal?.code).toBe('invariant_violated');
  for (let i = 0; i < 3; i += 1)
    expect(await issue(cluster, node)).toMatchObject({ status: 'invariant_violated', tookMs: 0 });
  expect(node.sequencer.load).toBe(0);
  expect(node.errors).toContain('series stopped');
}

/** The same process serves another series. */
async function expectServesAnother(node: SimNode): Promise<void> {
  const other = new SeriesSequencer(OTHER_SERIES, node.deps);
  const command = { kind: 'issue', owner: ownerAt('north'), count: 2 } as const;
  const { record } = await other.submit({ command, origin: {} });
  expect(record.fact).toMatchObject({ fresh: { first: 1, last: 2 } });
  other.close();
}

describe('a series that contradicts itself stops, and nothing else does', () => {
  test('counts that do not add up, found by a node that loads the series', () =>
    play({}, async cluster => {
      const [leader, , third] = cluster.nodes as ThreeNodes;
      expect(await issue(cluster, leader)).toMatchObject({ numbers: [1] });
      const mend = await replaceHead(cluster, head => head.replace('"issued":1', '"issued":2'));
      await cluster.restart(1);
      const fresh = cluster.nodes[1]!;
      makeLoner(fresh);
      expect(await issue(cluster, fresh)).toMatchObject({ status: 'invariant_violated' });
      await expectStopped(cluster, fresh);
      await mend();
      // It stays stopped: somebody must look at it.
      await cluster.time.sleep(5_000);
      await expectStopped(cluster, fresh);
      await expectServesAnother(fresh);
      expect(await issue(cluster, leader)).toMatchObject({ numbers: [2] });
      expect(await issue(cluster, third)).toMatchObject({ numbers: [3] });
      await cluster.restart(1);
    }));

  test('a head that is not JSON, found by a node that loads the series', () =>
    play({}, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      expect(await issue(cluster, leader)).toMatchObject({ numbers: [1] });
      const mend = await replaceHead(cluster, head => head.slice(0, -1));
      await cluster.restart(1);
      const fresh = cluster.nodes[1]!;
      makeLoner(fresh);
      expect(await issue(cluster, fresh)).toMatchObject({ status: 'invariant_violated' });
      await expectStopped(cluster, fresh);
      await mend();
      expect(await issue(cluster, leader)).toMatchObject({ numbers: [2] });
      await cluster.restart(1);
    }));

  test('a contradiction found while planning: nothing is sent, and all who wait are told', () =>
    play({ limits: { batchSizeMax: 2 } }, async cluster => {
      const [leader, other, third] = cluster.nodes as ThreeNodes;
      expect(await issue(cluster, leader)).toMatchObject({ numbers: [1] });
      const broken = (): never => {
        throw new RangeError('a page beyond all bounds');
      };
      Object.assign(leader.deps, { digest: broken });
      const waiting = await Promise.all(Array.from({ length: 5 }, () => issue(cluster, leader)));
      for (const { status } of waiting) expect(status).toBe('invariant_violated');
      await expectStopped(cluster, leader);
      expect(await cluster.facts()).toHaveLength(1);
      Object.assign(leader.deps, { digest });
      await expectServesAnother(leader);
      cluster.elect(1);
      expect(await issue(cluster, other)).toMatchObject({ numbers: [2] });
      expect(await issue(cluster, third)).toMatchObject({ numbers: [3] });
      await cluster.restart(0);
    }));

  test('what another node has forwarded is not refused with it: that node commits it itself', () =>
    play({}, async cluster => {
      const [leader, other] = cluster.nodes as ThreeNodes;
      expect(await issue(cluster, leader)).toMatchObject({ numbers: [1] });
      const broken = (): never => {
        throw new RangeError('a page beyond all bounds');
      };
      Object.assign(leader.deps, { digest: broken });
      expect(await issue(cluster, other)).toMatchObject({ status: 'done', numbers: [2] });
      await expectStopped(cluster, leader);
      Object.assign(leader.deps, { digest });
      await cluster.restart(0);
    }));
});
