import { describe, expect, test } from 'vitest';
import type { SeqdError } from '../../src/core/errors.ts';
import { KEYS } from '../../src/core/records.ts';
import { NO_STORE_FAULTS } from '../kit/sim/faulty-store.ts';
import { replaceHead, unreadable } from '../kit/sim/replace-head.ts';
import { issue, makeLoner, ownerAt, play, send } from '../kit/sim/scenario.ts';
import type { SimCluster, SimNode } from '../kit/sim/sim-cluster.ts';

type ThreeNodes = [SimNode, SimNode, SimNode];

/** More than a node takes to find out and to give leadership up. */
const SOON_MS = 1_000;

/** As an older version would be by which a newer has committed: it starts, cannot read the series, and stops. */
async function restartStopped(cluster: SimCluster, index: number): Promise<SimNode> {
  const mend = await replaceHead(cluster, unreadable);
  await cluster.restart(index);
  await mend();
  const node = cluster.nodes[index]!;
  expect(node.sequencer.fatal?.code).toBe('invariant_violated');
  // The others hear of it.
  await cluster.time.sleep(20);
  return node;
}

/** From its next batch on it serves no more; the others do. */
async function stopByPlanning(cluster: SimCluster, node: SimNode): Promise<void> {
  Object.assign(node.deps, {
    digest: (): never => {
      throw new RangeError('a page beyond all bounds');
    },
  });
  expect(await issue(cluster, node)).toMatchObject({ status: 'invariant_violated' });
}

const leaderOf = (cluster: SimCluster): string | undefined => cluster.election.current?.nodeId;

/** A reservation is made, runs out, and somebody ends it. */
async function expectReservationsEnd(cluster: SimCluster, node: SimNode): Promise<void> {
  const command = { kind: 'reserve', owner: ownerAt('north'), count: 1, holdMs: 500 } as const;
  expect(await send(cluster, node, command)).toMatchObject({ status: 'done' });
  await cluster.time.sleep(SOON_MS);
  expect((await cluster.facts()).filter(({ fact }) => fact.kind === 'expire')).toHaveLength(1);
}

describe('a node that has stopped serving a series does not lead it', () => {
  test('it does not campaign when it starts', () =>
    play({ lookIntervalMs: 500 }, async cluster => {
      const [, next] = cluster.nodes as ThreeNodes;
      await issue(cluster, next);
      cluster.depose();
      const stopped = await restartStopped(cluster, 0);
      expect(stopped.coordination.campaigns).toBe(0);
      expect(leaderOf(cluster)).toBeUndefined();
      expect(await issue(cluster, next)).toMatchObject({ status: 'done' });
      await cluster.time.sleep(SOON_MS);
      expect(leaderOf(cluster)).toBe(next.info.id);
      await expectReservationsEnd(cluster, cluster.nodes[2]!);
      await cluster.restart(0);
    }));

  test('nor when the leader it had forwarded to is gone', () =>
    play({}, async cluster => {
      const [leader, follower] = cluster.nodes as ThreeNodes;
      await issue(cluster, leader);
      await follower.sequencer.current();
      cluster.network.faults = () => ({ kind: 'none', thereMs: 100 });
      const answer = issue(cluster, follower);
      await cluster.time.sleep(50);
      const mend = await replaceHead(cluster, unreadable);
      await expect(follower.sequencer.current()).rejects.toMatchObject({ code: 'invariant_violated' });
      await mend();
      leader.kill();
      expect((await answer).status).not.toBe('done');
      await cluster.time.sleep(SOON_MS);
      expect(follower.coordination.campaigns).toBe(0);
      await cluster.restart(0);
      await cluster.restart(1);
    }));

  test.each(['by itself', 'with its last batch'] as const)(
    'a leader that leaves does not hand leadership to it (%s)',
    how =>
      play({ lookIntervalMs: 500 }, async cluster => {
        const [leader, , third] = cluster.nodes as ThreeNodes;
        await issue(cluster, leader);
        // The first that would be chosen.
        await restartStopped(cluster, 1);
        const last = how === 'by itself' ? undefined : issue(cluster, leader);
        const to: string[] = [];
        leader.store.faults = {
          ...NO_STORE_FAULTS,
          commit: ({ transfer }) => {
            if (transfer !== undefined) to.push(transfer.value);
            return { kind: 'none' };
          },
        };
        await leader.sequencer.drain({ deadlineMs: 1_000 });
        await last;
        expect(to).toEqual(how === 'by itself' ? [] : [third.info.instance]);
        expect(leaderOf(cluster)).toBe(third.info.id);
        await cluster.restart(0);
        await cluster.time.sleep(SOON_MS);
        await expectReservationsEnd(cluster, third);
        await cluster.restart(1);
      }),
  );

  test('made leader by somebody who could not know, it hands over', () =>
    play({ lookIntervalMs: 500 }, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      await issue(cluster, leader);
      await restartStopped(cluster, 1);
      cluster.elect(1);
      await cluster.time.sleep(SOON_MS);
      expect(leaderOf(cluster)).toBe(leader.info.id);
      await cluster.restart(1);
    }));

  test('a leader that stops goes on giving leadership up until it is rid of it', () =>
    play({ lookIntervalMs: 500 }, async cluster => {
      const [leader, next] = cluster.nodes as ThreeNodes;
      await issue(cluster, leader);
      leader.coordination.frozen = true;
      await stopByPlanning(cluster, leader);
      await cluster.time.sleep(2_000);
      expect(leaderOf(cluster)).toBe(leader.info.id);
      leader.coordination.frozen = false;
      await cluster.time.sleep(SOON_MS);
      expect(leaderOf(cluster)).toBe(next.info.id);
      await cluster.restart(0);
    }));

  test('when all have stopped nobody leads, and leadership does not go round', () =>
    play({ lookIntervalMs: 500 }, async cluster => {
      await issue(cluster, cluster.nodes[0]!);
      await restartStopped(cluster, 1);
      await restartStopped(cluster, 2);
      await stopByPlanning(cluster, cluster.nodes[0]!);
      await cluster.time.sleep(SOON_MS);
      expect(leaderOf(cluster)).toBeUndefined();
      for (let i = 0; i < 20; i += 1) {
        for (const node of cluster.nodes)
          expect(await issue(cluster, node)).toMatchObject({ status: 'invariant_violated' });
        await cluster.time.sleep(500);
      }
      expect(cluster.nodes.slice(1).map(({ coordination }) => coordination.campaigns)).toEqual([0, 0]);
      expect(leaderOf(cluster)).toBeUndefined();
      // Whoever can serve it again takes it up.
      await cluster.restart(2);
      expect(leaderOf(cluster)).toBe('node-2');
      await cluster.restart(0);
      await cluster.restart(1);
    }));
});

describe('of a stopped series nothing is written', () => {
  const JOURNAL_LOOK_MS = 5_000;

  async function leaderWithLongJournal(cluster: SimCluster): Promise<SimNode> {
    const [leader] = cluster.nodes as ThreeNodes;
    for (let i = 0; i < 1_100; i += 1) await issue(cluster, leader);
    // The first look comes after this.
    expect(cluster.time.nowMs).toBeLessThan(JOURNAL_LOOK_MS);
    Object.assign(leader.deps.journal, { batchesMax: 1_000 });
    return leader;
  }

  const journalBegin = async (cluster: SimCluster): Promise<number> => (await cluster.journal())[0]!.sequence;

  test('by a leader that does not get rid of its leadership: it does not prune', () =>
    play({}, async cluster => {
      const leader = await leaderWithLongJournal(cluster);
      leader.coordination.frozen = true;
      await stopByPlanning(cluster, leader);
      await cluster.time.sleep(3 * JOURNAL_LOOK_MS);
      expect(leader.coordination.leads(leader.sequencer.series)).toBe(true);
      expect(await journalBegin(cluster)).toBe(1);
      await cluster.restart(0);
    }));

  test('nor by one that was about to when it stopped', () =>
    play({}, async cluster => {
      const leader = await leaderWithLongJournal(cluster);
      leader.coordination.frozen = true;
      leader.store.faults = {
        ...NO_STORE_FAULTS,
        read: key => ({ kind: 'none', backMs: key === KEYS.journalStart ? 1_000 : 0 }),
      };
      await cluster.time.sleep(JOURNAL_LOOK_MS + 500 - cluster.time.nowMs);
      await stopByPlanning(cluster, leader);
      await cluster.time.sleep(SOON_MS);
      expect(await journalBegin(cluster)).toBe(1);
      await cluster.restart(0);
    }));

  test('while one that serves prunes', () =>
    play({}, async cluster => {
      await leaderWithLongJournal(cluster);
      await cluster.time.sleep(JOURNAL_LOOK_MS + SOON_MS);
      expect(await journalBegin(cluster)).toBe(101);
    }));
});

test('a recovery that ends after the lane has stopped does not start it again', () =>
  play({ callTimeoutMs: 5_000 }, async cluster => {
    const [leader, other] = cluster.nodes as ThreeNodes;
    await issue(cluster, leader);
    makeLoner(other);
    await other.sequencer.current();
    await issue(cluster, leader);
    other.store.faults = {
      ...NO_STORE_FAULTS,
      read: key => ({ kind: 'none', backMs: key.startsWith(KEYS.journal) ? 100 : 0 }),
    };
    // Its commit conflicts, so it reads the journal; meanwhile a question finds a head that nobody can read.
    const answer = issue(cluster, other);
    await cluster.time.sleep(50);
    const mend = await replaceHead(cluster, unreadable);
    await expect(other.sequencer.current()).rejects.toMatchObject({ code: 'invariant_violated' });
    await mend();
    expect((await answer).status).toBe('invariant_violated');
    await cluster.time.sleep(SOON_MS);
    const asked = await other.sequencer.current().then(
      () => 'answered',
      ({ code }: SeqdError) => code,
    );
    expect(asked).toBe('invariant_violated');
    await cluster.restart(1);
  }));
