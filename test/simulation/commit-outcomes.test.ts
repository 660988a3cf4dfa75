import { describe, expect, test } from 'vitest';
import type { CommitFault } from '../kit/sim/faulty-store.ts';
import { effectsOf, issue, makeLoner, play, release } from '../kit/sim/scenario.ts';
import type { SimNode } from '../kit/sim/sim-cluster.ts';

/** The fate of a node's next commits, one after another; then nothing goes wrong any more. */
function nextCommits(node: SimNode, ...faults: CommitFault[]): void {
  const rest = [...faults];
  node.store.faults = { ...node.store.faults, commit: () => rest.shift() ?? { kind: 'none' } };
}

describe('F1: the reply is lost after the commit', () => {
  test('within its budget the request gets its number, once', () =>
    play({ callTimeoutMs: 100 }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      nextCommits(leader, { kind: 'drop-reply' });
      expect(await issue(cluster, leader, { reference: 'r' })).toMatchObject({
        status: 'done',
        numbers: [1],
      });
      expect(await effectsOf(cluster, 'r')).toHaveLength(1);
      expect(await issue(cluster, leader)).toMatchObject({ numbers: [2] });
    }));

  test('past its budget the retry gets the same number, on another node too', () =>
    play({ callTimeoutMs: 900, limits: { requestTimeoutMs: 300 } }, async cluster => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      nextCommits(leader, { kind: 'drop-reply' });
      expect(await issue(cluster, leader, { key: 'k' })).toMatchObject({ status: 'outcome_unknown' });
      makeLoner(other);
      const retry = { status: 'done', numbers: [1], replayed: true };
      expect(await issue(cluster, other, { key: 'k' })).toMatchObject(retry);
      await cluster.time.sleep(1_000);
      expect(await issue(cluster, leader, { key: 'k' })).toMatchObject(retry);
      expect(await cluster.facts()).toHaveLength(1);
    }));
});

describe('F2: the commit applies after its sender gave up on it', () => {
  test('the resubmission and the late original make one number', () =>
    play({ callTimeoutMs: 100 }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      nextCommits(leader, { kind: 'apply-late', lateMs: 500 });
      expect(await issue(cluster, leader)).toMatchObject({ status: 'done', numbers: [1] });
      await cluster.time.sleep(1_000);
      expect(await cluster.facts()).toHaveLength(1);
    }));

  test('the late original is recognised as ours when the resubmission finds it there', () =>
    play({ callTimeoutMs: 100 }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      nextCommits(leader, { kind: 'apply-late', lateMs: 30 }, { kind: 'drop-request' });
      expect(await issue(cluster, leader)).toMatchObject({ status: 'done', numbers: [1] });
      expect(await cluster.facts()).toHaveLength(1);
    }));

  test('the client is told that the outcome is unknown, never that it was not issued', () =>
    play({ callTimeoutMs: 200, limits: { requestTimeoutMs: 300 } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      nextCommits(
        leader,
        { kind: 'apply-late', lateMs: 1_000 },
        ...Array.from({ length: 5 }, (): CommitFault => ({ kind: 'drop-request' })),
      );
      expect(await issue(cluster, leader, { key: 'k' })).toMatchObject({ status: 'outcome_unknown' });
      expect(await cluster.facts()).toHaveLength(0);
      await cluster.time.sleep(3_000);
      expect(await cluster.facts()).toHaveLength(1);
      expect(await issue(cluster, leader, { key: 'k' })).toMatchObject({ numbers: [1], replayed: true });
    }));

  test('a refusal is believed only when no earlier attempt may still be on its way', () =>
    play({ callTimeoutMs: 100 }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      nextCommits(leader, { kind: 'apply-late', lateMs: 50 }, { kind: 'refuse' }, { kind: 'refuse' });
      expect(await issue(cluster, leader, { reference: 'r' })).toMatchObject({ status: 'done' });
      expect(await effectsOf(cluster, 'r')).toHaveLength(1);
    }));

  test('nor is it when the commit overtook its predecessor in between', () =>
    play({ callTimeoutMs: 100, limits: { batchSizeMax: 1 } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      nextCommits(
        leader,
        // The first takes its time,
        { kind: 'none', thereMs: 250 },
        // the second gets lost on the way for a while, comes too early, and is refused in the end.
        { kind: 'apply-late', lateMs: 400 },
        { kind: 'none' },
        { kind: 'refuse' },
      );
      const first = issue(cluster, leader, { reference: 'first' });
      const second = await issue(cluster, leader, { reference: 'second' });
      expect(await first).toMatchObject({ status: 'done', numbers: [1] });
      await cluster.time.sleep(1_000);
      const effects = await effectsOf(cluster, 'second');
      expect({ status: second.status, effects: effects.length }).toEqual({ status: 'done', effects: 1 });
    }));
});

describe('several commits under way', () => {
  test('successors that overtake their predecessors lose nothing and keep their order', () =>
    play({ limits: { batchSizeMax: 1, pipelineDepth: 4 } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      nextCommits(leader, ...[40, 30, 20, 10].map((thereMs): CommitFault => ({ kind: 'none', thereMs })));
      const answers = await Promise.all(Array.from({ length: 8 }, () => issue(cluster, leader)));
      expect(answers.map(({ numbers }) => numbers[0])).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(leader.observed.reordered).toBeGreaterThanOrEqual(3);
      expect(leader.observed.conflicted).toBe(0);
      expect(await cluster.facts()).toHaveLength(8);
    }));

  test('when the first loses to another node, those behind it are planned again and answered once', () =>
    play({ limits: { batchSizeMax: 1, pipelineDepth: 4 } }, async cluster => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      makeLoner(other);
      leader.store.faults = { ...leader.store.faults, commit: () => ({ kind: 'none', thereMs: 20 }) };
      const ours = Promise.all(Array.from({ length: 4 }, () => issue(cluster, leader)));
      expect(await issue(cluster, other)).toMatchObject({ numbers: [1] });
      expect((await ours).map(({ numbers }) => numbers[0])).toEqual([2, 3, 4, 5]);
      expect(leader.observed.conflicted).toBe(1);
      expect(await cluster.facts()).toHaveLength(5);
    }));

  test('a refusal that could not be confirmed does not undo the commit behind it', () =>
    play({ limits: { batchSizeMax: 1 } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      await issue(cluster, leader);
      leader.store.faults = {
        commit: () => ({ kind: 'none', thereMs: 1, backMs: 50 }),
        read: () => ({ kind: 'unavailable', thereMs: 10 }),
      };
      const refused = release(cluster, leader, 99);
      const issued = issue(cluster, leader, { reference: 'r' });
      await cluster.time.sleep(200);
      leader.store.faults = { commit: () => ({ kind: 'none' }), read: () => ({ kind: 'none' }) };
      expect(await refused).toMatchObject({ status: 'unavailable' });
      expect(await issued).toMatchObject({ status: 'done', numbers: [2] });
      expect(await effectsOf(cluster, 'r')).toHaveLength(1);
    }));

  test('a refusal overtaken by another node does not undo the commit behind it', () =>
    play({ limits: { batchSizeMax: 1 } }, async cluster => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      makeLoner(other);
      await issue(cluster, leader);
      leader.store.faults = {
        commit: () => ({ kind: 'none', thereMs: 1, backMs: 50 }),
        read: () => ({ kind: 'none', thereMs: 30 }),
      };
      const refused = release(cluster, leader, 99);
      const issued = issue(cluster, leader, { reference: 'r' });
      await cluster.time.sleep(10);
      // Stands on the leader's commit, which the leader has not heard of yet.
      expect(await issue(cluster, other)).toMatchObject({ numbers: [3] });
      expect(await refused).toMatchObject({ status: 'never_issued' });
      expect(await issued).toMatchObject({ status: 'done', numbers: [2] });
      expect(await effectsOf(cluster, 'r')).toHaveLength(1);
    }));

  test('a batch planned anew never makes the head that a dropped successor still waits for', () =>
    play({ callTimeoutMs: 20, skewsMs: [-60_000, 0, 0], limits: { batchSizeMax: 2 } }, async cluster => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      makeLoner(other);
      // The head's time is ahead of the leader's clock: all its batches carry that same time.
      await issue(cluster, other);
      await issue(cluster, leader);
      leader.coordination.frozen = true;
      cluster.election.elect(other.info);
      nextCommits(
        leader,
        { kind: 'none', thereMs: 30 },
        { kind: 'apply-late', lateMs: 100 },
        { kind: 'drop-request' },
        // Planned again: the first batch at once, the second, which now carries another request, later than the old
        // one arrives.
        { kind: 'none' },
        { kind: 'none', thereMs: 200 },
      );
      // The first batch still carries the old leadership; the second no longer does.
      const first = [
        issue(cluster, leader, { reference: 'a1' }),
        issue(cluster, leader, { reference: 'a2' }),
      ];
      await cluster.time.sleep(1);
      makeLoner(leader);
      const second = [
        issue(cluster, leader, { reference: 'impatient', budgetMs: 10 }),
        issue(cluster, leader, { reference: 'b' }),
      ];
      await cluster.time.sleep(1);
      const third = issue(cluster, leader, { reference: 'c' });
      await Promise.all([...first, ...second, third]);
      await cluster.time.sleep(1_000);
      for (const reference of ['a1', 'a2', 'b', 'c']) {
        expect(await effectsOf(cluster, reference), reference).toHaveLength(1);
      }
    }));

  test('a refusal speaks of the newest state, not of what this node last saw', () =>
    play({}, async cluster => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      await issue(cluster, leader, { count: 5 });
      makeLoner(other);
      expect(await release(cluster, other, 5)).toMatchObject({ status: 'done', numbers: [5] });
    }));
});
