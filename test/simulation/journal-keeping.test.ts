import { describe, expect, test } from 'vitest';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import { silentLogger } from '../../src/ports/logger.ts';
import { JournalIndex } from '../../src/sequencer/journal-index.ts';
import { JournalKeeper, type JournalLimits } from '../../src/sequencer/journal-keeper.ts';
import { readJournal } from '../../src/sequencer/load-state.ts';
import { SeriesReplica } from '../../src/sequencer/series-replica.ts';
import { NO_STORE_FAULTS } from '../kit/sim/faulty-store.ts';
import { issue, play } from '../kit/sim/scenario.ts';
import type { SimCluster, SimNode } from '../kit/sim/sim-cluster.ts';

/** More than the time between two looks of a node at its journal. */
const LOOK_MS = 5_100;
const WINDOW_MS = 1_000;

/** Issues one number a batch, the keys `k1`, `k2`, … with them, a window's time between every 500. */
async function issueMany(cluster: SimCluster, node: SimNode, count: number): Promise<void> {
  const before = node.sequencer.lastKnown?.head.sequence ?? 0;
  for (let sequence = before + 1; sequence <= before + count; sequence += 1) {
    expect(await issue(cluster, node, { key: `k${sequence}` })).toMatchObject({ status: 'done' });
    if (sequence % 500 === 0) await cluster.time.sleep(2 * WINDOW_MS);
  }
}

/** The batches that the journal holds. */
async function kept(cluster: SimCluster): Promise<{ first: number; count: number }> {
  const journal = await cluster.journal();
  return { first: journal[0]!.sequence, count: journal.length };
}

/** What a leader does about its journal, with limits of its own and on a copy of the series that it has just loaded. */
class Keeping {
  readonly replica: SeriesReplica;
  readonly keeper: JournalKeeper;
  private readonly node: SimNode;

  constructor(node: SimNode, limits: Partial<JournalLimits>) {
    this.node = node;
    this.replica = new SeriesReplica(GLOBAL_SERIES, node.deps);
    this.keeper = new JournalKeeper(node.deps.store, GLOBAL_SERIES, {
      limits: { batchesMax: 100_000, bytesMax: 100_000_000, ...limits },
      logger: silentLogger,
      mayWrite: () => true,
    });
  }

  /** One look; `journal` instead of the replica's own index. */
  async look(journal?: JournalIndex): Promise<void> {
    await this.replica.refresh();
    const { guard } = this.node.coordination.leader(GLOBAL_SERIES)!;
    await this.keeper.keep(this.replica.state!, journal ?? this.replica.journal, guard);
  }

  remembers(key: string): boolean {
    return this.replica.state!.byKey(key) !== undefined;
  }
}

describe('a leader that has just started knows the newest batches only', () => {
  test('and prunes nothing that the limits allow', () =>
    play({ window: { keyAgeMsMax: WINDOW_MS } }, async cluster => {
      await issueMany(cluster, cluster.nodes[0]!, 3_500);
      await cluster.restart(0);
      cluster.elect(0);
      await cluster.time.sleep(4 * LOOK_MS);
      expect(await kept(cluster)).toEqual({ first: 1, count: 3_500 });
    }));

  test('and keeps to the byte limit once it has looked back far enough', () =>
    play({ window: { keyAgeMsMax: WINDOW_MS } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      await issueMany(cluster, leader, 3_600);
      const entries = await readJournal(cluster.store, GLOBAL_SERIES, { first: 1, last: 3_600 });
      const sizes = entries.map(({ text }) => Buffer.byteLength(text));
      // Exactly the newest 2,500.
      const bytesMax = sizes.slice(-2_500).reduce((sum, size) => sum + size, 0);
      const keeping = new Keeping(leader, { bytesMax });
      await keeping.look();
      expect(await kept(cluster)).toEqual({ first: 1, count: 3_600 });
      for (let looks = 0; looks < 3; looks += 1) await keeping.look();
      expect(await kept(cluster)).toEqual({ first: 1_101, count: 2_500 });
      await issueMany(cluster, leader, 10);
      await keeping.look();
      expect((await kept(cluster)).first).toBeGreaterThanOrEqual(1_111);
    }));

  test('and looks no further back than the journal reaches', () =>
    play({ window: { keyAgeMsMax: WINDOW_MS } }, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      await issueMany(cluster, leader, 2_600);
      const keeping = new Keeping(leader, { batchesMax: 2_300 });
      for (let looks = 0; looks < 3; looks += 1) await keeping.look();
      expect(keeping.replica.journal).toMatchObject({ first: 301, size: 2_300 });
      const { reads } = leader.store;
      await keeping.keeper.keep(
        keeping.replica.state!,
        keeping.replica.journal,
        leader.coordination.leader(GLOBAL_SERIES)!.guard,
      );
      expect(leader.store.reads).toBe(reads);
    }));
});

test('an index that forgot its oldest for want of room prunes nothing', () =>
  play({}, async cluster => {
    const [leader] = cluster.nodes as [SimNode];
    await issueMany(cluster, leader, 2_000);
    const index = new JournalIndex(1_100);
    for (const entry of await readJournal(cluster.store, GLOBAL_SERIES, { first: 1, last: 2_000 }))
      index.note(entry);
    expect(index.first).toBeGreaterThan(600);
    const keeping = new Keeping(leader, {});
    for (let looks = 0; looks < 3; looks += 1) await keeping.look(index);
    expect(await kept(cluster)).toEqual({ first: 1, count: 2_000 });
  }));

describe('a request to prune', () => {
  test('that arrives when others have pruned further changes nothing, and its sender learns where the journal begins', () =>
    play({}, async cluster => {
      const [leader, other] = cluster.nodes as [SimNode, SimNode];
      await issueMany(cluster, leader, 1_200);
      const paused = new Keeping(leader, { batchesMax: 1_000 });
      const repeating = new Keeping(other, { batchesMax: 1_000 });
      leader.store.faults = {
        ...NO_STORE_FAULTS,
        read: key => ({ kind: 'none', thereMs: key === 'prune' ? 60_000 : 0 }),
      };
      const late = paused.look();
      await cluster.time.sleep(10);
      await repeating.look();
      await issueMany(cluster, leader, 100);
      await repeating.look();
      expect(await kept(cluster)).toEqual({ first: 301, count: 1_000 });
      await late;
      expect((await cluster.verify())!.problems).toEqual([]);
      expect(await cluster.verify()).toMatchObject({ complete: true, journalFirst: 301 });
      leader.store.faults = NO_STORE_FAULTS;
      await issueMany(cluster, leader, 50);
      await paused.look();
      expect(await cluster.verify()).toMatchObject({ complete: true, journalFirst: 351 });
    }));

  test('whose answer is lost is not believed either way: the beginning is read again', () =>
    play({}, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      await issueMany(cluster, leader, 1_200);
      const keeping = new Keeping(leader, { batchesMax: 1_000 });
      leader.store.faults = {
        ...NO_STORE_FAULTS,
        read: key => ({ kind: 'none', backMs: key === 'prune' ? 100 : 0 }),
      };
      const lost = expect(keeping.look()).rejects.toMatchObject({ code: 'unavailable' });
      await cluster.time.sleep(50);
      leader.store.cutOff = true;
      await lost;
      leader.store.cutOff = false;
      leader.store.faults = NO_STORE_FAULTS;
      expect(await kept(cluster)).toEqual({ first: 201, count: 1_000 });
      await issueMany(cluster, leader, 100);
      await keeping.look();
      expect(await cluster.verify()).toMatchObject({ complete: true, journalFirst: 301 });
    }));
});

describe('idempotency keys are forgotten with their batches, not before', () => {
  test('by the leader that prunes', () =>
    play({}, async cluster => {
      const [leader] = cluster.nodes as [SimNode];
      await issueMany(cluster, leader, 1_200);
      const keeping = new Keeping(leader, { batchesMax: 1_000 });
      leader.store.faults = {
        ...NO_STORE_FAULTS,
        read: key => ({ kind: key === 'prune' ? 'unavailable' : 'none' }),
      };
      await expect(keeping.look()).rejects.toMatchObject({ code: 'unavailable' });
      expect(keeping.remembers('k1')).toBe(true);
      leader.store.faults = NO_STORE_FAULTS;
      await keeping.look();
      expect(['k200', 'k201'].map(key => keeping.remembers(key))).toEqual([false, true]);
    }));

  test('by its followers', () =>
    play({}, async cluster => {
      const [leader, follower] = cluster.nodes as [SimNode, SimNode];
      await issueMany(cluster, leader, 5);
      await follower.sequencer.current();
      const known = (): boolean[] =>
        ['k1', 'k2', 'k3'].map(key => follower.sequencer.lastKnown!.byKey(key) !== undefined);
      await cluster.time.sleep(LOOK_MS);
      expect(known()).toEqual([true, true, true]);
      const leadership = leader.coordination.leader(GLOBAL_SERIES)!.guard;
      await cluster.store.prune({ series: GLOBAL_SERIES, first: 1, last: 2, leadership, ledger: null });
      await cluster.time.sleep(LOOK_MS);
      expect(known()).toEqual([false, false, true]);
    }));
});
