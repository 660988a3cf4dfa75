import { KEYS } from '../../src/core/records.ts';
import { describe, expect, test } from 'vitest';
import type { ForwardFault } from '../kit/sim/sim-network.ts';
import { effectsOf, issue, makeLoner, makeWell, play, release, send } from '../kit/sim/scenario.ts';
import type { SimCluster, SimNode } from '../kit/sim/sim-cluster.ts';

type ThreeNodes = [SimNode, SimNode, SimNode];

/** The fate of the next forwarded messages, one after another; then nothing goes wrong any more. */
function nextForwards(cluster: SimCluster, ...faults: ForwardFault[]): void {
  const rest = [...faults];
  cluster.network.faults = () => rest.shift() ?? { kind: 'none' };
}

describe('F9: a leader stops past its lease with writes queued', () => {
  test('its commits fail the compare, it steps down, and every request is answered once', () =>
    play({ limits: { batchSizeMax: 2, requestTimeoutMs: 2_500 } }, async cluster => {
      const [old, next] = cluster.nodes as ThreeNodes;
      await issue(cluster, old);
      // From now on the old leader stands still: what it sends arrives a second later, what it knows is old.
      old.coordination.frozen = true;
      old.store.faults = { ...old.store.faults, commit: () => ({ kind: 'none', thereMs: 1_000 }) };
      const queued = Promise.all(Array.from({ length: 9 }, () => issue(cluster, old)));
      await cluster.time.sleep(10);
      cluster.elect(1);
      expect(await issue(cluster, next, { count: 3 })).toMatchObject({ numbers: [2, 3, 4] });
      await cluster.time.sleep(900);
      makeWell(cluster);
      const answers = await queued;
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 'done'));
      const numbers = answers.flatMap(answer => answer.numbers).sort((a, b) => a - b);
      expect(numbers).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13]);
      expect(old.observed.conflicted).toBeGreaterThan(0);
      expect(await cluster.facts()).toHaveLength(11);
      expect(old.coordination.leads(old.sequencer.series)).toBe(false);
    }));

  test('a deposed leader commits nothing, even while nobody else has committed', () =>
    play({ limits: { requestTimeoutMs: 2_500 } }, async cluster => {
      const [old, next] = cluster.nodes as ThreeNodes;
      await issue(cluster, old);
      old.coordination.frozen = true;
      cluster.elect(1);
      const answer = issue(cluster, old);
      await cluster.time.sleep(500);
      expect(await cluster.facts()).toHaveLength(1);
      expect(old.observed.conflicted).toBeGreaterThan(0);
      makeWell(cluster);
      expect(await answer).toMatchObject({ status: 'done', numbers: [2] });
      expect((await cluster.journal()).at(-1)!.node).toContain(next.info.id);
    }));

  test('two nodes that both believe to lead issue nothing twice', () =>
    play({ limits: { batchSizeMax: 3 } }, async cluster => {
      const [old, next] = cluster.nodes as ThreeNodes;
      old.coordination.frozen = true;
      cluster.elect(1);
      const requests = Array.from({ length: 20 }, (_, i) => issue(cluster, i % 2 === 0 ? old : next));
      await cluster.time.sleep(300);
      makeWell(cluster);
      const answers = await Promise.all(requests);
      expect(new Set(answers.flatMap(({ numbers }) => numbers)).size).toBe(20);
      expect(await cluster.facts()).toHaveLength(20);
    }));

  test('nobody can become leader: every node goes on committing', () =>
    play({}, async cluster => {
      cluster.election.closed = true;
      cluster.depose();
      const requests = cluster.nodes.flatMap(node => [issue(cluster, node), issue(cluster, node)]);
      const answers = await Promise.all(requests);
      expect(answers.flatMap(({ numbers }) => numbers).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
    }));

  test('a dead leader is replaced by the node that found nobody at its address', () =>
    play({}, async cluster => {
      const [old, next] = cluster.nodes as ThreeNodes;
      await issue(cluster, next);
      old.kill();
      expect(await issue(cluster, next)).toMatchObject({ status: 'done', numbers: [2] });
      await cluster.time.sleep(100);
      expect(next.coordination.leads(next.sequencer.series)).toBe(true);
    }));
});

test('a node that does not lead keeps up with the one that does, so that it can take over at once', () =>
  play({}, async cluster => {
    const [leader, follower] = cluster.nodes as ThreeNodes;
    for (let i = 0; i < 20; i += 1) await issue(cluster, leader);
    await cluster.time.sleep(1_100);
    expect(follower.sequencer.lastKnown?.head.sequence).toBe(leader.sequencer.lastKnown?.head.sequence);
  }));

describe('a leader that drains', () => {
  test.each(['none', 'drop-reply', 'apply-late', 'duplicate'] as const)(
    'hands leadership over with its next batch and loses nothing (fate of that batch: %s)',
    kind =>
      play({ callTimeoutMs: 100, limits: { batchSizeMax: 2, requestTimeoutMs: 2_500 } }, async cluster => {
        const [old] = cluster.nodes as ThreeNodes;
        await issue(cluster, old);
        const requests = Array.from({ length: 9 }, (_, i) => issue(cluster, old, { reference: `r${i}` }));
        let hands = 0;
        old.store.faults = {
          ...old.store.faults,
          commit: ({ transfer }) =>
            transfer !== undefined && (hands += 1) === 1
              ? { kind, lateMs: 150 }
              : { kind: 'none', thereMs: 5 },
        };
        await old.sequencer.drain({ deadlineMs: 5_000 });
        expect(hands).toBeGreaterThan(0);
        const answers = await Promise.all(requests);
        expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 'done'));
        for (let i = 0; i < 9; i += 1) expect(await effectsOf(cluster, `r${i}`)).toHaveLength(1);
        expect(cluster.election.current?.instance).not.toBe(old.info.instance);
        expect(await issue(cluster, cluster.nodes[2]!)).toMatchObject({ numbers: [11] });
        await cluster.restart(0);
      }),
  );

  test.each(['at once', 'after an attempt without an answer'] as const)(
    'goes on leading when its successor is gone before the hand-over (which it hears %s), and loses nothing',
    heard =>
      play({ callTimeoutMs: 100, limits: { batchSizeMax: 2 } }, async cluster => {
        const [old] = cluster.nodes as ThreeNodes;
        await issue(cluster, old);
        const requests = Array.from({ length: 9 }, (_, i) => issue(cluster, old, { reference: `r${i}` }));
        let hands = 0;
        old.store.faults = {
          ...old.store.faults,
          commit: ({ transfer }) => {
            if (transfer === undefined) return { kind: 'none', thereMs: 5 };
            hands += 1;
            if (hands === 1 && heard !== 'at once') return { kind: 'drop-request' };
            return { kind: 'refuse', code: 'unavailable', final: true };
          },
        };
        await old.sequencer.drain({ deadlineMs: 5_000 });
        expect(hands).toBeGreaterThan(0);
        const statuses = (await Promise.all(requests)).map(({ status }) => status);
        expect(statuses).toEqual(Array.from({ length: 9 }, () => 'done'));
        for (let i = 0; i < 9; i += 1) expect(await effectsOf(cluster, `r${i}`)).toHaveLength(1);
        await cluster.restart(0);
      }),
  );

  test('hands it over after all when the batch that was to do it lost to another', () =>
    play({ lookIntervalMs: 500 }, async cluster => {
      const [old, other] = cluster.nodes as ThreeNodes;
      await issue(cluster, old);
      makeLoner(other);
      await issue(cluster, other);
      const last = issue(cluster, old);
      let hands = 0;
      old.store.faults = {
        ...old.store.faults,
        commit: ({ transfer }) => {
          if (transfer !== undefined) hands += 1;
          return { kind: 'none' };
        },
      };
      await old.sequencer.drain({ deadlineMs: 1_000 });
      expect(await last).toMatchObject({ status: 'done', numbers: [3] });
      expect({ hands, conflicted: old.observed.conflicted }).toEqual({ hands: 1, conflicted: 1 });
      expect(cluster.election.current?.instance).not.toBe(old.info.instance);
      await cluster.restart(0);
    }));

  test('hands it over after all when what waited changes nothing', () =>
    play({ lookIntervalMs: 500 }, async cluster => {
      const [old] = cluster.nodes as ThreeNodes;
      await issue(cluster, old, { key: 'k' });
      const last = issue(cluster, old, { key: 'k' });
      await old.sequencer.drain({ deadlineMs: 1_000 });
      expect(await last).toMatchObject({ status: 'done', replayed: true });
      expect(cluster.election.current?.instance).not.toBe(old.info.instance);
      await cluster.restart(0);
    }));

  test('is drained only when it has handed over, or at the deadline', () =>
    play({}, async cluster => {
      const [old] = cluster.nodes as ThreeNodes;
      await issue(cluster, old);
      await old.sequencer.drain({ deadlineMs: 1_000 });
      expect(cluster.election.current?.instance).not.toBe(old.info.instance);
      await cluster.restart(0);
      cluster.elect(0);
      const [again] = cluster.nodes as ThreeNodes;
      again.coordination.handOver = () => new Promise(() => {});
      const before = cluster.time.nowMs;
      await again.sequencer.drain({ deadlineMs: 300 });
      expect(cluster.time.nowMs - before).toBe(300);
      await cluster.restart(0);
    }));

  test('hands it over by itself when nothing waits', () =>
    play({}, async cluster => {
      const [old, next] = cluster.nodes as ThreeNodes;
      await issue(cluster, old);
      await old.sequencer.drain({ deadlineMs: 1_000 });
      await cluster.time.sleep(50);
      next.coordination.lookNow();
      expect(next.coordination.leads(next.sequencer.series)).toBe(true);
      expect(await issue(cluster, next)).toMatchObject({ numbers: [2] });
      await cluster.restart(0);
    }));
});

describe('forwarding', () => {
  test('a follower answers with what its leader committed', () =>
    play({}, async cluster => {
      const [leader, follower] = cluster.nodes as ThreeNodes;
      expect(await issue(cluster, follower)).toMatchObject({ status: 'done', numbers: [1] });
      expect((await cluster.journal())[0]!.node).toContain(leader.info.id);
    }));

  test('a draw does not wait for releases whose owners the leader has to look up', () =>
    play({}, async cluster => {
      const [leader, follower] = cluster.nodes as ThreeNodes;
      for (let i = 0; i < 100; i += 1) await issue(cluster, leader);
      leader.store.faults = {
        ...leader.store.faults,
        read: key => ({ kind: 'none', thereMs: key.startsWith(KEYS.journal) ? 50 : 0 }),
      };
      const releases = Array.from({ length: 100 }, (_, i) => release(cluster, follower, i + 1));
      // In the same message as the first of them, and while all messages of releases are under way.
      const draws = [issue(cluster, follower)];
      await cluster.time.sleep(10);
      draws.push(issue(cluster, follower));
      for (const draw of draws) expect((await draw).tookMs).toBeLessThan(40);
      const statuses = new Set((await Promise.all(releases)).map(({ status }) => status));
      expect([...statuses]).toEqual(['done']);
    }));

  test('the reply is lost and the follower commits itself: one number', () =>
    play({}, async cluster => {
      const [, follower] = cluster.nodes as ThreeNodes;
      nextForwards(cluster, { kind: 'reply-lost' });
      expect(await issue(cluster, follower, { reference: 'r' })).toMatchObject({
        status: 'done',
        numbers: [1],
      });
      expect(follower.observed.forwardFailed).toBe(1);
      expect(await effectsOf(cluster, 'r')).toHaveLength(1);
    }));

  test('the message arrives after the follower committed itself: one number', () =>
    play({}, async cluster => {
      const [leader, follower] = cluster.nodes as ThreeNodes;
      nextForwards(cluster, { kind: 'late', lateMs: 1_000 });
      expect(await issue(cluster, follower, { reference: 'r' })).toMatchObject({
        status: 'done',
        numbers: [1],
      });
      await cluster.time.sleep(2_000);
      expect(await effectsOf(cluster, 'r')).toHaveLength(1);
      expect(await issue(cluster, leader)).toMatchObject({ numbers: [2] });
    }));

  test('a message delivered twice draws once', () =>
    play({}, async cluster => {
      const [, follower] = cluster.nodes as ThreeNodes;
      nextForwards(cluster, { kind: 'twice' }, { kind: 'twice', lateMs: 200 });
      await issue(cluster, follower, { reference: 'a' });
      await issue(cluster, follower, { reference: 'b' });
      await cluster.time.sleep(1_000);
      expect(await cluster.facts()).toHaveLength(2);
    }));

  test('what was forwarded to a node that no longer leads is not forwarded further', () =>
    play({ limits: { batchSizeMax: 1, pipelineDepth: 1 } }, async cluster => {
      const [leader, follower] = cluster.nodes as ThreeNodes;
      leader.store.faults = { ...leader.store.faults, commit: () => ({ kind: 'none', thereMs: 50 }) };
      const passedOn: unknown[] = [];
      cluster.network.faults = (from, { requests }) => {
        passedOn.push(...requests.filter(({ origin }) => origin.ingress !== from.instance));
        return { kind: 'none' };
      };
      const busy = issue(cluster, leader);
      await cluster.time.sleep(5);
      const waiting = issue(cluster, follower);
      await cluster.time.sleep(5);
      cluster.elect(2);
      expect((await Promise.all([busy, waiting])).map(({ status }) => status)).toEqual(['done', 'done']);
      expect(passedOn).toEqual([]);
    }));

  test('a release whose forward was lost on the way back gives the number back once', () =>
    play({}, async cluster => {
      const [leader, follower] = cluster.nodes as ThreeNodes;
      await issue(cluster, leader, { count: 3 });
      nextForwards(cluster, { kind: 'reply-lost' });
      expect(await release(cluster, follower, 2)).toMatchObject({ status: 'done', numbers: [2] });
      expect(await issue(cluster, leader, { count: 2 })).toMatchObject({ numbers: [2, 4] });
    }));

  test('a message that arrives when its id is no longer remembered is refused and draws nothing', () =>
    play({ window: { ingressMax: 3 } }, async cluster => {
      const [, follower, third] = cluster.nodes as ThreeNodes;
      nextForwards(cluster, { kind: 'late', lateMs: 3_000 });
      expect(await issue(cluster, follower, { reference: 'r' })).toMatchObject({
        status: 'done',
        numbers: [1],
      });
      for (let i = 0; i < 6; i += 1) await issue(cluster, third);
      await cluster.time.sleep(5_000);
      expect(await effectsOf(cluster, 'r')).toHaveLength(1);
      expect(await cluster.facts()).toHaveLength(7);
    }));

  test('a follower that was idle for long gets its first request carried out', () =>
    play({ window: { ingressAgeMsMax: 1_000 } }, async cluster => {
      const [, follower, third] = cluster.nodes as ThreeNodes;
      // It cannot read, so it does not hear of what the others do.
      follower.store.faults = { ...follower.store.faults, read: () => ({ kind: 'unavailable' }) };
      for (let i = 0; i < 10; i += 1) {
        await issue(cluster, third);
        await cluster.time.sleep(500);
      }
      // Nothing of it can have been committed anywhere: it has never been sent before.
      expect(await issue(cluster, follower)).toMatchObject({ status: 'done', numbers: [11] });
    }));
});

describe('what was forwarded without an answer may still take effect, so no refusal of it is final', () => {
  test('storage_full after a lost forward is answered outcome_unknown', () =>
    play({}, async cluster => {
      const [, follower] = cluster.nodes as ThreeNodes;
      nextForwards(cluster, { kind: 'late', lateMs: 500 });
      follower.store.faults = { ...follower.store.faults, commit: () => ({ kind: 'refuse' }) };
      const answer = await issue(cluster, follower, { reference: 'r' });
      await cluster.time.sleep(2_000);
      const effects = await effectsOf(cluster, 'r');
      expect({ status: answer.status, effects: effects.length }).toEqual({
        status: 'outcome_unknown',
        effects: 1,
      });
    }));

  test('unavailable after a lost forward is answered outcome_unknown', () =>
    play({}, async cluster => {
      const [leader, follower] = cluster.nodes as ThreeNodes;
      await issue(cluster, leader, { count: 3 });
      await issue(cluster, follower);
      nextForwards(cluster, { kind: 'late', lateMs: 500 });
      follower.store.faults = { ...follower.store.faults, read: () => ({ kind: 'unavailable' }) };
      // A release has to look its owner up, which fails here.
      const answer = await release(cluster, follower, 2, { reference: 'r' });
      await cluster.time.sleep(3_000);
      const effects = await effectsOf(cluster, 'r');
      expect({ status: answer.status, effects: effects.length }).toEqual({
        status: 'outcome_unknown',
        effects: 1,
      });
    }));

  test('storage_full after a reply that says nothing of the request is answered outcome_unknown', () =>
    play({}, async cluster => {
      const [leader, follower] = cluster.nodes as ThreeNodes;
      cluster.network.listen(leader.info.instance, async message => {
        const reply = await leader.sequencer.acceptForward(message);
        return reply.status === 'done' ? { ...reply, outcomes: reply.outcomes.slice(0, -1) } : reply;
      });
      follower.store.faults = { ...follower.store.faults, commit: () => ({ kind: 'refuse' }) };
      const answer = await issue(cluster, follower, { reference: 'r' });
      const effects = await effectsOf(cluster, 'r');
      expect({ status: answer.status, effects: effects.length }).toEqual({
        status: 'outcome_unknown',
        effects: 1,
      });
    }));

  test('overloaded at the second try is answered outcome_unknown', () =>
    play({ limits: { queueMax: 1, batchSizeMax: 1, pipelineDepth: 1 } }, async cluster => {
      const [, follower, third] = cluster.nodes as ThreeNodes;
      makeLoner(third);
      third.store.faults = { ...third.store.faults, commit: () => ({ kind: 'none', thereMs: 700 }) };
      const busy = issue(cluster, third);
      await cluster.time.sleep(5);
      const filler = issue(cluster, third);
      nextForwards(cluster, { kind: 'late', lateMs: 1_500 });
      const answer = issue(cluster, follower, { reference: 'r' });
      await cluster.time.sleep(200);
      // When the follower gives up on the first leader, another leads, whose queue is full.
      third.coordination.frozen = false;
      cluster.elect(2);
      const { status } = await answer;
      cluster.elect(0);
      await Promise.all([busy, filler]);
      await cluster.time.sleep(3_000);
      const effects = await effectsOf(cluster, 'r');
      expect({ status, effects: effects.length }).toEqual({ status: 'outcome_unknown', effects: 1 });
    }));

  test('a rejection after a lost forward is final only if the forward can no longer be carried out', () =>
    play({ settings: { maximum: 3 } }, async cluster => {
      const [leader, follower, third] = cluster.nodes as ThreeNodes;
      await issue(cluster, leader, { count: 3 });
      nextForwards(cluster, { kind: 'late', lateMs: 1_000 });
      const answer = await issue(cluster, follower, { reference: 'r' });
      makeLoner(third);
      await release(cluster, third, 2);
      await cluster.time.sleep(3_000);
      const effects = await effectsOf(cluster, 'r');
      if (answer.status === 'exhausted') expect(effects).toHaveLength(0);
      else expect(answer.status).toBe('outcome_unknown');
    }));
});

describe('F8: a confirmation races the expiry of its reservation', () => {
  const reserve = { kind: 'reserve', owner: { site: 'north', partition: 'a', type: 'x' }, count: 2 } as const;

  async function reserved(cluster: SimCluster, holdMs: number): ReturnType<typeof send> {
    const answer = await send(cluster, cluster.nodes[0]!, { ...reserve, holdMs });
    expect(answer).toMatchObject({ status: 'done', numbers: [1, 2] });
    return answer;
  }

  async function confirm(cluster: SimCluster, node: SimNode, holdMs: number): ReturnType<typeof send> {
    const { position } = await reserved(cluster, holdMs);
    return send(cluster, node, {
      kind: 'confirm',
      reservation: position!,
      site: 'north',
      partition: 'a',
    });
  }

  test('in time, it wins, and nothing expires later', () =>
    play({}, async cluster => {
      expect(await confirm(cluster, cluster.nodes[1]!, 1_000)).toMatchObject({ status: 'done' });
      await cluster.time.sleep(3_000);
      expect((await cluster.facts()).map(({ fact }) => fact.kind)).toEqual(['reserve', 'confirm']);
    }));

  test('after the expiry it is refused, and the numbers go to somebody else', () =>
    play({}, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      const { position } = await reserved(cluster, 100);
      await cluster.time.sleep(600);
      const late = { kind: 'confirm', reservation: position!, site: 'north', partition: 'a' } as const;
      expect(await send(cluster, leader, late)).toMatchObject({ status: 'reservation_not_found' });
      expect(await issue(cluster, leader, { count: 2 })).toMatchObject({ numbers: [1, 2] });
    }));

  test.each([
    { first: 'confirm', expiryThereMs: 200, confirmThereMs: 1 },
    { first: 'expire', expiryThereMs: 1, confirmThereMs: 200 },
  ])('both under way on two nodes, $first arrives first: exactly that one holds', ({ first, ...delays }) =>
    play({}, async cluster => {
      const [leader, other] = cluster.nodes as ThreeNodes;
      const { position } = await reserved(cluster, 240);
      makeLoner(other);
      await other.sequencer.current();
      leader.store.faults = {
        ...leader.store.faults,
        commit: () => ({ kind: 'none', thereMs: delays.expiryThereMs }),
      };
      other.store.faults = {
        ...other.store.faults,
        commit: () => ({ kind: 'none', thereMs: delays.confirmThereMs }),
      };
      // The leader looks every 250 ms, so its expiry is under way now.
      await cluster.time.sleep(260 - cluster.time.nowMs);
      const late = { kind: 'confirm', reservation: position!, site: 'north', partition: 'a' } as const;
      const answer = await send(cluster, other, late);
      expect(answer.status).toBe(first === 'confirm' ? 'done' : 'reservation_not_found');
      await cluster.time.sleep(1_000);
      expect((await cluster.facts()).map(({ fact }) => fact.kind)).toEqual(['reserve', first]);
    }),
  );
});
