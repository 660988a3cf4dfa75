import { describe, expect, test, vi } from 'vitest';
import { decodeBatch } from '../../../src/core/batch-codec.ts';
import { decodeHead } from '../../../src/core/head.ts';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import { plan } from '../../../src/core/plan.ts';
import { rangesSize } from '../../../src/core/ranges.ts';
import { KEYS } from '../../../src/core/records.ts';
import type { Command, Outcome } from '../../../src/core/requests.ts';
import { DEFAULT_WINDOW } from '../../../src/core/window.ts';
import type { MemoryLedger } from '../../../src/ledger/memory-ledger.ts';
import { recoverSeries } from '../../../src/ledger/recover/recover-series.ts';
import { defaultMargin, drawnIn } from '../../../src/ledger/recover/recovery-plan.ts';
import type { RecoveryReport } from '../../../src/ledger/recover/recovery-report.ts';
import type { RecoveryRequest } from '../../../src/ledger/recover/recovery-request.ts';
import { compareWithLedger, explainStanding } from '../../../src/ledger/series-standing.ts';
import type { Commit, CommitOutcome } from '../../../src/ports/sequence-store.ts';
import { loadState } from '../../../src/sequencer/load-state.ts';
import type { MemoryStore } from '../../../src/store/memory/memory-store.ts';
import { verifySeries } from '../../../src/verify/verify-series.ts';
import { historyOf, ledgerOf, storeOf } from '../../kit/restored.ts';
import { digest, SETTINGS, SeriesWorld } from '../../kit/series-world.ts';
import { ownerAt } from '../../kit/sim/scenario.ts';

const REQUEST: RecoveryRequest = {
  settings: SETTINGS,
  rememberedNext: 0,
  evenSo: false,
  keepBoth: false,
  acceptHole: false,
  rememberedSequence: 0,
  isAboveGiven: false,
  keepPool: false,
  dryRun: false,
  actor: 'test',
};

function recover(
  store: MemoryStore,
  ledger: MemoryLedger,
  request: Partial<RecoveryRequest> = {},
): Promise<RecoveryReport> {
  const deps = { store, ledger, digest, now: () => 2_000_000, random: () => 0.5, say: () => {} };
  return recoverSeries(GLOBAL_SERIES, { ...REQUEST, ...request }, deps);
}

async function journalOf(store: MemoryStore): Promise<string[]> {
  const { records } = await store.range({
    series: GLOBAL_SERIES,
    from: KEYS.journal,
    to: `${KEYS.journal}~`,
  });
  return records.map(({ value }) => value);
}

async function headOf(store: MemoryStore) {
  return decodeHead((await store.read(GLOBAL_SERIES, KEYS.head)).record!.value);
}

async function standingOf(store: MemoryStore, ledger: MemoryLedger) {
  const standing = await ledger.standing(GLOBAL_SERIES);
  return compareWithLedger(store, GLOBAL_SERIES, { ledger: standing, digest });
}

/** The state in the store is complete, and the ledger has its whole journal. */
async function expectSound(store: MemoryStore, ledger: MemoryLedger): Promise<void> {
  expect(await verifySeries(store, GLOBAL_SERIES, digest)).toMatchObject({ complete: true });
  expect(ledger.texts(GLOBAL_SERIES)).toEqual(await journalOf(store));
  expect((await ledger.standing(GLOBAL_SERIES)).epoch).toBe(0);
  const standing = await standingOf(store, ledger);
  expect(standing.status).toBe('agrees');
  expect(explainStanding(GLOBAL_SERIES, standing)).toBeUndefined();
}

describe('an etcd that is behind the ledger', () => {
  test('goes on with event ids of its own after what was kept, however often the recovery is interrupted', async () => {
    const { journal } = historyOf(200);
    const store = await storeOf(journal.slice(0, 100));
    const ledger = await ledgerOf(journal);
    // Between what it took from the pool and the raise.
    vi.spyOn(ledger, 'branch').mockRejectedValueOnce(new Error('interrupted'));
    await expect(recover(store, ledger)).rejects.toThrow('interrupted');
    expect((await headOf(store)).sequence).toBeGreaterThan(200);
    await recover(store, ledger);
    expect(ledger.branches(GLOBAL_SERIES)).toEqual([{ after: 200, name: '19700101003320' }]);
  });

  test.each([0, 1, 64, 100, 199])('gets back what it lost after batch %i, text for text', async kept => {
    const { journal, state } = historyOf(200);
    const store = await storeOf(journal.slice(0, kept));
    const ledger = await ledgerOf(journal);
    expect(await standingOf(store, ledger)).toMatchObject({ status: 'etcd-behind' });
    const report = await recover(store, ledger);
    const { next } = state.head;
    expect(report).toMatchObject({
      outcome: 'recovered',
      replayed: 200 - kept,
      skipped: { first: next, last: next + 999 },
      next: next + 1_000,
    });
    const texts = await journalOf(store);
    expect(texts.slice(0, 200)).toEqual(journal);
    expect(decodeBatch(texts.at(-1)!).facts).toEqual([
      expect.objectContaining({ kind: 'raise', next: next + 1_000, actor: 'test' }),
    ]);
    expect(texts.slice(200, -1).flatMap(text => decodeBatch(text).facts.map(({ kind }) => kind))).toEqual([
      ...Array.from({ length: report.retired.reservations }, () => 'cancel'),
      'retire',
    ]);
    expect(rangesSize(report.retired.ranges)).toBe(state.head.pooled + state.head.reserved);
    await expectSound(store, ledger);
  });

  test('knows the keys again that came in after the backup', async () => {
    const { journal, state } = historyOf(150);
    const store = await storeOf(journal.slice(0, 100));
    await recover(store, await ledgerOf(journal));
    const loaded = await loadState(store, GLOBAL_SERIES, {
      settings: SETTINGS,
      window: DEFAULT_WINDOW,
      digest,
    });
    const lost = decodeBatch(journal[147]!).facts[0]!;
    const key = lost.key ?? decodeBatch(journal[148]!).facts[0]!.key!;
    expect(loaded.state.byKey(key)).toMatchObject({ fact: state.byKey(key)!.fact });
  });

  test('is raised above what a node remembers and a person knows', async () => {
    const { journal, state } = historyOf(50);
    const store = await storeOf(journal.slice(0, 20));
    const ledger = await ledgerOf(journal);
    const rememberedNext = state.head.next + 77;
    await recover(store, ledger, { rememberedNext, margin: 0 });
    expect((await headOf(store)).next).toBe(rememberedNext);
    await expectSound(store, ledger);
  });

  test('is brought back whatever interrupts it, when it is run again', async () => {
    const { journal, state } = historyOf(300);
    for (let interrupted = 1; ; interrupted += 1) {
      const store = await storeOf(journal.slice(0, 100));
      const ledger = await ledgerOf(journal);
      let commits = 0;
      const commit = store.commit.bind(store);
      store.commit = async (each: Commit): Promise<CommitOutcome> => {
        commits += 1;
        if (commits === interrupted) throw new Error('killed');
        return commit(each);
      };
      const first = await recover(store, ledger).catch(() => undefined);
      if (first === undefined) {
        const standing = await standingOf(store, ledger);
        // Nobody serves what is half done.
        expect(explainStanding(GLOBAL_SERIES, standing)).toBeDefined();
        await recover(store, ledger);
      }
      expect((await journalOf(store)).slice(0, 300)).toEqual(journal);
      expect((await headOf(store)).next).toBe(state.head.next + 1_000);
      await expectSound(store, ledger);
      if (first !== undefined) break;
      expect(interrupted).toBeLessThan(20);
    }
  });

  test('is left as it is by a dry run', async () => {
    const { journal, state } = historyOf(60);
    const store = await storeOf(journal.slice(0, 20));
    const ledger = await ledgerOf(journal, 1);
    expect(await recover(store, ledger, { dryRun: true })).toMatchObject({
      outcome: 'planned',
      replayed: 40,
      next: state.head.next + 1_000,
    });
    expect(await journalOf(store)).toHaveLength(20);
    expect((await ledger.standing(GLOBAL_SERIES)).epoch).toBe(1);
  });

  test('is not touched while somebody else issues numbers in it', async () => {
    const { journal } = historyOf(60);
    const store = await storeOf(journal.slice(0, 20));
    const commit = store.commit.bind(store);
    let commits = 0;
    store.commit = async each => {
      commits += 1;
      if (commits === 2) {
        const other = await storeOf(journal.slice(0, 21));
        const { record } = await other.read(GLOBAL_SERIES, KEYS.head);
        await commit({ ...each, puts: [{ key: KEYS.head, value: record!.value }], deletes: [] });
      }
      return commit(each);
    };
    await expect(recover(store, await ledgerOf(journal))).rejects.toMatchObject({ code: 'behind_ledger' });
  });
});

describe('a pool that lost batches may have drawn from', () => {
  const owner = ownerAt('north');
  const { site, partition } = owner;
  const release = (number: number) => ({ kind: 'release', number, site, partition, reason: 'x' }) as const;

  /** 1 to 5 issued, 3 released, 6 and 7 reserved. */
  function before(later = 100): { world: SeriesWorld; reservation: { sequence: number; index: number } } {
    const world = new SeriesWorld();
    const step = (command: Command): Outcome => {
      world.now += 100;
      return world.do(command);
    };
    step({ kind: 'issue', owner, count: 5 });
    const held = step({ kind: 'reserve', owner, count: 2, holdMs: 1_000_000 });
    step(release(3));
    world.now += later;
    if (held.status !== 'done') throw new Error('not reserved');
    return { world, reservation: held.record.position };
  }

  async function send(store: MemoryStore, command: Command): Promise<Outcome> {
    const options = { settings: SETTINGS, window: DEFAULT_WINDOW, digest };
    const { state } = await loadState(store, GLOBAL_SERIES, options);
    const context = { now: 9e9, node: 'n', serial: 1, digest, recordsMax: 100, bytesMax: 1e6 };
    return plan(state, [{ command, origin: {} }], context).outcomes[0]!;
  }

  async function expectNothingTwice(store: MemoryStore, reservation?: { sequence: number; index: number }) {
    expect(await send(store, { kind: 'issue', owner, count: 10 })).toMatchObject({
      record: { fact: { reused: [], fresh: { first: (await headOf(store)).next } } },
    });
    if (reservation === undefined) return;
    for (const command of [
      { kind: 'confirm', reservation, site, partition },
      { kind: 'expire', reservation },
    ] as const)
      expect(await send(store, command)).toMatchObject({
        status: 'rejected',
        rejection: { code: 'reservation_not_found' },
      });
  }

  test.each([
    ['above what a node remembers', { rememberedNext: 9, margin: 0 }],
    ['with the default margin', {}],
    [
      'when a node has seen a batch that drew from nothing but the pool',
      { rememberedSequence: 4, margin: 0 },
    ],
  ])('is void, and no reservation can be confirmed, %s', async (_how, request) => {
    const { world, reservation } = before();
    const [store, ledger] = [await storeOf(world.journal), await ledgerOf(world.journal)];
    const report = await recover(store, ledger, { evenSo: true, ...request });
    expect(report.retired).toEqual({
      ranges: [
        { first: 3, last: 3 },
        { first: 6, last: 7 },
      ],
      reservations: 1,
    });
    await expectNothingTwice(store, reservation);
    expect(await headOf(store)).toMatchObject({ pooled: 0, reserved: 0, issued: 4 });
    await expectSound(store, ledger);
  });

  test.each([
    ['when nothing is unknown', { margin: 0 }],
    ['when somebody knows better', { keepPool: true }],
  ])('stays %s', async (_when, request) => {
    const { world, reservation } = before();
    const [store, ledger] = [await storeOf(world.journal.slice(0, 2)), await ledgerOf(world.journal)];
    const report = await recover(store, ledger, request);
    expect(report).toMatchObject({ replayed: 1, retired: { ranges: [], reservations: 0 } });
    expect(await headOf(store)).toMatchObject({ pooled: 1, reserved: 2 });
    expect(await send(store, { kind: 'confirm', reservation, site, partition })).toMatchObject({
      status: 'done',
    });
    await expectSound(store, ledger);
  });

  test('and the gaps that an import under way has yet to say are void', async () => {
    const world = new SeriesWorld();
    const said = { reason: 'r', actor: 'a' };
    world.do({ kind: 'raise', next: 20, ...said, imported: { first: 10, source: 's', gapsTo: 'pool' } });
    const [store, ledger] = [await storeOf(world.journal), await ledgerOf(world.journal)];
    await recover(store, ledger, { evenSo: true });
    const gaps = [{ first: 12, last: 12 }];
    const adopt = { kind: 'adopt', first: 10, last: 19, gaps, source: 's', ...said } as const;
    expect(await send(store, adopt)).toMatchObject({ record: { fact: { to: 'void' } } });
    await expectSound(store, ledger);
  });

  test('is told by a dry run, which leaves it as it is', async () => {
    const { world } = before();
    const [store, ledger] = [await storeOf(world.journal.slice(0, 1)), await ledgerOf(world.journal)];
    const { retired } = await recover(store, ledger, { dryRun: true });
    expect(retired).toMatchObject({ reservations: 1 });
    expect(rangesSize(retired.ranges)).toBe(3);
    expect(await journalOf(store)).toHaveLength(1);
  });

  /** The lost history drew 3 from the pool and confirmed 6 and 7; etcd's released 5. */
  async function forked() {
    const lost = before();
    lost.world.do({ kind: 'issue', owner, count: 1 });
    lost.world.do({ kind: 'confirm', reservation: lost.reservation, site, partition });
    const ours = before(150);
    ours.world.do(release(5));
    const store = await storeOf(ours.world.journal);
    return { store, ledger: await ledgerOf(lost.world.journal), reservation: lost.reservation };
  }

  test.each([{}, { keepPool: true, margin: 1_000 }])(
    'is void where a lost history has drawn from it, even with a pool that is kept: %o',
    async request => {
      const { store, ledger, reservation } = await forked();
      const report = await recover(store, ledger, { keepBoth: true, margin: 0, ...request });
      expect(rangesSize(report.retired.ranges)).toBe(3);
      expect(await send(store, { kind: 'issue', owner, count: 2 })).toMatchObject({
        record: { fact: { reused: [{ first: 5, last: 5 }] } },
      });
      const confirm = { kind: 'confirm', reservation, site, partition } as const;
      expect(await send(store, confirm)).toMatchObject({ rejection: { code: 'reservation_not_found' } });
      await expectSound(store, ledger);
    },
  );

  test.each(['fork', 'tail'])('is void whatever interrupts the recovery of a %s', async kind => {
    for (let interrupted = 1; ; interrupted += 1) {
      const { world } = before();
      const made =
        kind === 'fork'
          ? await forked()
          : { store: await storeOf(world.journal.slice(0, 2)), ledger: await ledgerOf(world.journal) };
      const { store, ledger } = made;
      const request = kind === 'fork' ? { keepBoth: true, margin: 0 } : {};
      // What happens of all that changes something, one after the other; at one of them, before or after it, all is over.
      let steps = 0;
      const killAt = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
        return async (...args: A): Promise<R> => {
          steps += 1;
          if (steps === interrupted) throw new Error('killed');
          const result = await call(...args);
          steps += 1;
          if (steps === interrupted) throw new Error('killed');
          return result;
        };
      };
      const calls = {
        detach: ledger.detach.bind(ledger),
        append: ledger.append.bind(ledger),
        setEpoch: ledger.setEpoch.bind(ledger),
      };
      const commit = store.commit.bind(store);
      store.commit = killAt(commit);
      for (const [name, call] of Object.entries(calls))
        Object.assign(ledger, { [name]: killAt(call as (...args: unknown[]) => Promise<unknown>) });
      const first = await recover(store, ledger, request).catch((error: unknown) => String(error));
      Object.assign(ledger, calls);
      store.commit = commit;
      if (typeof first === 'string') {
        if (explainStanding(GLOBAL_SERIES, await standingOf(store, ledger)) !== undefined)
          await recover(store, ledger, request);
      }
      const [drawn] = [await send(store, { kind: 'issue', owner, count: 10 })];
      const reused =
        drawn.status === 'done' && 'reused' in drawn.record.fact ? drawn.record.fact.reused : null;
      for (const { first: from, last } of reused!) expect([from, last]).toEqual([5, 5]);
      expect((await headOf(store)).reserved).toBe(0);
      await expectSound(store, ledger);
      if (typeof first !== 'string') break;
      expect(interrupted).toBeLessThan(40);
    }
  });

  test('is void page by page, however large: each commit fits', async () => {
    const world = new SeriesWorld();
    world.do({ kind: 'issue', owner, count: 300 * 1_024 });
    for (let page = 0; page < 300; page += 1) world.do(release(1 + page * 1_024), {});
    const [store, ledger] = [await storeOf(world.journal), await ledgerOf(world.journal)];
    const { retired } = await recover(store, ledger, { evenSo: true });
    expect(retired.ranges).toHaveLength(300);
    expect((await journalOf(store)).length).toBe(world.journal.length + 4);
    await expectSound(store, ledger);
  });
});

describe('a ledger that was not written when the rest was lost', () => {
  test('is no measure: the recovery asks for what somebody knows', async () => {
    const world = historyOf(30);
    const known = [...world.journal];
    world.now += 31_000;
    const { journal } = historyOf(40, world);
    const stale = async (request: Partial<RecoveryRequest>) =>
      recover(await storeOf(journal), await ledgerOf(known), { evenSo: true, ...request });
    for (const dryRun of [true, false])
      await expect(stale({ dryRun })).rejects.toMatchObject({
        code: 'behind_ledger',
        message: expect.stringContaining('--above NUMBER') as string,
      });
    // A node that remembers no more than etcd has was started after the restore.
    await expect(stale({ rememberedSequence: 40, rememberedNext: 5 })).rejects.toThrow('--margin');
    for (const request of [{ margin: 7 }, { isAboveGiven: true }, { rememberedSequence: 41 }])
      expect(await stale(request)).toMatchObject({ outcome: 'recovered' });
  });
});

describe('a ledger that lacks batches', () => {
  async function lacking() {
    const { journal, state } = historyOf(30);
    const store = await storeOf(journal);
    const ledger = await ledgerOf(journal.slice(0, 5));
    const leadership = { key: 'leader', revision: '1' };
    store.setLeadership(leadership);
    await store.prune({ series: GLOBAL_SERIES, first: 1, last: 10, leadership, ledger: null });
    return { store, ledger, next: state.head.next };
  }

  test.each([{ dryRun: true }, { dryRun: false }])(
    'does not keep the recovery from raising the counter that it was asked to raise: %o',
    async ({ dryRun }) => {
      const { store, ledger, next } = await lacking();
      const rememberedNext = next + 5_000;
      const request = { rememberedNext, isAboveGiven: true, margin: 0 };
      await expect(recover(store, ledger, request)).rejects.toThrow(/has to be raised.*--accept-hole/);
      expect(await recover(store, ledger, { ...request, acceptHole: true, dryRun })).toMatchObject({
        outcome: dryRun ? 'planned' : 'recovered',
        lost: { first: 6, last: 10 },
        next: rememberedNext,
      });
      expect((await headOf(store)).next).toBe(dryRun ? next : rememberedNext);
    },
  );

  test('and is all that is wrong lets the counter be', async () => {
    const { store, ledger, next } = await lacking();
    await expect(recover(store, ledger)).rejects.toThrow('No number is in danger');
    expect(await recover(store, ledger, { acceptHole: true })).toMatchObject({ outcome: 'recovered', next });
    expect((await headOf(store)).next).toBe(next);
    expect(await standingOf(store, ledger)).toMatchObject({ status: 'agrees' });
  });
});

test('what a history drew is ranges, not numbers: 2^30 of them take no time', () => {
  const world = new SeriesWorld();
  for (let i = 0; i < 8; i += 1) world.do({ kind: 'block', owner: ownerAt('north'), count: 2 ** 27 });
  expect(drawnIn(world.journal)).toEqual([{ first: 1, last: 2 ** 30 }]);
});

describe('nothing is recovered', () => {
  test('where etcd and the ledger agree', async () => {
    const { journal } = historyOf(30);
    const store = await storeOf(journal);
    for (const known of [0, 10, 30]) {
      const ledger = await ledgerOf(journal.slice(0, known), 1);
      expect(await recover(store, ledger)).toMatchObject({ outcome: 'nothing' });
      expect((await ledger.standing(GLOBAL_SERIES)).epoch).toBe(known === 0 ? 0 : 1);
    }
    expect(await journalOf(store)).toEqual(journal);
  });

  test('a second time', async () => {
    const { journal } = historyOf(60);
    const store = await storeOf(journal.slice(0, 20));
    const ledger = await ledgerOf(journal);
    await recover(store, ledger);
    const texts = await journalOf(store);
    expect(await recover(store, ledger)).toMatchObject({ outcome: 'nothing' });
    expect(await journalOf(store)).toEqual(texts);
  });

  test('but what the ledger has heard of a later revision is raised', async () => {
    const { journal, state } = historyOf(30);
    const store = await storeOf(journal);
    const ledger = await ledgerOf(journal, 1_000_000);
    const standing = await standingOf(store, ledger);
    expect(standing.status).toBe('etcd-rewound');
    expect(explainStanding(GLOBAL_SERIES, standing)).toContain('seqd recover');
    expect(await recover(store, ledger)).toMatchObject({
      outcome: 'recovered',
      next: state.head.next + 1_000,
    });
    await expectSound(store, ledger);
  });
});

describe('two histories', () => {
  async function fork() {
    const ours = historyOf(40);
    const lost = historyOf(90, historyOf(40)).journal;
    ours.now += 5;
    const found = historyOf(60, ours).journal;
    expect(found.slice(0, 40)).toEqual(lost.slice(0, 40));
    expect(found[40]).not.toBe(lost[40]);
    return { lost, found, store: await storeOf(found), ledger: await ledgerOf(lost) };
  }

  test('are told, with the numbers that both have issued, and left as they are', async () => {
    const { store, ledger, found, lost } = await fork();
    const report = await recover(store, ledger);
    expect(report).toMatchObject({ outcome: 'forked', fork: { common: 40, inEtcd: 20, inLedger: 50 } });
    const { next } = decodeBatch(found[40]!);
    expect(report.fork!.conflicts.at(-1)!.last).toBe((await headOf(store)).next - 1);
    expect(report.fork!.conflicts.some(({ first, last }) => first <= next && next <= last)).toBe(true);
    expect(await journalOf(store)).toEqual(found);
    expect(ledger.texts(GLOBAL_SERIES)).toEqual(lost);
    expect((await ledger.standing(GLOBAL_SERIES)).epoch).toBe(1);
  });

  test('are both kept when asked, and the counter is above both', async () => {
    const { store, ledger, found, lost } = await fork();
    const { next } = await ledger.position(GLOBAL_SERIES);
    const report = await recover(store, ledger, { keepBoth: true, margin: 0 });
    expect(report).toMatchObject({ outcome: 'recovered', replayed: 0, next });
    expect((await headOf(store)).next).toBe(next);
    expect((await journalOf(store)).slice(0, 60)).toEqual(found);
    await expectSound(store, ledger);
    const period = `${GLOBAL_SERIES.period}~lost-41-19700101003320`;
    expect(ledger.texts({ ...GLOBAL_SERIES, period })).toEqual(lost.slice(40));
  });

  test('are both kept when that was interrupted right after the lost one was put aside', async () => {
    const { store, ledger } = await fork();
    const { next } = await ledger.position(GLOBAL_SERIES);
    const detach = ledger.detach.bind(ledger);
    ledger.detach = async (...args) => {
      await detach(...args);
      throw new Error('killed');
    };
    await expect(recover(store, ledger, { keepBoth: true, margin: 0 })).rejects.toThrow('killed');
    await recover(store, ledger, { margin: 0 });
    expect((await headOf(store)).next).toBe(next);
    await expectSound(store, ledger);
  });
});

test('the default margin is ten times the busiest second, and a thousand at least', () => {
  const { journal, state } = historyOf(50);
  const batches = journal.map(decodeBatch);
  expect(defaultMargin(batches).numbers).toBe(1_000);
  const fast = batches.map(batch => ({ ...batch, time: 1_000 }));
  const many = Array.from({ length: 100 }, () => fast).flat();
  const drawn = state.head.next - 1;
  expect(defaultMargin(many)).toMatchObject({ numbers: drawn * 100 * 10 });
  expect(defaultMargin([]).numbers).toBe(1_000);
});
