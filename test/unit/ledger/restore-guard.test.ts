import { afterEach, describe, expect, test, vi } from 'vitest';
import { SeqdError } from '../../../src/core/errors.ts';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import { encodeLedgerRecord } from '../../../src/core/ledger-record.ts';
import { encodeJournalStart, journalKey, KEYS } from '../../../src/core/records.ts';
import { encodeRecoveryRecord } from '../../../src/core/recovery-record.ts';
import type { MemoryLedger } from '../../../src/ledger/memory-ledger.ts';
import { RestoreGuard } from '../../../src/ledger/restore-guard.ts';
import { silentLogger } from '../../../src/ports/logger.ts';
import type { SequenceStore } from '../../../src/ports/sequence-store.ts';
import type { MemoryStore } from '../../../src/store/memory/memory-store.ts';
import { RevisionMark } from '../../../src/store/revision-mark.ts';
import { historyOf, ledgerOf, storeOf } from '../../kit/restored.ts';
import { digest } from '../../kit/series-world.ts';

const guards: RestoreGuard[] = [];
let nowMs = 0;

afterEach(() => {
  for (const guard of guards.splice(0)) guard.close();
  vi.useRealTimers();
  nowMs = 0;
});

function guardOf(
  store: SequenceStore,
  ledger: MemoryLedger,
  {
    waitMs = 10_000,
    strict = false,
    ...more
  }: { waitMs?: number; strict?: boolean; revisions?: RevisionMark } = {},
): RestoreGuard {
  const clock = { now: () => nowMs, monotonicMs: () => nowMs };
  const guard = new RestoreGuard(GLOBAL_SERIES, {
    store,
    ledger,
    digest,
    clock,
    logger: silentLogger,
    waitMs,
    strict,
    ...more,
  });
  guards.push(guard);
  return guard;
}

/** Writes records as they are, whatever the head is. */
async function write(
  store: MemoryStore,
  puts: Record<string, string>,
  deletes: string[] = [],
): Promise<void> {
  const { record } = await store.read(GLOBAL_SERIES, KEYS.head);
  const outcome = await store.commit({
    series: GLOBAL_SERIES,
    expectedHead: record?.value ?? null,
    puts: Object.entries(puts).map(([key, value]) => ({ key, value })),
    deletes,
    journalKey: KEYS.recovery,
  });
  expect(outcome.status).toBe('committed');
}

/** The store as it is asked; it may be another one from one call to the next, as after a restore. */
function replaceable(first: MemoryStore): { store: SequenceStore; now: MemoryStore; fails: boolean } {
  const place = { now: first, fails: false, store: undefined as unknown as SequenceStore };
  place.store = new Proxy({} as SequenceStore, {
    get:
      (_, name: keyof SequenceStore) =>
      (...args: unknown[]) => {
        if (place.fails) throw new SeqdError('unavailable');
        return (place.now[name] as (...given: unknown[]) => unknown)(...args);
      },
  });
  return place;
}

async function expectRefuses(guard: RestoreGuard, text: string): Promise<void> {
  await guard.check();
  expect(guard.view().state).toBe('refusing');
  expect(guard.isOpen).toBe(false);
  expect(guard.refusal()).toMatchObject({ code: 'behind_ledger' });
  expect(guard.refusal()!.message).toContain(text);
}

async function expectServes(guard: RestoreGuard): Promise<void> {
  await guard.check();
  expect(guard.view()).toEqual({ state: 'verified', detail: '' });
  expect(guard.isOpen).toBe(true);
  expect(guard.refusal()).toBeUndefined();
}

const { journal } = historyOf(60);

describe('a series is served', () => {
  test.each([0, 1, 30, 60])('when the ledger has its first %i batches', async projected => {
    await expectServes(guardOf(await storeOf(journal), await ledgerOf(journal.slice(0, projected))));
  });

  test('when the last batch of the ledger is pruned from the journal', async () => {
    const store = await storeOf(journal);
    await write(
      store,
      { [KEYS.journalStart]: encodeJournalStart(31) },
      journal.slice(0, 30).map((_, i) => journalKey(i + 1)),
    );
    await expectServes(guardOf(store, await ledgerOf(journal.slice(0, 30))));
    await expectServes(guardOf(store, await ledgerOf(journal.slice(0, 45))));
    // It may be new: the series had been pruned before there was a ledger.
    await expectServes(guardOf(store, await ledgerOf([])));
  });

  test('but not before it has been compared', async () => {
    const guard = guardOf(await storeOf(journal), await ledgerOf(journal));
    expect(guard.isOpen).toBe(false);
    await expectServes(guard);
  });
});

describe('a series is refused', () => {
  test.each([0, 20, 59])('when etcd has %i of the 60 batches of the ledger', async kept => {
    await expectRefuses(
      guardOf(await storeOf(journal.slice(0, kept)), await ledgerOf(journal)),
      'seqd recover',
    );
  });

  test.each([50, 60, 70])('when it has been continued in another way, up to batch %i', async batches => {
    const world = historyOf(40);
    world.now += 7;
    const other = historyOf(batches, world).journal;
    const text = batches < 60 ? 'seqd recover' : '--keep-both';
    await expectRefuses(guardOf(await storeOf(other), await ledgerOf(journal)), text);
  });

  test('when the ledger has heard of a later revision than etcd has', async () => {
    await expectRefuses(guardOf(await storeOf(journal), await ledgerOf(journal, 1_000_000)), 'gone back');
  });

  test('when the ledger has lost batches that the journal has no more', async () => {
    const store = await storeOf(journal);
    const record = {
      sequence: 60,
      chain: digest(journal[59]!),
      time: 1,
      node: 'node-1',
      problem: null,
      detail: '',
    };
    const pruned = journal.slice(0, 50).map((_, i) => journalKey(i + 1));
    await write(
      store,
      { [KEYS.journalStart]: encodeJournalStart(51), [KEYS.ledger]: encodeLedgerRecord(record) },
      pruned,
    );
    const guard = guardOf(store, await ledgerOf(journal.slice(0, 20)));
    await expectRefuses(guard, 'a newer backup of PostgreSQL');
  });

  test('while a recovery has begun and is not done', async () => {
    const store = await storeOf(journal);
    const record = { foundSequence: 60, sequence: 0, next: 0, replayed: [], time: 1, actor: 'test' };
    await write(store, { [KEYS.recovery]: encodeRecoveryRecord({ ...record, state: 'begun' }) });
    const guard = guardOf(store, await ledgerOf(journal));
    await expectRefuses(guard, 'has begun and is not done');
    await write(store, { [KEYS.recovery]: encodeRecoveryRecord({ ...record, state: 'done' }) });
    await expectServes(guard);
  });
});

describe('an etcd that goes back under a running node', () => {
  test('is refused although the ledger has nothing more, until a recovery', async () => {
    const place = replaceable(await storeOf(journal));
    // As many commits more as make the revision a later one.
    for (let i = 0; i < 5; i += 1) await write(place.now, { [`x${i}`]: '' });
    const ledger = await ledgerOf(journal.slice(0, 40));
    const guard = guardOf(place.store, ledger);
    await expectServes(guard);
    place.now = await storeOf(journal);
    await expectRefuses(guard, 'gone back');
    ledger.available = false;
    await expectRefuses(guard, 'gone back');
    ledger.available = true;
    const record = { foundSequence: 60, sequence: 61, next: 9_999, replayed: [], time: 1, actor: 'test' };
    await write(place.now, { [KEYS.recovery]: encodeRecoveryRecord({ ...record, state: 'done' }) });
    await expectServes(guard);
  });

  test('is compared before anything more is sent once it is there again', async () => {
    const place = replaceable(await storeOf(journal));
    const guard = guardOf(place.store, await ledgerOf(journal));
    await expectServes(guard);
    place.fails = true;
    await guard.check();
    expect(guard.isOpen).toBe(false);
    expect(guard.refusal()).toBeUndefined();
    place.fails = false;
    await expectServes(guard);
  });
});

describe('a ledger that does not answer', () => {
  test('is waited for, and then done without, which is said', async () => {
    vi.useFakeTimers();
    const ledger = await ledgerOf(journal);
    ledger.available = false;
    const guard = guardOf(await storeOf(journal.slice(0, 30)), ledger);
    const started = guard.start();
    await vi.advanceTimersByTimeAsync(300);
    expect(guard.refusal()).toMatchObject({ code: 'ledger_unavailable' });
    nowMs = 10_001;
    await vi.advanceTimersByTimeAsync(300);
    await started;
    expect(guard.view().state).toBe('unverified');
    expect(guard.isOpen).toBe(true);
    ledger.available = true;
    await expectRefuses(guard, 'seqd recover');
  });

  test('is waited for however long it takes by a strict guard', async () => {
    vi.useFakeTimers();
    const ledger = await ledgerOf(journal);
    ledger.available = false;
    const guard = guardOf(await storeOf(journal), ledger, { strict: true });
    const started = guard.start();
    nowMs = 60_000;
    await vi.advanceTimersByTimeAsync(300);
    await started;
    expect(guard.isOpen).toBe(false);
    expect(guard.refusal()).toMatchObject({ code: 'ledger_unavailable' });
    ledger.available = true;
    await vi.advanceTimersByTimeAsync(300);
    expect(guard.view().state).toBe('verified');
  });

  test('stops nothing that is served', async () => {
    const ledger = await ledgerOf(journal);
    const place = replaceable(await storeOf(journal));
    const guard = guardOf(place.store, ledger);
    await expectServes(guard);
    ledger.available = false;
    await expectServes(guard);
    // Not even when etcd is away for a moment: its revision would tell.
    place.fails = true;
    await guard.check();
    place.fails = false;
    await expectServes(guard);
  });
});

/** A ledger that can be made to hang: it takes questions, and answers none. */
function hanging(ledger: MemoryLedger): { ledger: MemoryLedger; hangs: boolean; asked: number } {
  const place = { ledger, hangs: false, asked: 0 };
  const standing = ledger.standing.bind(ledger);
  ledger.standing = series => {
    place.asked += 1;
    return place.hangs ? new Promise(() => {}) : standing(series);
  };
  return place;
}

describe('a ledger that hangs', () => {
  test('does not keep an etcd that goes back from being found', async () => {
    vi.useFakeTimers();
    const place = replaceable(await storeOf(journal));
    for (let i = 0; i < 5; i += 1) await write(place.now, { [`x${i}`]: '' });
    const ledger = hanging(await ledgerOf(journal));
    const guard = guardOf(place.store, ledger.ledger);
    await expectServes(guard);
    ledger.hangs = true;
    place.now = await storeOf(journal.slice(0, 30));
    void guard.check();
    // Half of what a ledger is given to answer.
    await vi.advanceTimersByTimeAsync(500);
    expect(guard.view().state).toBe('refusing');
    expect(guard.isOpen).toBe(false);
    expect(guard.refusal()).toMatchObject({ code: 'behind_ledger' });
  });

  test('keeps a series that was served before closed for a second at most after etcd was away', async () => {
    vi.useFakeTimers();
    const place = replaceable(await storeOf(journal));
    const ledger = hanging(await ledgerOf(journal));
    const guard = guardOf(place.store, ledger.ledger);
    await expectServes(guard);
    ledger.hangs = true;
    place.fails = true;
    await guard.check();
    expect(guard.isOpen).toBe(false);
    place.fails = false;
    void guard.check();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(guard.isOpen).toBe(true);
    expect(guard.refusal()).toBeUndefined();
  });

  test('is asked one question at a time, and an answer that comes late counts', async () => {
    vi.useFakeTimers();
    const ledger = await ledgerOf(journal);
    const standing = await ledger.standing(GLOBAL_SERIES);
    let asked = 0;
    ledger.standing = () => {
      asked += 1;
      return new Promise(resolve => setTimeout(() => resolve(standing), 1_500));
    };
    const guard = guardOf(await storeOf(journal.slice(0, 30)), ledger);
    const first = guard.check();
    await vi.advanceTimersByTimeAsync(1_000);
    await first;
    expect(guard.view().state).toBe('unchecked');
    const second = guard.check();
    await vi.advanceTimersByTimeAsync(500);
    await second;
    expect(guard.view().state).toBe('refusing');
    expect(asked).toBe(1);
  });
});

describe('what the calls of the node tell of the revision', () => {
  test('is refused at once, and looked at without delay; a recovery ends it', async () => {
    const place = replaceable(await storeOf(journal));
    for (let i = 0; i < 5; i += 1) await write(place.now, { [`x${i}`]: '' });
    const revisions = new RevisionMark();
    const guard = guardOf(place.store, await ledgerOf(journal.slice(0, 20)), { revisions });
    let told = 0;
    guard.onChange = () => (told += 1);
    await expectServes(guard);
    told = 0;
    place.now = await storeOf(journal.slice(0, 40));
    revisions.answered(revisions.look(), 2);
    expect(told).toBe(1);
    expect(guard.isOpen).toBe(false);
    expect(guard.refusal()).toMatchObject({ code: 'behind_ledger' });
    expect(guard.view().state).toBe('refusing');
    await expectRefuses(guard, 'gone back');
    // Not even when the revision has climbed above what was seen.
    for (let i = 0; i < 90; i += 1) await write(place.now, { [`x${i}`]: '' });
    await expectRefuses(guard, 'gone back');
    const record = { foundSequence: 60, sequence: 61, next: 9_999, replayed: [], time: 1, actor: 'test' };
    await write(place.now, { [KEYS.recovery]: encodeRecoveryRecord({ ...record, state: 'done' }) });
    await expectServes(guard);
    expect(revisions.fallen).toBeUndefined();
  });
});
