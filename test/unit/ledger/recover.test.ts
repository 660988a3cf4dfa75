import { describe, expect, test } from 'vitest';
import { decodeBatch } from '../../../src/core/batch-codec.ts';
import { decodeHead } from '../../../src/core/head.ts';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import { KEYS } from '../../../src/core/records.ts';
import { DEFAULT_WINDOW } from '../../../src/core/window.ts';
import type { MemoryLedger } from '../../../src/ledger/memory-ledger.ts';
import {
  type RecoveryReport,
  type RecoveryRequest,
  recoverSeries,
} from '../../../src/ledger/recover/recover-series.ts';
import { defaultMargin } from '../../../src/ledger/recover/recovery-plan.ts';
import { compareWithLedger, explainStanding } from '../../../src/ledger/series-standing.ts';
import type { Commit, CommitOutcome } from '../../../src/ports/sequence-store.ts';
import { loadState } from '../../../src/sequencer/load-state.ts';
import type { MemoryStore } from '../../../src/store/memory/memory-store.ts';
import { verifySeries } from '../../../src/verify/verify-series.ts';
import { historyOf, ledgerOf, storeOf } from '../../kit/restored.ts';
import { digest, SETTINGS } from '../../kit/series-world.ts';

const REQUEST: RecoveryRequest = {
  settings: SETTINGS,
  rememberedNext: 0,
  evenSo: false,
  keepBoth: false,
  acceptHole: false,
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
    expect(decodeBatch(texts[200]!).facts).toEqual([
      expect.objectContaining({ kind: 'raise', next: next + 1_000, actor: 'test' }),
    ]);
    expect(texts).toHaveLength(201);
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
