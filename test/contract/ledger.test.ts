import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Fact } from '../../src/core/facts.ts';
import { GENESIS_CHAIN } from '../../src/core/head.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import type { JournalEntry } from '../../src/core/records.ts';
import { nextAfter } from '../../src/ledger/ledger-rows.ts';
import type { DrawFinder, Ledger, LedgerPosition } from '../../src/ports/ledger.ts';
import { journalEntries } from '../kit/journal-entries.ts';
import { digest } from '../kit/series-world.ts';
import { LEDGER_SUBJECTS } from './ledger-subjects.ts';

const OTHER = { ...GLOBAL_SERIES, period: '2026' };
const owner = { site: 'site-1', partition: 'a', type: 'invoice' };
const other = { site: 'site-2', partition: 'b', type: 'credit' };

/** A number of its own with a reference; then three plain ones, which the ledger keeps as a run; then a block of ten. */
const factsOf = (next: number): Fact[] => [
  { kind: 'issue', owner, fresh: { first: next, last: next }, reused: [], reference: `doc-${next}` },
  ...[1, 2, 3].map((i): Fact => {
    const number = next + i;
    return { kind: 'issue', owner: other, fresh: { first: number, last: number }, reused: [] };
  }),
  { kind: 'block', owner, fresh: { first: next + 4, last: next + 13 }, reused: [] },
];

const JOURNAL = journalEntries(10, factsOf);

function positionAfter(sequence: number, journal: readonly JournalEntry[] = JOURNAL): LedgerPosition {
  const { batch, text } = journal[sequence - 1]!;
  return { sequence, chain: digest(text), next: nextAfter(batch) };
}

const part = (first: number, last: number): JournalEntry[] => JOURNAL.slice(first - 1, last);

describe.each(LEDGER_SUBJECTS)('a ledger in %s', (_name, open) => {
  let ledger: Ledger;
  let finder: DrawFinder;

  beforeEach(async () => {
    const opened = await open();
    onTestFinished(async () => void (await opened.close()));
    ({ ledger, finder } = opened);
  });

  test('begins before the first batch', async () => {
    expect(await ledger.position(GLOBAL_SERIES)).toEqual({ sequence: 0, chain: GENESIS_CHAIN, next: 0 });
    expect(await finder.findDraw(GLOBAL_SERIES, 1)).toBeUndefined();
  });

  test('takes batches and stands where they end', async () => {
    const position = positionAfter(4);
    expect(await ledger.append(GLOBAL_SERIES, part(1, 4), 7)).toEqual({ status: 'appended', position });
    expect(await ledger.position(GLOBAL_SERIES)).toEqual(position);
    await ledger.append(GLOBAL_SERIES, part(5, 10), 7);
    expect(await ledger.position(GLOBAL_SERIES)).toEqual(positionAfter(10));
  });

  test('is not changed by what it has already (F20)', async () => {
    await ledger.append(GLOBAL_SERIES, part(1, 6), 7);
    for (const [first, last] of [
      [1, 6],
      [4, 6],
      [2, 3],
    ] as const)
      expect(await ledger.append(GLOBAL_SERIES, part(first, last), 7)).toMatchObject({ status: 'appended' });
    expect(await ledger.position(GLOBAL_SERIES)).toEqual(positionAfter(6));
    expect(await ledger.append(GLOBAL_SERIES, part(3, 9), 7)).toMatchObject({ status: 'appended' });
    expect(await ledger.position(GLOBAL_SERIES)).toEqual(positionAfter(9));
  });

  test('takes nothing that leaves a gap, and says where it stands', async () => {
    await ledger.append(GLOBAL_SERIES, part(1, 4), 7);
    const position = positionAfter(4);
    expect(await ledger.append(GLOBAL_SERIES, part(6, 8), 7)).toEqual({ status: 'elsewhere', position });
    expect(await ledger.position(GLOBAL_SERIES)).toEqual(position);
  });

  test('takes nothing from an earlier election once a later one has written', async () => {
    await ledger.append(GLOBAL_SERIES, part(1, 2), 7);
    await ledger.append(GLOBAL_SERIES, part(3, 4), 8);
    for (const [first, last] of [
      [5, 6],
      [3, 4],
      [7, 8],
    ] as const)
      expect(await ledger.append(GLOBAL_SERIES, part(first, last), 7)).toEqual({ status: 'fenced' });
    expect(await ledger.position(GLOBAL_SERIES)).toEqual(positionAfter(4));
    expect(await ledger.append(GLOBAL_SERIES, part(5, 6), 8)).toMatchObject({ status: 'appended' });
  });

  test('takes nothing that does not continue its chain, nor another batch for one it has', async () => {
    await ledger.append(GLOBAL_SERIES, part(1, 4), 7);
    const strange = journalEntries(6, next => factsOf(next).slice(1, 2));
    const refused = { code: 'invariant_violated' };
    await expect(ledger.append(GLOBAL_SERIES, strange.slice(4), 7)).rejects.toMatchObject(refused);
    await expect(ledger.append(GLOBAL_SERIES, strange.slice(0, 4), 7)).rejects.toMatchObject(refused);
    await expect(ledger.append(OTHER, part(2, 2), 7)).resolves.toMatchObject({ status: 'elsewhere' });
    expect(await ledger.position(GLOBAL_SERIES)).toEqual(positionAfter(4));
  });

  test('of two that write the same at once it takes each batch once', async () => {
    await ledger.append(GLOBAL_SERIES, part(1, 1), 7);
    const outcomes = await Promise.all(
      [7, 7, 8, 8].map(epoch => ledger.append(GLOBAL_SERIES, part(2, 10), epoch)),
    );
    for (const outcome of outcomes) expect(['appended', 'fenced']).toContain(outcome.status);
    expect(await ledger.position(GLOBAL_SERIES)).toEqual(positionAfter(10));
  });

  test('knows who drew a number, wherever it stands in its batch', async () => {
    await ledger.append(GLOBAL_SERIES, JOURNAL, 7);
    const [fifth] = part(5, 5);
    const { next } = fifth!.batch;
    const drawn = async (number: number) => (await finder.findDraw(GLOBAL_SERIES, number))!;
    const at = (index: number) => ({ sequence: 5, index });
    expect(await drawn(next)).toEqual({ allocation: at(0), owner });
    expect(await drawn(next + 1)).toEqual({ allocation: at(1), owner: other });
    expect(await drawn(next + 3)).toEqual({ allocation: at(3), owner: other });
    expect(await drawn(next + 4)).toEqual({ allocation: at(4), owner });
    expect(await drawn(next + 13)).toEqual({ allocation: at(4), owner });
    expect(await drawn(1)).toEqual({ allocation: { sequence: 1, index: 0 }, owner });
    expect(await drawn(140)).toEqual({ allocation: { sequence: 10, index: 4 }, owner });
    expect(await finder.findDraw(GLOBAL_SERIES, 141)).toBeUndefined();
  });

  test('says of numbers that a raise has skipped, or that only came back from the pool, that nobody drew them', async () => {
    const entries = journalEntries(3, (next, sequence): Fact[] => {
      if (sequence === 1) return [{ kind: 'issue', owner, fresh: { first: 1, last: 1 }, reused: [] }];
      if (sequence === 2)
        return [{ kind: 'raise', next: 100, skipped: { first: next, last: 99 }, reason: 'r', actor: 'a' }];
      return [
        { kind: 'issue', owner: other, fresh: { first: 100, last: 100 }, reused: [{ first: 1, last: 1 }] },
      ];
    });
    await ledger.append(GLOBAL_SERIES, entries, 7);
    expect(await finder.findDraw(GLOBAL_SERIES, 50)).toBeUndefined();
    expect(await finder.findDraw(GLOBAL_SERIES, 1)).toMatchObject({ owner });
    expect(await finder.findDraw(GLOBAL_SERIES, 100)).toMatchObject({ owner: other });
  });

  test('that has nothing begins in the middle when it is told to, and only then', async () => {
    const beginsHere = { beginsHere: true };
    expect(await ledger.append(GLOBAL_SERIES, part(5, 6), 7)).toMatchObject({ status: 'elsewhere' });
    expect(await ledger.append(GLOBAL_SERIES, part(5, 6), 7, beginsHere)).toEqual({
      status: 'appended',
      position: positionAfter(6),
    });
    expect(await ledger.append(GLOBAL_SERIES, part(9, 10), 7, beginsHere)).toMatchObject({
      status: 'elsewhere',
      position: { sequence: 6 },
    });
    expect(await ledger.append(GLOBAL_SERIES, part(5, 8), 7, beginsHere)).toMatchObject({
      status: 'appended',
    });
    expect(await ledger.position(GLOBAL_SERIES)).toEqual(positionAfter(8));
    const { next } = part(5, 5)[0]!.batch;
    expect(await finder.findDraw(GLOBAL_SERIES, next)).toMatchObject({ allocation: { sequence: 5 } });
    expect(await finder.findDraw(GLOBAL_SERIES, next - 1)).toBeUndefined();
  });

  test('keeps series apart', async () => {
    await ledger.append(GLOBAL_SERIES, part(1, 4), 7);
    expect(await ledger.position(OTHER)).toMatchObject({ sequence: 0 });
    expect(await ledger.append(OTHER, part(1, 2), 3)).toMatchObject({ status: 'appended' });
    expect(await ledger.position(GLOBAL_SERIES)).toEqual(positionAfter(4));
    expect(await finder.findDraw(OTHER, 40)).toBeUndefined();
  });
});
