import { expect, test } from 'vitest';
import { SeqdError } from '../../src/core/errors.ts';
import { GLOBAL_SERIES, type SeriesId } from '../../src/core/identifiers.ts';
import { KEYS } from '../../src/core/records.ts';
import { recoverSeries } from '../../src/ledger/recover/recover-series.ts';
import type { Coordination } from '../../src/ports/coordination.ts';
import type { SeriesGuard } from '../../src/ports/restore-guard.ts';
import type { SequenceStore } from '../../src/ports/sequence-store.ts';
import { SeriesReplica } from '../../src/sequencer/series-replica.ts';
import { SeriesSequencer } from '../../src/sequencer/series-sequencer.ts';
import { DEFAULT_WINDOW } from '../../src/core/window.ts';
import { silentLogger } from '../../src/ports/logger.ts';
import { RestoreGuard } from '../../src/ledger/restore-guard.ts';
import { ForwardOnlyStore } from '../../src/store/forward-only-store.ts';
import { RevisionMark } from '../../src/store/revision-mark.ts';
import { historyOf, ledgerOf, storeOf } from '../kit/restored.ts';
import { digest, SETTINGS } from '../kit/series-world.ts';
import { ownerAt, play } from '../kit/sim/scenario.ts';

const OTHER_SERIES: SeriesId = { ...GLOBAL_SERIES, series: 'other' };

class StubGuard implements SeriesGuard {
  isOpen = true;
  error: SeqdError | undefined;
  onChange: () => void = () => {};
  refusal = (): SeqdError | undefined => this.error;
  view = () => ({ state: 'verified' as const, detail: '' });
}

test('while it is not known whether etcd was set back, requests wait; when it was, all are refused', () =>
  play({}, async cluster => {
    const node = cluster.nodes[0]!;
    const guard = new StubGuard();
    const sequencer = new SeriesSequencer(OTHER_SERIES, { ...node.deps, guard });
    const draw = () =>
      sequencer.submit({ command: { kind: 'issue', owner: ownerAt('north'), count: 1 }, origin: {} }, 60_000);
    expect((await draw()).record.position.sequence).toBe(1);
    guard.isOpen = false;
    const waiting = draw();
    await cluster.time.sleep(5_000);
    const before = (await node.store.read(OTHER_SERIES, KEYS.head)).record!.value;
    expect(JSON.parse(before)).toMatchObject({ next: 2 });
    guard.isOpen = true;
    guard.onChange();
    expect((await waiting).record.position.sequence).toBe(2);
    guard.isOpen = false;
    const refused = draw();
    guard.error = new SeqdError('behind_ledger');
    guard.onChange();
    await expect(refused).rejects.toMatchObject({ code: 'behind_ledger' });
    await expect(draw()).rejects.toMatchObject({ code: 'behind_ledger' });
    guard.error = undefined;
    guard.isOpen = true;
    expect((await draw()).record.position.sequence).toBe(3);
    sequencer.close();
  }));

/** A replica of a store that is restored under it. */
async function replicaOf(texts: readonly string[]) {
  const place = { now: await storeOf(texts) };
  const store = new Proxy({} as SequenceStore, {
    get:
      (_, name: keyof SequenceStore) =>
      (...args: unknown[]) =>
        (place.now[name] as (...given: unknown[]) => unknown)(...args),
  });
  const guard = new StubGuard();
  const deps = { store, guard, settings: SETTINGS, window: DEFAULT_WINDOW, digest, logger: silentLogger };
  const replica = new SeriesReplica(GLOBAL_SERIES, deps);
  await replica.refresh();
  return { replica, place };
}

const REQUEST = {
  settings: SETTINGS,
  margin: 0,
  evenSo: true,
  keepBoth: false,
  acceptHole: false,
  rememberedSequence: 0,
  isAboveGiven: false,
  keepPool: false,
  dryRun: false,
  actor: 'test',
};
const RECOVERY = { digest, now: () => 2_000_000, random: () => 0.5, say: () => {} };
const { journal, state } = historyOf(60);

test('a node that has seen more than etcd holds waits for a recovery, and goes on from where it was', async () => {
  const { replica, place } = await replicaOf(journal);
  place.now = await storeOf(journal.slice(0, 30));
  const ledger = await ledgerOf(journal);
  for (let i = 0; i < 2; i += 1)
    await expect(replica.refresh()).rejects.toMatchObject({ code: 'behind_ledger' });
  await recoverSeries(
    GLOBAL_SERIES,
    { ...REQUEST, margin: 5, rememberedNext: 0 },
    { ...RECOVERY, store: place.now, ledger },
  );
  await replica.refresh();
  expect(replica.state!.head).toMatchObject({ next: state.head.next + 5 });
});

test('a node that has seen what no ledger knows forgets it when the recovery has taken account of it, not before', async () => {
  const { replica, place } = await replicaOf(journal);
  place.now = await storeOf(journal.slice(0, 30));
  const ledger = await ledgerOf(journal.slice(0, 50));
  await expect(replica.refresh()).rejects.toMatchObject({ code: 'behind_ledger' });
  await recoverSeries(
    GLOBAL_SERIES,
    { ...REQUEST, rememberedNext: 0 },
    { ...RECOVERY, store: place.now, ledger },
  );
  const refused = await replica.refresh().catch((error: unknown) => String(error));
  expect(refused).toContain(`--above ${state.head.next - 1}`);
  const rememberedNext = replica.state!.head.next;
  await recoverSeries(
    GLOBAL_SERIES,
    { ...REQUEST, rememberedNext },
    { ...RECOVERY, store: place.now, ledger },
  );
  await replica.refresh();
  expect(replica.state!.head.next).toBe(rememberedNext);
  expect(replica.headText).toBe((await place.now.read(GLOBAL_SERIES, KEYS.head)).record!.value);
});

/** A store that holds these batches, at the revision at which that many batches leave it. */
async function storeAt(texts: readonly string[]) {
  const store = await storeOf(texts);
  while ((await store.read(GLOBAL_SERIES, KEYS.head)).revision < texts.length * 2) {
    const { record } = await store.read(GLOBAL_SERIES, KEYS.head);
    const puts = [{ key: 'of-others', value: '' }];
    await store.commit({
      series: GLOBAL_SERIES,
      expectedHead: record?.value ?? null,
      puts,
      deletes: [],
      journalKey: 'of-others',
    });
  }
  return store;
}

test.each(['draws at once', 'draws after its coordination has looked'])(
  'a node whose copy is older than the backup issues nothing before its guard looks: %s',
  how =>
    play({}, async cluster => {
      const place = { now: await storeAt(journal.slice(0, 25)) };
      const raw = new Proxy({} as SequenceStore, {
        get:
          (_, name: keyof SequenceStore) =>
          (...args: unknown[]) =>
            (place.now[name] as (...given: unknown[]) => unknown)(...args),
      });
      const revisions = new RevisionMark();
      const store = new ForwardOnlyStore(raw, { revisions, recoverable: true });
      const { deps } = cluster.nodes[0]!;
      // Nobody leads, so every node commits for itself.
      const coordination = new Proxy<Coordination>(deps.coordination, {
        get(target, key) {
          const name = key as keyof Coordination;
          if (name === 'leads') return () => false;
          if (name === 'leader') return () => undefined;
          if (name === 'campaign') return () => Promise.resolve(false);
          const value: unknown = target[name];
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
      const ledger = { now: await ledgerOf(journal.slice(0, 25)) };
      const guard = new RestoreGuard(GLOBAL_SERIES, {
        store: raw,
        revisions,
        ledger: { standing: series => ledger.now.standing(series) },
        digest,
        clock: deps.clock,
        logger: silentLogger,
        waitMs: 1,
        strict: true,
      });
      const sequencer = new SeriesSequencer(GLOBAL_SERIES, { ...deps, coordination, store, guard });
      await sequencer.start();
      await guard.check();
      expect(sequencer.lastKnown!.head.sequence).toBe(25);
      place.now = await storeAt(journal);
      ledger.now = await ledgerOf(journal);
      await guard.check();
      expect(guard.isOpen).toBe(true);
      place.now = await storeAt(journal.slice(0, 30));
      if (how !== 'draws at once') revisions.answered(revisions.look(), 60);
      const drawn = sequencer.submit(
        { command: { kind: 'issue', owner: ownerAt('north'), count: 1 }, origin: {} },
        5_000,
      );
      await expect(drawn).rejects.toMatchObject({ code: 'behind_ledger' });
      expect(sequencer.setBack).toMatchObject({ code: 'behind_ledger' });
      await guard.check();
      expect(guard.view().state).toBe('refusing');
      sequencer.close();
      guard.close();
    }),
);

test('a number drawn from a store that was set back meanwhile is told to nobody', () =>
  play({}, async cluster => {
    const { deps, store: faulty } = cluster.nodes[0]!;
    const revisions = new RevisionMark();
    const store = new ForwardOnlyStore(faulty, { revisions, recoverable: true });
    const guard = new StubGuard();
    const sequencer = new SeriesSequencer(OTHER_SERIES, { ...deps, store, guard });
    const draw = () =>
      sequencer.submit({ command: { kind: 'issue', owner: ownerAt('north'), count: 1 }, origin: {} }, 5_000);
    await draw();
    // Seen by a look of this node while the others went on; then etcd was restored to what this node knows.
    revisions.note(1_000);
    await expect(draw()).rejects.toMatchObject({ code: 'outcome_unknown' });
    await expect(draw()).rejects.toMatchObject({ code: 'behind_ledger' });
    expect(sequencer.setBack).toMatchObject({ code: 'behind_ledger' });
    revisions.forget(1);
    // Without anybody who asks.
    await cluster.time.sleep(1_000);
    expect(sequencer.setBack).toBeUndefined();
    expect((await draw()).record.position.sequence).toBe(3);
    sequencer.close();
  }));
