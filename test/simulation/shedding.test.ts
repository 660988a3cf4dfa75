import { expect, test } from 'vitest';
import { issue, makeLoner, play, release } from '../kit/sim/scenario.ts';

const BUDGET_MS = 1_000;
const COMMIT_MS = 180;
const PAGE = 1_024;
const RETURNS = 880;

test('a node that lost the quorum while it was catching up refuses at once, and serves again afterwards', () =>
  play({}, async cluster => {
    const [, cutOff, other] = cluster.nodes;
    await issue(cluster, cutOff!);
    makeLoner(cutOff!);
    await issue(cluster, other!);
    // It sees that the head has moved, and cannot read what moved it.
    cutOff!.store.faults = {
      ...cutOff!.store.faults,
      read: key => ({ kind: key.startsWith('journal') ? 'unavailable' : 'none' }),
    };
    await cluster.time.sleep(1_500);
    cutOff!.store.cutOff = true;
    const answers = [];
    for (let i = 0; i < 6; i += 1) answers.push(await issue(cluster, cutOff!));
    expect(new Set(answers.map(answer => answer.status))).toEqual(new Set(['unavailable']));
    expect(answers.slice(2).map(answer => answer.tookMs)).toEqual([0, 0, 0, 0]);

    cutOff!.store.cutOff = false;
    cutOff!.store.faults = { ...cutOff!.store.faults, read: () => ({ kind: 'none' }) };
    await cluster.time.sleep(1_000);
    await issue(cluster, cutOff!);
    await cluster.time.sleep(500);
    expect(await issue(cluster, cutOff!)).toMatchObject({ status: 'done' });
  }));

test('returns that fill commits early are shed by what a commit holds, not by what it might hold', () =>
  play({ limits: { batchSizeMax: 512, pipelineDepth: 1, requestTimeoutMs: BUDGET_MS } }, async cluster => {
    const [leader] = cluster.nodes;
    for (let i = 0; i < 10; i += 1) await issue(cluster, leader!, { count: 100_000 });
    leader!.store.faults = {
      ...leader!.store.faults,
      commit: () => ({ kind: 'none', thereMs: COMMIT_MS }),
    };
    const returnFrom = (page: number): ReturnType<typeof release> =>
      release(cluster, leader!, page * PAGE + 5);
    // From these is learned how much a commit holds.
    for (let i = 0; i < 3; i += 1)
      await Promise.all(Array.from({ length: 300 }, (_, page) => returnFrom(i * 300 + page)));
    const answers = await Promise.all(
      Array.from({ length: RETURNS }, (_, i) => release(cluster, leader!, (i % 900) * PAGE + 9)),
    );
    const withStatus = (status: string): typeof answers => answers.filter(answer => answer.status === status);
    expect(withStatus('done').length).toBeGreaterThan(400);
    // Who would be kept waiting for nothing is told so at once; nobody is told that nothing was committed.
    expect(withStatus('overloaded').length).toBeGreaterThan(200);
    expect(new Set(withStatus('overloaded').map(answer => answer.tookMs))).toEqual(new Set([0]));
    expect(withStatus('unavailable')).toEqual([]);
  }));

test('a leader that refuses all without a quorum makes nobody at a follower believe that others were served', () =>
  play({ limits: { batchSizeMax: 1, requestTimeoutMs: 2_500 } }, async cluster => {
    const [leader, follower] = cluster.nodes;
    for (const node of cluster.nodes) node.store.cutOff = true;
    const first = issue(cluster, leader!);
    // The leader has had nothing confirmed for so long that it refuses at once whatever it is sent.
    await cluster.time.sleep(1_600);
    // Refused, the follower commits by itself: two of them, while the time of the others runs out.
    const answers = await Promise.all(Array.from({ length: 10 }, () => issue(cluster, follower!)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['outcome_unknown', 'unavailable']));
    await first;
  }));
