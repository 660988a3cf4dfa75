import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBatch } from '../../../src/core/batch-codec.ts';
import type { Batch, Fact, IssueFact } from '../../../src/core/facts.ts';
import { PAGE_SIZE, pageOf } from '../../../src/core/page.ts';
import { type NumberRange, rangesSize } from '../../../src/core/ranges.ts';
import {
  batchRowOf,
  columnText,
  differingColumns,
  factRowsOf,
  nextAfter,
} from '../../../src/ledger/ledger-rows.ts';
import type { FactRow } from '../../../src/ports/ledger-rows.ts';
import { batch } from '../../kit/fact-arbitraries.ts';

const owner = { site: 's', partition: 'p', type: 't' };

const batchOf = (...facts: Fact[]): Batch => ({
  sequence: 7,
  previous: 'x',
  time: 1_000,
  node: 'n',
  serial: 1,
  next: 1,
  facts,
});

const draw = (number: number, more: Partial<IssueFact> = {}): Fact => ({
  kind: 'issue',
  owner,
  reused: [],
  fresh: { first: number, last: number },
  ...more,
});

/** Place and numbers of each row. */
const places = (rows: readonly FactRow[]) =>
  rows.map(({ index, part, facts, first, last }) => [index, part, facts, first, last]);

/** The numbers a fact speaks of, as ranges in its own order. */
function numbersOf(fact: Fact): NumberRange[] {
  switch (fact.kind) {
    case 'release':
    case 'void':
      return [{ first: fact.number, last: fact.number }];
    case 'adopt':
      return [...fact.gaps];
    case 'retire':
      return [...fact.ranges];
    case 'raise': {
      const imported =
        fact.imported === undefined ? [] : [{ first: fact.imported.first, last: fact.next - 1 }];
      return fact.skipped === null ? imported : [fact.skipped, ...imported];
    }
    default:
      return fact.fresh === null ? [...fact.reused] : [...fact.reused, fact.fresh];
  }
}

/** Consecutive rows of one fact, joined again. */
function joined(rows: readonly NumberRange[]): NumberRange[] {
  const ranges: NumberRange[] = [];
  for (const { first, last } of rows) {
    const before = ranges.at(-1);
    if (before !== undefined && before.last + 1 === first) ranges.splice(-1, 1, { ...before, last });
    else ranges.push({ first, last });
  }
  return ranges;
}

describe('the rows of a batch', () => {
  test('say of every fact the numbers it is about, in its order', () => {
    fc.assert(
      fc.property(batch, value => {
        const rows = factRowsOf(value);
        for (const [index, fact] of value.facts.entries()) {
          const of = rows.filter(row => row.index <= index && index < row.index + row.facts);
          const ranges = of.map(row =>
            row.facts === 1
              ? row
              : { first: row.first + index - row.index, last: row.first + index - row.index },
          );
          expect(joined(ranges)).toEqual(joined(numbersOf(fact)));
          for (const row of of) {
            expect([row.sequence, row.time]).toEqual([value.sequence, value.time]);
            expect(row.kind === 'import' ? 'raise' : row.kind).toBe(fact.kind);
            expect(row.owner).toEqual('owner' in fact ? fact.owner : null);
            expect(row.key).toBe(columnText(fact.key));
          }
        }
        const places = rows.map(row => `${row.index}-${row.part}`);
        expect(new Set(places).size).toBe(rows.length);
      }),
    );
  });

  test('of numbers drawn before lie in one page each, so that a search by number is bounded', () => {
    fc.assert(
      fc.property(batch, value => {
        for (const { fresh, kind, first, last } of factRowsOf(value))
          if (!fresh && kind !== 'adopt') expect(pageOf(first)).toBe(pageOf(last));
      }),
    );
  });

  test('hold texts that PostgreSQL can store, whatever the client said', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), text => {
        const stored = columnText(text)!;
        expect(stored).not.toContain('\0');
        expect(Buffer.from(stored).toString()).toBe(stored);
        expect(stored.length).toBeLessThanOrEqual(600);
      }),
    );
    expect(columnText('a\0b\ud800')).toBe('a\uFFFDb\uFFFD');
    expect(columnText(`${'x'.repeat(599)}😀`)).toBe(`${'x'.repeat(599)}\uFFFD`);
    expect(columnText(undefined)).toBeNull();
  });

  test('are one for a run of plain draws, and one each where anything differs', () => {
    const rows = factRowsOf(
      batchOf(draw(1), draw(2), draw(3, { client: 'c' }), draw(4, { client: 'c' }), draw(6, { client: 'c' })),
    );
    expect(places(rows)).toEqual([
      [0, 0, 2, 1, 2],
      [2, 0, 2, 3, 4],
      [4, 0, 1, 6, 6],
    ]);
    const apart = [
      draw(2, { key: 'k' }),
      draw(2, { suppressed: { reason: 'r', to: 'pool' } }),
      draw(2, { owner: { ...owner, type: 'u' } }),
      { kind: 'block', owner, reused: [], fresh: { first: 2, last: 2 } } as Fact,
      draw(2, { reused: [{ first: 90, last: 90 }] }),
    ];
    for (const fact of apart) {
      expect(factRowsOf(batchOf(draw(1), fact)).every(({ facts }) => facts === 1)).toBe(true);
      expect(factRowsOf(batchOf(fact, draw(3))).every(({ facts }) => facts === 1)).toBe(true);
    }
    // What a node says of a request it passed on is no column.
    expect(factRowsOf(batchOf(draw(1), draw(2, { ingress: 'n', ingressNumber: 9 })))).toHaveLength(1);
  });

  test('of a range are one when it was drawn now, and one a page when it was drawn before', () => {
    const range = { first: PAGE_SIZE - 1, last: 3 * PAGE_SIZE };
    const reservation = { sequence: 3, index: 1 };
    const confirm: Fact = { kind: 'confirm', owner, reused: [], fresh: range, reservation };
    const block: Fact = { kind: 'block', owner, reused: [], fresh: range };
    const rows = factRowsOf(batchOf(block, confirm));
    expect(places(rows).map(([index, part, , first, last]) => [index, part, first, last])).toEqual([
      [0, 0, range.first, range.last],
      [1, 0, PAGE_SIZE - 1, PAGE_SIZE - 1],
      [1, 1, PAGE_SIZE, 2 * PAGE_SIZE - 1],
      [1, 2, 2 * PAGE_SIZE, 3 * PAGE_SIZE - 1],
      [1, 3, 3 * PAGE_SIZE, 3 * PAGE_SIZE],
    ]);
    expect(rows.map(({ fresh }) => fresh)).toEqual([true, false, false, false, false]);
    expect(rows[1]!.allocation).toEqual(reservation);
  });

  test('of a raise tell skipped numbers from imported ones, and one that passes none has none', () => {
    const raise = { kind: 'raise', next: 50, reason: 'r', actor: 'a' } as const;
    expect(factRowsOf(batchOf({ ...raise, skipped: null }))).toEqual([]);
    const imported = { first: 20, source: 's', gapsTo: 'void' } as const;
    const [skippedRow, importedRow] = factRowsOf(
      batchOf({ ...raise, skipped: { first: 10, last: 19 }, imported }),
    );
    expect(skippedRow).toMatchObject({ kind: 'raise', first: 10, last: 19, fresh: true });
    expect(importedRow).toMatchObject({ kind: 'import', first: 20, last: 49, fresh: true });
  });

  test('a gap of an import is one row however long it is', () => {
    const gap = { first: 5, last: 2 ** 50 };
    const fact: Fact = {
      kind: 'adopt',
      first: 1,
      last: 2 ** 51,
      gaps: [gap],
      to: 'void',
      source: 's',
      reason: 'r',
      actor: 'a',
    };
    expect(factRowsOf(batchOf(fact))).toMatchObject([{ ...gap, target: 'void', actor: 'a' }]);
  });

  test('a retired number is void, with who and why', () => {
    const fact: Fact = { kind: 'retire', ranges: [{ first: 5, last: 6 }], reason: 'r', actor: 'a' };
    expect(factRowsOf(batchOf(fact))).toMatchObject([
      {
        kind: 'retire',
        first: 5,
        last: 6,
        fresh: false,
        target: 'void',
        reason: 'r',
        actor: 'a',
        owner: null,
      },
    ]);
  });

  test('count no number twice: fresh rows are what the counter moved by', () => {
    const facts = [
      draw(1),
      draw(2),
      { kind: 'block', owner, reused: [], fresh: { first: 3, last: 9 } } as Fact,
    ];
    expect(nextAfter(batchOf(...facts))).toBe(10);
    expect(rangesSize(factRowsOf(batchOf(...facts)).filter(({ fresh }) => fresh))).toBe(9);
    expect(
      nextAfter(batchOf(draw(1), { kind: 'raise', next: 70, skipped: null, reason: 'r', actor: 'a' })),
    ).toBe(70);
    const ended: Fact = {
      kind: 'cancel',
      owner,
      reused: [],
      fresh: { first: 1, last: 1 },
      reservation: { sequence: 1, index: 0 },
      to: 'pool',
    };
    expect(nextAfter(batchOf(draw(5), ended))).toBe(6);
  });
});

test('a row read back is compared column by column', () => {
  const [row] = factRowsOf(
    batchOf({
      kind: 'release',
      number: 4,
      allocation: { sequence: 1, index: 2 },
      owner,
      reason: 'r',
      to: 'pool',
    }),
  );
  const copy = structuredClone(row!);
  expect(differingColumns(row!, copy)).toEqual([]);
  expect(
    differingColumns(row!, {
      ...copy,
      last: 5,
      owner: { ...owner, site: 'z' },
      allocation: null,
      reason: null,
    }),
  ).toEqual(['last', 'owner', 'allocation', 'reason']);
  const value = batchOf(draw(1));
  const text = encodeBatch(value);
  const stored = batchRowOf({ batch: value, text, revision: 9 }, 'hash');
  expect(stored).toEqual({
    sequence: 7,
    time: 1_000,
    revision: 9,
    node: 'n',
    next: 1,
    chain: 'hash',
    facts: 1,
    body: text,
  });
  expect(differingColumns(stored, { ...stored, body: `${text} ` })).toEqual(['body']);
});
