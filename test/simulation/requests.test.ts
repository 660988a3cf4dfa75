import { describe, expect, test } from 'vitest';
import { KEYS } from '../../src/core/records.ts';
import type { StoreFaults } from '../kit/sim/faulty-store.ts';
import { effectsOf, issue, makeLoner, makeWell, play, release } from '../kit/sim/scenario.ts';
import type { SimNode } from '../kit/sim/sim-cluster.ts';

type ThreeNodes = [SimNode, SimNode, SimNode];

/** Every commit is lost on its way; reads work. */
const STUCK: StoreFaults = { commit: () => ({ kind: 'drop-request' }), read: () => ({ kind: 'none' }) };

/** How much later than its budget a refusal may come: the engine looks every 25 ms. */
const SWEEP_MS = 26;

describe('idempotency keys', () => {
  test('F4: the same key from fifty callers on three nodes at once is one allocation', () =>
    play({ limits: { batchSizeMax: 4 } }, async cluster => {
      const callers = Array.from({ length: 50 }, (_, i) => cluster.nodes[i % 3]!);
      const answers = await Promise.all(callers.map(node => issue(cluster, node, { key: 'k', count: 3 })));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['done']));
      expect(new Set(answers.map(({ position }) => JSON.stringify(position))).size).toBe(1);
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(await cluster.facts()).toHaveLength(1);
    }));

  test('F4: nor do three nodes without a leader make more than one', () =>
    play({}, async cluster => {
      cluster.nodes.forEach(makeLoner);
      const callers = Array.from({ length: 30 }, (_, i) => cluster.nodes[i % 3]!);
      const answers = await Promise.all(callers.map(node => issue(cluster, node, { key: 'k' })));
      expect(new Set(answers.map(({ numbers }) => numbers[0]))).toEqual(new Set([1]));
      expect(await cluster.facts()).toHaveLength(1);
    }));

  test('F3: the same key with another payload is refused and changes nothing', () =>
    play({}, async cluster => {
      const [leader, other] = cluster.nodes as ThreeNodes;
      await issue(cluster, leader, { key: 'k', fingerprint: 'a' });
      const misused = await issue(cluster, other, { key: 'k', fingerprint: 'b' });
      expect(misused).toMatchObject({ status: 'idempotency_key_reused' });
      expect(await cluster.facts()).toHaveLength(1);
    }));

  test('F5: past the count of the window a key is forgotten, on a node that just loaded too', () =>
    play({ window: { keysMax: 3 } }, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      for (const key of ['k1', 'k2', 'k3', 'k4']) await issue(cluster, leader, { key });
      await cluster.restart(2);
      const fresh = cluster.nodes[2]!;
      makeLoner(fresh);
      expect(await issue(cluster, fresh, { key: 'k2' })).toMatchObject({ numbers: [2], replayed: true });
      expect(await issue(cluster, leader, { key: 'k2' })).toMatchObject({ numbers: [2], replayed: true });
      expect(await issue(cluster, fresh, { key: 'k1' })).toMatchObject({ numbers: [5], replayed: false });
    }));

  test('F5: past the age of the window a key is forgotten, and not before', () =>
    play({ window: { keyAgeMsMax: 10_000 } }, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      await issue(cluster, leader, { key: 'k' });
      await cluster.time.sleep(9_000);
      await issue(cluster, leader);
      expect(await issue(cluster, leader, { key: 'k' })).toMatchObject({ numbers: [1], replayed: true });
      await cluster.time.sleep(2_000);
      // Age is journal time: it is the next batch that makes the window move.
      await issue(cluster, leader);
      expect(await issue(cluster, leader, { key: 'k' })).toMatchObject({ numbers: [4], replayed: false });
    }));

  test('F6: a release retried after its reply was lost leaves the number to whom it was reissued', () =>
    play({ callTimeoutMs: 900, limits: { requestTimeoutMs: 300 } }, async cluster => {
      const [leader, other] = cluster.nodes as ThreeNodes;
      const first = await issue(cluster, leader, { count: 5 });
      makeLoner(other);
      await other.sequencer.current();
      let attempts = 0;
      other.store.faults = {
        ...other.store.faults,
        commit: () => ({ kind: (attempts += 1) === 1 ? 'drop-reply' : 'none' }),
      };
      const lost = await release(cluster, other, 5, { key: 'a', allocation: first.position });
      expect(lost).toMatchObject({ status: 'outcome_unknown' });
      const second = await issue(cluster, leader);
      expect(second).toMatchObject({ numbers: [5] });
      const retried = await release(cluster, leader, 5, { key: 'a', allocation: first.position });
      expect(retried).toMatchObject({ status: 'done', replayed: true });
      const unkeyed = await release(cluster, leader, 5, { allocation: first.position });
      expect(unkeyed).toMatchObject({ status: 'stale_allocation' });
      expect(await release(cluster, leader, 5)).toMatchObject({ status: 'allocation_id_required' });
      // The second owner still has it and can give it back.
      expect(await release(cluster, leader, 5, { allocation: second.position })).toMatchObject({
        status: 'done',
      });
    }));

  test('a number cannot be released twice', () =>
    play({}, async cluster => {
      const [leader, other] = cluster.nodes as ThreeNodes;
      await issue(cluster, leader, { count: 2 });
      const both = await Promise.all([release(cluster, leader, 1), release(cluster, other, 1)]);
      expect(both.map(({ status }) => status).sort((a, b) => (a < b ? -1 : 1))).toEqual([
        'already_released',
        'done',
      ]);
    }));
});

describe('limits', () => {
  test('requests past queueMax are refused as overloaded at once and leave no trace', () =>
    play({ limits: { queueMax: 3, batchSizeMax: 1, pipelineDepth: 1 } }, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      const requests = Array.from({ length: 10 }, (_, i) => issue(cluster, leader, { reference: `r${i}` }));
      const answers = await Promise.all(requests);
      expect(answers.map(({ status }) => status)).toEqual([
        ...Array.from({ length: 3 }, () => 'done'),
        ...Array.from({ length: 7 }, () => 'overloaded'),
      ]);
      for (const { status, tookMs } of answers) if (status === 'overloaded') expect(tookMs).toBe(0);
      expect((await cluster.facts()).map(({ fact }) => fact.reference)).toEqual(['r0', 'r1', 'r2']);
    }));

  test('releases that wait for a look-up count as waiting, and few look up at once', () =>
    play({ limits: { queueMax: 20, batchSizeMax: 10 } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      await issue(cluster, leader, { count: 500 });
      // The node that loads now has no index of the journal and must read it.
      await cluster.restart(1);
      const fresh = cluster.nodes[1]!;
      makeLoner(fresh);
      await issue(cluster, fresh);
      let reading = 0;
      let readingMax = 0;
      const { time } = cluster;
      const faults = fresh.store.faults;
      fresh.store.faults = {
        ...faults,
        read: key => {
          if (!key.startsWith(KEYS.journal)) return { kind: 'none' };
          readingMax = Math.max(readingMax, (reading += 1));
          time.after(500, () => (reading -= 1));
          return { kind: 'none', thereMs: 500 };
        },
      };
      const answers: Promise<{ status: string }>[] = [];
      let loadMax = 0;
      for (let number = 1; number <= 100; number += 1) {
        answers.push(release(cluster, fresh, number));
        await time.sleep(1);
        loadMax = Math.max(loadMax, fresh.sequencer.load);
      }
      const statuses = (await Promise.all(answers)).map(({ status }) => status);
      // One series alone: 8/9 of what its tenant may have, which is 8/9 of all.
      expect(loadMax).toBe(16);
      expect(readingMax).toBe(8);
      expect(statuses.filter(status => status === 'overloaded').length).toBeGreaterThan(50);
      expect(statuses.filter(status => status === 'done').length).toBeGreaterThan(0);
    }));

  test('many who ask for the current state at once share a read, and none gets a state older than its question', () =>
    play({}, async cluster => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      makeLoner(other);
      await issue(cluster, other);
      await issue(cluster, leader);
      // A commit of the other conflicts; its recovery sees the head, and that answer takes long to come back.
      let heads = 0;
      other.store.faults = {
        ...other.store.faults,
        read: key => ({ kind: 'none', backMs: key === KEYS.head && (heads += 1) === 1 ? 100 : 1 }),
      };
      const conflicting = issue(cluster, other);
      await cluster.time.sleep(20);
      await issue(cluster, leader);
      const sequences = await Promise.all(
        // The state itself moves on; what counts is what it was when the answer came.
        Array.from({ length: 50 }, () => other.sequencer.current().then(({ head }) => head.sequence)),
      );
      expect(Math.min(...sequences)).toBeGreaterThanOrEqual(3);
      await conflicting;
      expect(heads).toBeLessThan(10);
    }));

  test('with a stuck store what was sent is unknown, what was not is unavailable, both within the budget', () =>
    play({ limits: { batchSizeMax: 1, pipelineDepth: 2, requestTimeoutMs: 1_000 } }, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      leader.store.faults = STUCK;
      const answers = await Promise.all(Array.from({ length: 5 }, () => issue(cluster, leader)));
      expect(answers.map(({ status }) => status)).toEqual([
        'outcome_unknown',
        'outcome_unknown',
        'unavailable',
        'unavailable',
        'unavailable',
      ]);
      for (const { tookMs } of answers) expect(tookMs).toBeLessThanOrEqual(1_000 + SWEEP_MS);
    }));

  test('a commit stuck for long makes new requests fail at once, and only until it is resolved', () =>
    play({ limits: { requestTimeoutMs: 2_500 } }, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      leader.store.faults = STUCK;
      const stuck = issue(cluster, leader);
      await cluster.time.sleep(2_000);
      expect(await issue(cluster, leader)).toMatchObject({ status: 'unavailable', tookMs: 0 });
      makeWell(cluster);
      expect(await stuck).toMatchObject({ status: 'done', numbers: [1] });
      expect(await issue(cluster, leader)).toMatchObject({ status: 'done', numbers: [2] });
    }));

  test('a short budget is kept behind a long one', () =>
    play({ limits: { batchSizeMax: 1, requestTimeoutMs: 2_500 } }, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      leader.store.faults = STUCK;
      const long = issue(cluster, leader);
      const short = await issue(cluster, leader, { budgetMs: 200 });
      expect(short.tookMs).toBeLessThanOrEqual(200 + SWEEP_MS);
      await long;
    }));

  test('a store that cannot be read is not asked more often than makes sense', () =>
    play({}, async cluster => {
      const [node] = cluster.nodes as ThreeNodes;
      makeLoner(node);
      // It loses a race, and then cannot read what the winner did.
      expect(await issue(cluster, cluster.nodes[1]!)).toMatchObject({ numbers: [1] });
      node.store.faults = { ...node.store.faults, read: () => ({ kind: 'unavailable', thereMs: 1 }) };
      const before = node.store.reads;
      expect(await issue(cluster, node, { budgetMs: 1_000 })).toMatchObject({ status: 'unavailable' });
      expect(node.store.reads - before).toBeLessThan(100);
    }));
});

describe('lifecycle', () => {
  test('draining finishes what was accepted and refuses what is new', () =>
    play({ limits: { batchSizeMax: 2 } }, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      leader.store.faults = { ...leader.store.faults, commit: () => ({ kind: 'none', thereMs: 20 }) };
      const accepted = Array.from({ length: 10 }, () => issue(cluster, leader));
      const drained = leader.sequencer.drain({ deadlineMs: 5_000 });
      expect(await issue(cluster, leader, { reference: 'late' })).toMatchObject({ status: 'draining' });
      await drained;
      expect(leader.sequencer.load).toBe(0);
      for (const { status } of await Promise.all(accepted)) expect(status).toBe('done');
      expect(await effectsOf(cluster, 'late')).toHaveLength(0);
      leader.kill();
      await cluster.restart(0);
    }));

  test('two drains at once both end when the work does', () =>
    play({}, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      leader.store.faults = { ...leader.store.faults, commit: () => ({ kind: 'none', thereMs: 50 }) };
      const accepted = issue(cluster, leader);
      const drains = [5_000, 5_000].map(deadlineMs => leader.sequencer.drain({ deadlineMs }));
      await Promise.all([accepted, ...drains]);
      expect(cluster.time.nowMs).toBeLessThan(1_000);
      await cluster.restart(0);
    }));

  test('draining ends at its deadline when the store is stuck', () =>
    play({ limits: { requestTimeoutMs: 2_500 } }, async cluster => {
      const [leader] = cluster.nodes as ThreeNodes;
      leader.store.faults = STUCK;
      const stuck = issue(cluster, leader);
      await cluster.time.sleep(10);
      await leader.sequencer.drain({ deadlineMs: 500 });
      expect(cluster.time.nowMs).toBeLessThan(600);
      await cluster.restart(0);
      expect(await stuck).toMatchObject({ status: 'outcome_unknown' });
    }));

  test('a node killed with commits under way leaves nothing half done, and its retries get their numbers', () =>
    play({ limits: { batchSizeMax: 1 } }, async cluster => {
      const [leader, other] = cluster.nodes as ThreeNodes;
      leader.store.faults = { ...leader.store.faults, commit: () => ({ kind: 'none', thereMs: 50 }) };
      const keys = ['k1', 'k2', 'k3', 'k4', 'k5'];
      const requests = keys.map(key => issue(cluster, leader, { key }));
      await cluster.time.sleep(75);
      await cluster.restart(0);
      const answers = await Promise.all(requests);
      const retried = await Promise.all(keys.map(key => issue(cluster, other, { key })));
      for (const [i, answer] of answers.entries()) {
        expect(['done', 'outcome_unknown', 'draining']).toContain(answer.status);
        if (answer.status === 'done') expect(retried[i]!.numbers).toEqual(answer.numbers);
      }
      expect(retried.flatMap(({ numbers }) => numbers).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
      expect(await cluster.facts()).toHaveLength(5);
    }));
});
