import { describe, expect, test } from 'vitest';
import { type ErrorDetails, SeqdError } from '../../src/core/errors.ts';
import { GLOBAL_SERIES, type SeriesId } from '../../src/core/identifiers.ts';
import { issue, makeWell, ownerAt, play } from '../kit/sim/scenario.ts';
import type { SimCluster, SimNode } from '../kit/sim/sim-cluster.ts';

const COMMIT_MS = 10;

interface Result {
  readonly status: string;
  readonly tookMs: number;
  readonly details: ErrorDetails;
}

function seriesOf(tenant: string, series: string | number): SeriesId {
  return { tenant, series: String(series), period: 'all' };
}

/** Every commit takes as long. */
function slowCommits(node: SimNode, ms = COMMIT_MS): void {
  node.store.faults = { ...node.store.faults, commit: () => ({ kind: 'none', thereMs: ms }) };
}

/** Draws a number. Never rejects. */
async function draw(
  cluster: SimCluster,
  node: SimNode,
  { series, reference, budgetMs }: { series: SeriesId; reference?: string; budgetMs?: number },
): Promise<Result> {
  const startedAtMs = cluster.time.nowMs;
  const origin = reference === undefined ? {} : { reference };
  const command = { kind: 'issue', owner: ownerAt('north'), count: 1 } as const;
  try {
    await node.engineOf(series).submit({ command, origin }, budgetMs);
    return { status: 'done', tookMs: cluster.time.nowMs - startedAtMs, details: {} };
  } catch (error) {
    if (!(error instanceof SeqdError)) throw error;
    return { status: error.code, tookMs: cluster.time.nowMs - startedAtMs, details: error.details };
  }
}

/** Floods series with requests until told to stop; then gives what became of them. */
function flood(
  cluster: SimCluster,
  node: SimNode,
  { series, perMs }: { series: readonly SeriesId[]; perMs: number },
): { stop(): Promise<Result[]> } {
  const results: Promise<Result>[] = [];
  let on = true;
  const round = (): void => {
    if (!on) return;
    for (const one of series)
      for (let i = 0; i < perMs; i += 1) results.push(draw(cluster, node, { series: one }));
    cluster.time.after(1, round);
  };
  round();
  return {
    stop: () => {
      on = false;
      return Promise.all(results);
    },
  };
}

/** Draws one by one with a pause between, until one is refused; gives what became of each. */
async function drawOneByOne(cluster: SimCluster, node: SimNode, series: SeriesId): Promise<Result[]> {
  const results: Result[] = [];
  for (let i = 0; i < 40; i += 1) {
    const result = await draw(cluster, node, { series });
    results.push(result);
    if (result.status !== 'done') break;
    await cluster.time.sleep(7);
  }
  return results;
}

function statuses(results: readonly Result[]): Set<string> {
  return new Set(results.map(({ status }) => status));
}

async function expectComplete(cluster: SimCluster, series: readonly SeriesId[]): Promise<void> {
  for (const one of series) {
    const report = await cluster.verify(one);
    if (report !== null) expect(report).toMatchObject({ complete: true, problems: [] });
  }
}

describe('F24: fairness under overload', () => {
  test.each([
    { where: 'the node that leads', index: 0 },
    { where: 'another node', index: 1 },
  ])(
    'a tenant with forty series that floods the leader leaves another tenant on $where its commits',
    ({ index }) =>
      play({ limits: { queueMax: 400, batchSizeMax: 10, commitsMax: 4 } }, async cluster => {
        const [leader] = cluster.nodes as [SimNode];
        const loud = Array.from({ length: 40 }, (_, i) => seriesOf('loud', i));
        const quiet = seriesOf('quiet', 'invoices');
        await Promise.all([...loud, quiet].map(series => leader.engineOf(series).start()));
        slowCommits(leader);
        let waitingMax = 0;
        let commitsMax = 0;
        const watch = setInterval(() => {
          waitingMax = Math.max(waitingMax, leader.load);
          commitsMax = Math.max(commitsMax, leader.deps.slots.underWay);
          expect(leader.deps.admission.waiting).toBe(leader.load);
        }, 1);
        const flooding = flood(cluster, leader, { series: loud, perMs: 2 });
        await cluster.time.sleep(50);
        const served = await drawOneByOne(cluster, cluster.nodes[index]!, quiet);
        const flooded = await flooding.stop();
        clearInterval(watch);
        expect(statuses(served)).toEqual(new Set(['done']));
        // Until a slot is free, until the turn after the flood's, and the commit itself.
        expect(Math.max(...served.map(({ tookMs }) => tookMs))).toBeLessThanOrEqual(3 * COMMIT_MS);
        expect(statuses(flooded)).toEqual(new Set(['done', 'overloaded']));
        expect(waitingMax).toBeGreaterThan(300);
        expect(waitingMax).toBeLessThanOrEqual(400);
        expect(commitsMax).toBe(4);
        expect(leader.deps.admission.tenantsWaiting).toBe(0);
        await expectComplete(cluster, [...loud, quiet]);
      }),
  );

  test('the series of a tenant take turns, so none of forty waits for longer than all have had one', () =>
    play({ limits: { queueMax: 4_000, batchSizeMax: 10, commitsMax: 4 } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      const all = Array.from({ length: 40 }, (_, i) => seriesOf('loud', i));
      await Promise.all(all.map(series => leader.engineOf(series).start()));
      slowCommits(leader);
      const committedAtMs = new Map(all.map(({ series }) => [series, [0]]));
      leader.deps.observer.batchCommitted = ({ series }) =>
        committedAtMs.get(series)?.push(cluster.time.nowMs);
      const flooding = flood(cluster, leader, { series: all, perMs: 1 });
      await cluster.time.sleep(1_000);
      for (const times of committedAtMs.values()) {
        const waits = times.slice(1).map((ms, i) => ms - times[i]!);
        expect(times.length).toBeGreaterThan(5);
        // Forty turns, four at a time; and each may have had one more under way when its turn came.
        expect(Math.max(...waits)).toBeLessThanOrEqual((40 / 4 + 2) * COMMIT_MS);
      }
      await flooding.stop();
    }));

  test('a flood within one series leaves room for another of the tenant, and says whose share is used up', () =>
    play({ limits: { queueMax: 100, batchSizeMax: 10, commitsMax: 2 } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      const [loud, quiet] = [seriesOf('t', 'loud'), seriesOf('t', 'quiet')];
      await Promise.all([loud, quiet].map(series => leader.engineOf(series).start()));
      slowCommits(leader);
      const flooding = flood(cluster, leader, { series: [loud], perMs: 20 });
      await cluster.time.sleep(50);
      const served = await drawOneByOne(cluster, leader, quiet);
      const flooded = await flooding.stop();
      expect(statuses(served)).toEqual(new Set(['done']));
      expect(Math.max(...served.map(({ tookMs }) => tookMs))).toBeLessThanOrEqual(4 * COMMIT_MS);
      const refused = flooded.filter(({ status }) => status === 'overloaded');
      expect(refused.length).toBeGreaterThan(0);
      expect(refused[0]!.details).toMatchObject({
        scope: 'series',
        tenant: 't',
        series: 't/loud/all',
        waiting: 80,
        waitingMax: 80,
        queueMax: 100,
      });
    }));

  test('series whose commits are stuck do not keep others from committing for longer than a second', () =>
    play({ limits: { commitsMax: 2, requestTimeoutMs: 2_500 } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      const stuck = [seriesOf('t', 'stuck-1'), seriesOf('t', 'stuck-2')];
      const well = seriesOf('t', 'well');
      await Promise.all([...stuck, well].map(series => leader.engineOf(series).start()));
      leader.store.faults = {
        ...leader.store.faults,
        commit: ({ series }) => ({
          kind: series.series.startsWith('stuck') ? 'drop-request' : 'none',
          thereMs: COMMIT_MS,
        }),
      };
      const lost = stuck.map(series => draw(cluster, leader, { series }));
      await cluster.time.sleep(1);
      const first = await draw(cluster, leader, { series: well });
      expect(first.status).toBe('done');
      expect(first.tookMs).toBeLessThanOrEqual(1_000 + 2 * COMMIT_MS);
      const second = await draw(cluster, leader, { series: well });
      expect(second).toMatchObject({ status: 'done', tookMs: COMMIT_MS });
      makeWell(cluster);
      expect(statuses(await Promise.all(lost))).toEqual(new Set(['done']));
      expect(leader.deps.slots.underWay).toBe(0);
    }));

  test('a node that ends with series waiting for their turn leaves nothing behind', () =>
    play({ limits: { commitsMax: 2 } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      const all = Array.from({ length: 10 }, (_, i) => seriesOf('t', i));
      await Promise.all(all.map(series => leader.engineOf(series).start()));
      slowCommits(leader, 200);
      const requests = all.map(series => draw(cluster, leader, { series }));
      await cluster.time.sleep(20);
      expect(leader.deps.slots.waiting).toBe(8);
      await cluster.restart(0);
      expect(statuses(await Promise.all(requests))).toEqual(new Set(['outcome_unknown', 'draining']));
      expect(leader.deps.slots).toMatchObject({ waiting: 0, underWay: 0 });
      expect(leader.deps.admission.waiting).toBe(0);
    }));
});

describe('F16: deadlines under overload', () => {
  const LIMITS = { batchSizeMax: 10, pipelineDepth: 1, requestTimeoutMs: 1_000 };
  const SLOW_MS = 180;

  /** Enough commits to tell how long one takes. */
  async function learn(cluster: SimCluster, node: SimNode): Promise<void> {
    for (let i = 0; i < 6; i += 1) expect(await issue(cluster, node)).toMatchObject({ status: 'done' });
  }

  test('what could not be answered in time is refused at once, says when to come back, and leaves no trace', () =>
    play({ limits: LIMITS }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      slowCommits(leader, SLOW_MS);
      await learn(cluster, leader);
      const results = await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          draw(cluster, leader, { series: GLOBAL_SERIES, reference: `r${i}` }),
        ),
      );
      // Five batches of ten within a second; nobody waits in vain.
      expect(statuses(results.slice(0, 50))).toEqual(new Set(['done']));
      for (const { status, tookMs, details } of results.slice(50)) {
        expect({ status, tookMs }).toEqual({ status: 'overloaded', tookMs: 0 });
        expect(details).toMatchObject({
          tenant: 'default',
          series: 'default/global/all',
          budgetMs: 1_000,
          retryAfterSeconds: 1,
        });
        expect(details['expectedMs']).toBeCloseTo(6 * SLOW_MS, -1);
      }
      const references = (await cluster.facts()).flatMap(({ fact }) => fact.reference ?? []);
      expect(new Set(references)).toEqual(new Set(Array.from({ length: 50 }, (_, i) => `r${i}`)));
    }));

  test('a request that is forwarded is refused for the budget that it brings', () =>
    play({ limits: LIMITS }, async cluster => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      slowCommits(leader, SLOW_MS);
      await learn(cluster, leader);
      const patient = Array.from({ length: 30 }, () => issue(cluster, leader));
      await cluster.time.sleep(1);
      const hasty = await draw(cluster, other, { series: GLOBAL_SERIES, budgetMs: 400 });
      expect(hasty).toMatchObject({ status: 'overloaded', details: { retryAfterSeconds: 1 } });
      expect(hasty.tookMs).toBeLessThan(10);
      expect(await draw(cluster, other, { series: GLOBAL_SERIES })).toMatchObject({ status: 'done' });
      for (const { status } of await Promise.all(patient)) expect(status).toBe('done');
    }));

  test('so it is refused before it is forwarded when messages take too long', () =>
    play({ limits: LIMITS }, async cluster => {
      const [, other] = cluster.nodes as [SimNode, SimNode];
      cluster.network.faults = () => ({ kind: 'none', thereMs: SLOW_MS / 2, backMs: SLOW_MS / 2 });
      await learn(cluster, other);
      const results = await Promise.all(
        Array.from({ length: 200 }, () => draw(cluster, other, { series: GLOBAL_SERIES })),
      );
      const { messages } = cluster.network;
      expect(statuses(results)).toEqual(new Set(['done', 'overloaded']));
      for (const { status, tookMs } of results) if (status === 'overloaded') expect(tookMs).toBe(0);
      expect(messages).toBeLessThanOrEqual(6 + 5);
    }));

  test('with too little to go by nothing is refused', () =>
    play({ limits: LIMITS }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      slowCommits(leader, SLOW_MS);
      await issue(cluster, leader);
      const results = await Promise.all(Array.from({ length: 400 }, () => issue(cluster, leader)));
      // What is on its way when its budget ends is unknown, the rest was not attempted.
      const known = new Set(['done', 'outcome_unknown', 'overloaded']);
      expect(new Set(results.map(({ status }) => status))).toEqual(known);
      for (const { status, tookMs } of results)
        if (status === 'overloaded') expect(tookMs).toBeGreaterThan(0);
    }));

  test('commits that take longer than any budget are tried again and again, and once they are fast all is as before', () =>
    play({ limits: LIMITS }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      slowCommits(leader, SLOW_MS);
      await learn(cluster, leader);
      slowCommits(leader, 250);
      const sickly = flood(cluster, leader, { series: [GLOBAL_SERIES], perMs: 1 });
      await cluster.time.sleep(3_000);
      slowCommits(leader, 1_200);
      await cluster.time.sleep(12_000);
      slowCommits(leader, 5);
      await cluster.time.sleep(2_000);
      const recent = await Promise.all(Array.from({ length: 50 }, () => issue(cluster, leader)));
      expect(new Set(recent.map(({ status }) => status))).toEqual(new Set(['done']));
      await sickly.stop();
    }));
});
