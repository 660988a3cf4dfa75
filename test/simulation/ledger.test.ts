import { describe, expect, test } from 'vitest';
import { SeqdError } from '../../src/core/errors.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import { decodeBatch } from '../../src/core/batch-codec.ts';
import type { JournalEntry } from '../../src/core/records.ts';
import type { DrawFinder } from '../../src/ports/ledger.ts';
import { Nemesis } from '../kit/sim/nemesis.ts';
import { Random } from '../kit/sim/random.ts';
import { NO_STORE_FAULTS } from '../kit/sim/faulty-store.ts';
import { digest, SeriesWorld } from '../kit/series-world.ts';
import { issue, ownerAt, play, release, send } from '../kit/sim/scenario.ts';
import type { SimCluster, SimNode, SimOptions } from '../kit/sim/sim-cluster.ts';
import { LEDGER, PROJECTOR, SimLedger } from '../kit/sim/sim-ledger.ts';

/** More than projecting, publishing and looking take. */
const SETTLE_MS = 3_000;
/** More than between two looks at the journal. */
const KEEP_MS = 5_100;

/** Plays a scenario with a ledger that every node writes to when elected. Afterwards ledger and journal are the same. */
function playLedger(
  options: SimOptions,
  scene: (cluster: SimCluster, ledger: SimLedger) => Promise<void>,
  { same = true }: { same?: boolean } = {},
): Promise<void> {
  return play({ lookIntervalMs: 250, ledger: LEDGER, ...options }, async cluster => {
    const ledger = new SimLedger(cluster);
    ledger.start();
    try {
      await scene(cluster, ledger);
      for (const path of ledger.paths) path.cutOff = false;
      await cluster.time.sleep(15_000);
      if (!same) return;
      const { journal, ledger: texts } = await ledger.both();
      // What is pruned is in the ledger alone.
      const pruned = texts.length - journal.length;
      expect(journal.findIndex((text, i) => text !== texts[pruned + i])).toBe(-1);
      const { sequence } = decodeBatch(journal.at(-1)!);
      expect(texts).toHaveLength(sequence);
      const chain = digest(journal.at(-1)!);
      expect(await ledger.published()).toMatchObject({ sequence, chain, problem: null });
    } finally {
      ledger.close();
      await cluster.time.sleep(1_000);
    }
  });
}

async function issueMany(cluster: SimCluster, node: SimNode, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1)
    expect(
      await issue(cluster, node, { reference: 'some text that takes room in the journal' }),
    ).toMatchObject({ status: 'done' });
}

/** A batch that goes on from where the ledger ends. */
function entryAfter({ ledger }: SimLedger): JournalEntry {
  const world = new SeriesWorld();
  for (let i = 0; i < 2; i += 1) world.do({ kind: 'issue', owner: ownerAt('north'), count: 1 });
  const texts = ledger.texts(GLOBAL_SERIES);
  const stored = JSON.parse(world.journal[1]!) as Record<string, unknown>;
  const last = decodeBatch(texts.at(-1)!);
  const batch = {
    ...decodeBatch(world.journal[1]!),
    sequence: last.sequence + 1,
    previous: digest(texts.at(-1)!),
  };
  return { batch, text: JSON.stringify({ ...stored, ahead: true }), revision: 1_000 };
}

/** Issues a number every `everyMs` until told to stop. Gives what became of each. */
function keepIssuing(
  cluster: SimCluster,
  everyMs: number,
): { readonly statuses: string[]; stop(): Promise<void> } {
  const statuses: string[] = [];
  const control = { going: true };
  const done = (async () => {
    while (control.going) {
      statuses.push((await issue(cluster, cluster.nodes[1]!)).status);
      await cluster.time.sleep(everyMs);
    }
  })();
  return {
    statuses,
    stop: () => {
      control.going = false;
      return done;
    },
  };
}

describe('one node writes to the ledger', () => {
  test('and it is not the one that leads', () =>
    playLedger({}, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 20);
      await cluster.time.sleep(SETTLE_MS);
      expect(ledger.projecting).toBeGreaterThan(0);
      expect(ledger.projectors.filter(({ isProjecting }) => isProjecting)).toHaveLength(1);
      expect(await ledger.published()).toMatchObject({ sequence: 20 });
      expect(cluster.nodes.map(({ sequencer }) => sequencer.ledger.view())).toEqual(
        Array.from({ length: 3 }, () =>
          expect.objectContaining({ state: 'ok', position: 20, lagBatches: 0, lagSeconds: 0, fullness: 0 }),
        ),
      );
    }));

  test('which gives that up once when it becomes the leader', () =>
    playLedger({}, async (cluster, ledger) => {
      await cluster.time.sleep(SETTLE_MS);
      const before = ledger.projecting;
      cluster.elect(before);
      await cluster.time.sleep(SETTLE_MS);
      expect(ledger.projecting).not.toBe(before);
      expect(ledger.projecting).toBeGreaterThanOrEqual(0);
      await issueMany(cluster, cluster.nodes[0]!, 5);
    }));

  test('be it the leader, when no other node has a ledger', () =>
    playLedger({}, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 5);
      await cluster.time.sleep(SETTLE_MS);
      ledger.projectors[1]!.close();
      ledger.projectors[2]!.close();
      ledger.loseLease(1);
      ledger.loseLease(2);
      await cluster.time.sleep(2 * SETTLE_MS);
      expect(ledger.projecting).toBe(0);
      const { epoch } = cluster.election.others.get('default/global/all/projector/all')!;
      await cluster.time.sleep(60_000);
      expect(cluster.election.others.get('default/global/all/projector/all')!.epoch).toBe(epoch);
    }));

  test('and another one goes on within a second when it has been killed', () =>
    playLedger({}, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 20);
      await cluster.time.sleep(SETTLE_MS);
      const killed = ledger.projecting;
      ledger.projectors[killed]!.close();
      await issueMany(cluster, cluster.nodes[0]!, 20);
      await cluster.time.sleep(3_000);
      expect(await ledger.published()).toMatchObject({ sequence: 20 });
      ledger.loseLease(killed);
      await cluster.time.sleep(1_000);
      expect(ledger.projecting).not.toBe(killed);
      expect(await ledger.published()).toMatchObject({ sequence: 40 });
    }));

  test('and another one goes on at once when it drains', () =>
    playLedger({}, async (cluster, ledger) => {
      await cluster.time.sleep(SETTLE_MS);
      const drained = ledger.projecting;
      await ledger.projectors[drained]!.drain({ deadlineMs: 1_000 });
      expect(ledger.projecting).not.toBe(drained);
      await issueMany(cluster, cluster.nodes[0]!, 5);
      await cluster.time.sleep(SETTLE_MS);
      expect(ledger.projecting).not.toBe(drained);
    }));
});

describe('a projector that has been deposed without knowing', () => {
  test('neither writes to the ledger nor moves the position', () =>
    playLedger({}, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 10);
      await cluster.time.sleep(SETTLE_MS);
      const old = ledger.projecting;
      const next = 3 - old;
      // It goes on believing, and what it sends from now on takes its time.
      cluster.nodes[old]!.coordination.frozen = true;
      ledger.paths[old]!.delayMs = 2_000;
      await issueMany(cluster, cluster.nodes[0]!, 10);
      await cluster.time.sleep(1_000);
      cluster.election.electOther(PROJECTOR, cluster.nodes[next]!.info);
      cluster.nodes[next]!.coordination.lookNow();
      await issueMany(cluster, cluster.nodes[0]!, 10);
      await cluster.time.sleep(1_000);
      const published = await ledger.published();
      expect(published).toMatchObject({ sequence: 30, node: `node-${next}` });
      await cluster.time.sleep(6_000);
      expect(await ledger.published()).toEqual(published);
      // Now it alone would write.
      ledger.paths[next]!.cutOff = true;
      await issueMany(cluster, cluster.nodes[0]!, 10);
      await cluster.time.sleep(10_000);
      expect(ledger.ledger.texts(GLOBAL_SERIES)).toHaveLength(30);
      ledger.paths[next]!.cutOff = false;
      await cluster.time.sleep(6_000);
      expect(await ledger.published()).toMatchObject({ sequence: 40, node: `node-${next}` });
    }));

  test('does no harm when both write at the same time', () =>
    playLedger({}, async (cluster, ledger) => {
      await cluster.time.sleep(SETTLE_MS);
      const old = ledger.projecting;
      cluster.nodes[old]!.coordination.frozen = true;
      cluster.election.electOther(PROJECTOR, cluster.nodes[3 - old]!.info);
      cluster.nodes[3 - old]!.coordination.lookNow();
      for (let round = 0; round < 30; round += 1) {
        ledger.paths[old]!.delayMs = cluster.random.int(0, 100);
        ledger.paths[3 - old]!.delayMs = cluster.random.int(0, 100);
        await issueMany(cluster, cluster.nodes[0]!, 5);
        await cluster.time.sleep(cluster.random.int(10, 400));
      }
    }));

  test('is not believed when it finds that the journal was pruned behind its successor', () =>
    playLedger({ journal: { batchesMax: 1 } }, async (cluster, ledger) => {
      await cluster.time.sleep(SETTLE_MS);
      const old = ledger.projecting;
      ledger.paths[old]!.delayMs = 20_000;
      await issueMany(cluster, cluster.nodes[0]!, 500);
      await cluster.time.sleep(1_000);
      cluster.election.electOther(PROJECTOR, cluster.nodes[3 - old]!.info);
      for (const node of cluster.nodes) node.coordination.lookNow();
      await issueMany(cluster, cluster.nodes[0]!, 1_500);
      await cluster.time.sleep(40_000);
      expect((await cluster.journal())[0]!.sequence).toBeGreaterThan(900);
      expect(ledger.logged.filter(({ level }) => level === 'error')).toEqual([]);
    }));
});

describe('the lag', () => {
  test('of what is drawn after a quiet hour is not that hour', () =>
    playLedger({}, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 5);
      await cluster.time.sleep(3_600_000);
      // Nobody takes it in for a moment, so that every node sees it wait.
      for (const path of ledger.paths) path.delayMs = 1_500;
      await issue(cluster, cluster.nodes[0]!);
      const seen: number[] = [];
      for (let i = 0; i < 20; i += 1) {
        await cluster.time.sleep(100);
        for (const { sequencer } of cluster.nodes) seen.push(sequencer.ledger.view().lagSeconds);
      }
      expect(Math.max(...seen)).toBeGreaterThan(0.3);
      expect(Math.max(...seen)).toBeLessThan(3);
    }));
});

describe('a ledger that is down', () => {
  test('for five minutes holds nothing up, and has everything soon after it is back', () =>
    playLedger({}, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 20);
      await cluster.time.sleep(SETTLE_MS);
      const traffic = keepIssuing(cluster, 200);
      for (const path of ledger.paths) path.cutOff = true;
      await cluster.time.sleep(60_000);
      const { sequencer } = cluster.nodes[0]!;
      expect(sequencer.ledger.view()).toMatchObject({ state: 'unavailable' });
      expect(sequencer.ledger.view().lagSeconds).toBeGreaterThan(55);
      expect(sequencer.ledger.view().lagSeconds).toBeLessThan(65);
      await cluster.time.sleep(240_000);
      const calls = Math.max(...ledger.paths.map(path => path.calls));
      expect(calls).toBeLessThan(150);
      for (const path of ledger.paths) path.cutOff = false;
      await cluster.time.sleep(8_000);
      await traffic.stop();
      await cluster.time.sleep(SETTLE_MS);
      expect(new Set(traffic.statuses)).toEqual(new Set(['done']));
      expect(traffic.statuses.length).toBeGreaterThan(1_000);
      expect(sequencer.ledger.view()).toMatchObject({ state: 'ok', lagBatches: 0, lagSeconds: 0 });
      expect(Math.max(...ledger.paths.map(path => path.largest))).toBeGreaterThan(900);
    }));

  test('for one node alone is left to another one after a while', () =>
    playLedger({}, async (cluster, ledger) => {
      await cluster.time.sleep(SETTLE_MS);
      const cutOff = ledger.projecting;
      ledger.paths[cutOff]!.cutOff = true;
      await issueMany(cluster, cluster.nodes[0]!, 5);
      await cluster.time.sleep(40_000);
      expect(ledger.projecting).not.toBe(cutOff);
      expect(await ledger.published()).toMatchObject({ sequence: 5, problem: null });
    }));

  test('is no news at every attempt', () =>
    playLedger({}, async (cluster, ledger) => {
      await cluster.time.sleep(SETTLE_MS);
      await issueMany(cluster, cluster.nodes[0]!, 5);
      ledger.logged.length = 0;
      ledger.paths[ledger.projecting]!.cutOff = true;
      await cluster.time.sleep(20_000);
      expect(ledger.logged).toEqual([
        { level: 'warn', message: expect.stringContaining('the ledger does not answer') as string },
      ]);
      ledger.paths[ledger.projecting]!.cutOff = false;
      await cluster.time.sleep(10_000);
      expect(ledger.logged.slice(1)).toEqual([{ level: 'info', message: 'the ledger takes batches again' }]);
    }));
});

describe('a batch reaches the ledger once', () => {
  test('when each write arrives twice', () =>
    playLedger({}, async (cluster, ledger) => {
      for (const path of ledger.paths) path.doubled = true;
      for (let i = 0; i < 10; i += 1) {
        await issueMany(cluster, cluster.nodes[0]!, 7);
        await cluster.time.sleep(150);
      }
    }));

  test('when the answer to a write is lost', () =>
    playLedger({}, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 5);
      await cluster.time.sleep(SETTLE_MS);
      ledger.paths[ledger.projecting]!.losesAnswer = true;
      await issueMany(cluster, cluster.nodes[0]!, 5);
      await cluster.time.sleep(SETTLE_MS);
      expect(ledger.ledger.texts(GLOBAL_SERIES)).toHaveLength(10);
    }));

  test('when etcd answers the projector only now and then', () =>
    playLedger({}, async (cluster, ledger) => {
      for (const node of cluster.nodes.slice(1)) {
        node.store.faults = {
          ...NO_STORE_FAULTS,
          read: () => ({
            kind: cluster.random.chance(0.3) ? 'unavailable' : 'none',
            backMs: cluster.random.int(0, 50),
          }),
        };
      }
      await issueMany(cluster, cluster.nodes[0]!, 200);
      await cluster.time.sleep(SETTLE_MS);
      expect(ledger.logged.filter(({ level }) => level !== 'info')).toEqual([]);
    }));
});

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(decade => [decade, decade] as const))(
  'whatever goes wrong with nodes, etcd and the ledger, it is the journal in the end: seeds %d0 to %d9',
  async decade => {
    for (let seed = decade * 10; seed < decade * 10 + 10; seed += 1) await playStorm(seed);
  },
);

/** Twenty seconds in which nodes, elections, etcd and the ledger fail at random while numbers are drawn. */
async function playStorm(seed: number): Promise<void> {
  await playLedger({ seed, lookIntervalMs: 250 }, async (cluster, ledger) => {
    const random = new Random(seed);
    const nemesis = new Nemesis(cluster, random.fork());
    nemesis.start(700);
    let known = -1;
    for (let step = 0; step < 100; step += 1) {
      ledger.follow();
      void issue(cluster, random.pick(cluster.nodes));
      const path = random.pick(ledger.paths);
      const dice = random.next();
      if (dice < 0.1) path.cutOff = !path.cutOff;
      else if (dice < 0.2) path.delayMs = random.int(0, 1_500);
      else if (dice < 0.25) path.losesAnswer = true;
      else if (dice < 0.3) path.doubled = !path.doubled;
      else if (dice < 0.35) cluster.election.electOther(PROJECTOR, random.pick(cluster.nodes).info);
      await cluster.time.sleep(random.int(10, 400));
      const sequence = (await ledger.published())?.sequence ?? -1;
      // What is published is in the ledger, and never moves back.
      expect(sequence).toBeGreaterThanOrEqual(known);
      expect(ledger.ledger.texts(GLOBAL_SERIES).length).toBeGreaterThanOrEqual(Math.max(0, sequence));
      known = sequence;
    }
    nemesis.heal();
    ledger.follow();
    for (const path of ledger.paths) path.cutOff = false;
    await cluster.time.sleep(8_000);
    expect(ledger.logged.filter(({ level }) => level === 'error')).toEqual([]);
  });
}

describe('the journal is pruned only behind the ledger', () => {
  const journal = { batchesMax: 10 };

  test('by the leader that knows of one, even before its first position', () =>
    playLedger(
      { journal },
      async (cluster, ledger) => {
        for (const path of ledger.paths) path.cutOff = true;
        for (const projector of ledger.projectors) projector.close();
        await issueMany(cluster, cluster.nodes[0]!, 1_500);
        await cluster.time.sleep(KEEP_MS);
        expect((await cluster.journal())[0]!.sequence).toBe(1);
      },
      { same: false },
    ));

  test('as far as it has got', () =>
    playLedger({ journal }, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 300);
      await cluster.time.sleep(SETTLE_MS);
      for (const path of ledger.paths) path.cutOff = true;
      await issueMany(cluster, cluster.nodes[0]!, 1_500);
      await cluster.time.sleep(KEEP_MS);
      expect((await cluster.journal())[0]!.sequence).toBe(301);
      for (const path of ledger.paths) path.cutOff = false;
      await cluster.time.sleep(10_000 + KEEP_MS);
      expect((await cluster.journal())[0]!.sequence).toBe(801);
    }));

  test('by a leader that was told of none, when another node was', () =>
    playLedger({ journal, ledger: { ...LEDGER, configured: false } }, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 100);
      await cluster.time.sleep(SETTLE_MS);
      for (const path of ledger.paths) path.cutOff = true;
      await issueMany(cluster, cluster.nodes[0]!, 1_500);
      await cluster.time.sleep(KEEP_MS);
      expect((await cluster.journal())[0]!.sequence).toBe(101);
      expect(cluster.nodes[0]!.sequencer.ledger.view()).toMatchObject({
        state: 'unavailable',
        position: 100,
      });
    }));

  test('and not by a request that rests on a position that has been taken back', () =>
    playLedger({ journal }, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 1_500);
      await cluster.time.sleep(SETTLE_MS);
      cluster.nodes[0]!.store.faults = {
        ...NO_STORE_FAULTS,
        read: key => ({ kind: 'none', thereMs: key === 'prune' ? 12_000 : 0 }),
      };
      await cluster.time.sleep(KEEP_MS);
      ledger.ledger.restore(GLOBAL_SERIES, 200);
      ledger.paths[ledger.projecting]!.delayMs = 1_000;
      await issueMany(cluster, cluster.nodes[0]!, 1);
      await cluster.time.sleep(12_000);
      expect((await cluster.journal())[0]!.sequence).toBe(1);
    }));
});

describe('a release of a number whose journal entry is pruned', () => {
  const options = (ledger: DrawFinder): SimOptions => ({
    journal: { batchesMax: 10 },
    ledger: { ...LEDGER, lookup: ledger },
  });

  /** Issues until the first numbers' entries are pruned. */
  async function pruneFirst(cluster: SimCluster): Promise<void> {
    await issueMany(cluster, cluster.nodes[0]!, 1_200);
    await cluster.time.sleep(SETTLE_MS + KEEP_MS);
    expect((await cluster.journal())[0]!.sequence).toBeGreaterThan(100);
  }

  test('needs no allocationId, since the ledger tells whose it was', async () => {
    let asked: SimLedger | undefined;
    const lookup = { findDraw: ((...of) => asked!.ledger.findDraw(...of)) as DrawFinder['findDraw'] };
    await playLedger(options(lookup), async (cluster, ledger) => {
      asked = ledger;
      await pruneFirst(cluster);
      expect(await release(cluster, cluster.nodes[1]!, 5)).toMatchObject({ status: 'done' });
      expect(await release(cluster, cluster.nodes[1]!, 5)).toMatchObject({ status: 'already_released' });
      const wrong = { kind: 'release', number: 6, site: 'south', partition: 'a', reason: 'test' } as const;
      expect(await send(cluster, cluster.nodes[1]!, wrong)).toMatchObject({ status: 'not_owner' });
      const stale = { allocation: { sequence: 9, index: 0 } };
      expect(await release(cluster, cluster.nodes[1]!, 6, stale)).toMatchObject({
        status: 'stale_allocation',
      });
    });
  });

  test('while the ledger is down is refused for now, unless the client says whose it was', () =>
    playLedger(
      options({ findDraw: () => Promise.reject(new SeqdError('ledger_unavailable')) }),
      async cluster => {
        await pruneFirst(cluster);
        expect(await release(cluster, cluster.nodes[1]!, 5)).toMatchObject({ status: 'ledger_unavailable' });
        const claimed = {
          kind: 'release',
          number: 5,
          site: 'north',
          partition: 'a',
          type: 'invoice',
          allocation: { sequence: 5, index: 0 },
          reason: 'test',
        } as const;
        expect(await send(cluster, cluster.nodes[1]!, claimed)).toMatchObject({ status: 'done' });
      },
    ));
});

describe('a ledger that contradicts the journal', () => {
  const diverged = expect.objectContaining({ level: 'error' }) as unknown;

  test('because it was restored gets again what the journal still has, and that is said', () =>
    playLedger({}, async (cluster, ledger) => {
      await issueMany(cluster, cluster.nodes[0]!, 50);
      await cluster.time.sleep(SETTLE_MS);
      ledger.ledger.restore(GLOBAL_SERIES, 20);
      await cluster.time.sleep(15_000);
      expect(ledger.logged).toContainEqual(diverged);
      expect(ledger.ledger.texts(GLOBAL_SERIES)).toHaveLength(50);
    }));

  test('because the journal was pruned below it is left alone, loudly, and so is the journal', () =>
    playLedger(
      { journal: { batchesMax: 10 } },
      async (cluster, ledger) => {
        await issueMany(cluster, cluster.nodes[0]!, 1_500);
        await cluster.time.sleep(SETTLE_MS + KEEP_MS);
        expect((await cluster.journal())[0]!.sequence).toBe(501);
        ledger.ledger.restore(GLOBAL_SERIES, 300);
        await issueMany(cluster, cluster.nodes[0]!, 5);
        await cluster.time.sleep(30_000);
        expect(ledger.logged.filter(({ level }) => level === 'error')).toHaveLength(1);
        expect(ledger.ledger.texts(GLOBAL_SERIES)).toHaveLength(300);
        expect(await ledger.published()).toMatchObject({
          problem: 'diverged',
          detail: expect.stringContaining('the journal begins with 501') as string,
        });
        expect(cluster.nodes.map(({ sequencer }) => sequencer.ledger.view().state)).toEqual(
          Array.from({ length: 3 }, () => 'diverged'),
        );
        await issueMany(cluster, cluster.nodes[0]!, 100);
        await cluster.time.sleep(2 * KEEP_MS);
        expect((await cluster.journal())[0]!.sequence).toBe(501);
      },
      { same: false },
    ));

  test('because etcd was restored is left alone, loudly', () =>
    playLedger(
      {},
      async (cluster, ledger) => {
        await issueMany(cluster, cluster.nodes[0]!, 20);
        await cluster.time.sleep(SETTLE_MS);
        // What etcd has forgotten is in the ledger, under an election that etcd has forgotten too.
        await ledger.ledger.append(GLOBAL_SERIES, [entryAfter(ledger)], Number.MAX_SAFE_INTEGER);
        ledger.loseLease(ledger.projecting);
        await cluster.time.sleep(15_000);
        expect(ledger.logged).toContainEqual(diverged);
        expect(await ledger.published()).toMatchObject({ sequence: 20, problem: 'diverged' });
      },
      { same: false },
    ));
});

describe('a ledger given to a series that was pruned before there was one', () => {
  test('begins where the journal does, says so, and refuses nothing', () =>
    play(
      {
        lookIntervalMs: 250,
        journal: { batchesMax: 10 },
        ledger: { ...LEDGER, configured: false, batchesMax: 1_200 },
      },
      async cluster => {
        const [leader] = cluster.nodes as [SimNode];
        await issueMany(cluster, leader, 1_500);
        await cluster.time.sleep(SETTLE_MS + 2 * KEEP_MS);
        expect((await cluster.journal())[0]!.sequence).toBe(501);
        for (const { deps } of cluster.nodes) Object.assign(deps.ledger!, { configured: true });
        const ledger = new SimLedger(cluster);
        for (const path of ledger.paths) path.cutOff = true;
        ledger.start();
        try {
          await cluster.time.sleep(SETTLE_MS + KEEP_MS);
          expect(leader.sequencer.ledger.view()).toMatchObject({ lagBatches: 1_000 });
          expect(await issue(cluster, leader)).toMatchObject({ status: 'done' });
          for (const path of ledger.paths) path.cutOff = false;
          await cluster.time.sleep(15_000);
          expect(ledger.ledger.texts(GLOBAL_SERIES)).toHaveLength(1_001);
          expect(await ledger.published()).toMatchObject({ sequence: 1_501, problem: null });
          expect(ledger.logged.filter(({ level }) => level === 'error')).toEqual([]);
          expect(ledger.logged).toContainEqual({
            level: 'warn',
            message: expect.stringContaining('begins with batch 501') as string,
          });
          expect(leader.sequencer.ledger.view()).toMatchObject({ state: 'ok', lagBatches: 0 });
        } finally {
          ledger.close();
          await cluster.time.sleep(1_000);
        }
      },
    ));
});

describe('a ledger that takes too long for a chunk', () => {
  test('gets smaller ones, which then grow again', () =>
    playLedger({}, async (cluster, ledger) => {
      for (const path of ledger.paths) path.cutOff = true;
      await issueMany(cluster, cluster.nodes[0]!, 600);
      for (const path of ledger.paths) Object.assign(path, { cutOff: false, batchesInTime: 100 });
      await cluster.time.sleep(20_000);
      expect(await ledger.published()).toMatchObject({ sequence: 600 });
      const tooLong = ledger.paths.reduce((sum, path) => sum + path.tooLong, 0);
      expect(tooLong).toBeGreaterThan(0);
      expect(tooLong).toBeLessThan(10);
    }));
});

describe('a journal that waits for the ledger', () => {
  const bounded = { ledger: { ...LEDGER, bytesMax: 40_000 } };

  test('is bounded: draws and releases are refused on every node, and served again when the ledger has caught up', () =>
    playLedger(bounded, async (cluster, ledger) => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      const first = await issue(cluster, leader);
      await cluster.time.sleep(SETTLE_MS);
      for (const path of ledger.paths) path.cutOff = true;
      let status = '';
      for (let i = 0; i < 1_000 && status !== 'journal_full'; i += 1) {
        ({ status } = await issue(cluster, leader, {
          reference: 'some text that takes room in the journal',
        }));
      }
      expect(status).toBe('journal_full');
      expect(leader.sequencer.ledger.view().fullness).toBeGreaterThanOrEqual(1);
      expect(leader.sequencer.ledger.view().fullness).toBeLessThan(1.1);
      for (const node of [leader, other]) {
        expect(await issue(cluster, node)).toMatchObject({ status: 'journal_full' });
        expect(await release(cluster, node, first.numbers[0]!)).toMatchObject({ status: 'journal_full' });
      }
      for (const path of ledger.paths) path.cutOff = false;
      await cluster.time.sleep(8_000);
      for (const node of [leader, other])
        expect(await issue(cluster, node)).toMatchObject({ status: 'done' });
    }));

  test('says so in the log at a half, at four fifths, when it is full and when that is over', () =>
    playLedger(bounded, async (cluster, ledger) => {
      const [leader] = cluster.nodes as [SimNode];
      const said: string[] = [];
      const log = (level: string) => (fields: object, message: string) => {
        if (message.includes('journal'))
          said.push(`${level} ${'percent' in fields ? String(fields.percent) : ''}`);
      };
      Object.assign(leader.deps.logger, { warn: log('warn'), error: log('error'), info: log('info') });
      for (const path of ledger.paths) path.cutOff = true;
      for (let i = 0; i < 1_000; i += 1) {
        const { status } = await issue(cluster, leader, {
          reference: 'some text that takes room in the journal',
        });
        if (status !== 'done') break;
        await cluster.time.sleep(100);
      }
      await cluster.time.sleep(1_000);
      for (const path of ledger.paths) path.cutOff = false;
      await cluster.time.sleep(10_000);
      expect(said).toEqual([
        expect.stringMatching(/^warn 5\d$/),
        expect.stringMatching(/^warn 8\d$/),
        expect.stringMatching(/^error 10\d$/),
        expect.stringMatching(/^info 0$/),
      ]);
    }));

  test('is bounded on a node that commits for want of a leader', () =>
    playLedger({ ledger: { ...LEDGER, batchesMax: 30 } }, async (cluster, ledger) => {
      for (const path of ledger.paths) path.cutOff = true;
      const [, other] = cluster.nodes as [SimNode, SimNode];
      other.coordination.view = undefined;
      other.coordination.frozen = true;
      const statuses: string[] = [];
      for (let i = 0; i < 35; i += 1) statuses.push((await issue(cluster, other)).status);
      expect(statuses.filter(status => status === 'done')).toHaveLength(30);
      expect(statuses.at(-1)).toBe('journal_full');
      other.coordination.frozen = false;
    }));
});
