import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBatch, encodeBatch } from '../../../src/core/batch-codec.ts';
import type { SeqdError } from '../../../src/core/errors.ts';
import type { Fact } from '../../../src/core/facts.ts';
import { decodeHead, encodeHead, type Head } from '../../../src/core/head.ts';
import { formatAllocationId, parseAllocationId } from '../../../src/core/identifiers.ts';
import {
  addToPage,
  copyPage,
  decodePage,
  EMPTY_PAGE,
  encodePage,
  holdNumbers,
  PAGE_SIZE,
  pageStatus,
  unholdNumber,
} from '../../../src/core/page.ts';
import {
  addRange,
  type NumberRange,
  rangesInclude,
  rangesOverlap,
  rangesSize,
  removeRange,
} from '../../../src/core/ranges.ts';
import { decodeReservation, decodeTallies, encodeReservation } from '../../../src/core/records.ts';
import { batch, owner, position } from '../../kit/fact-arbitraries.ts';

describe('what is stored reads back the same', () => {
  test('batches', () => {
    fc.assert(
      fc.property(batch, value => {
        expect(decodeBatch(encodeBatch(value))).toEqual(value);
      }),
    );
  });

  test('runs of plain draws, however they are broken up', () => {
    const links = fc.array(
      fc.record({ gap: fc.constantFrom(0, 0, 0, 1), owner: fc.nat(1), ingress: fc.constantFrom(0, 0, 1, 2) }),
      {
        minLength: 1,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(links, steps => {
        let next = 1;
        let ingressNumber = 0;
        const facts = steps.map(({ gap, owner: by, ingress }): Fact => {
          next += gap;
          ingressNumber += 1 + gap;
          const fresh = { first: next, last: next };
          next += 1;
          const who = { site: `s${by}`, partition: 'a', type: 'x' };
          const from = ingress === 0 ? {} : { ingress: `n${ingress}`, ingressNumber };
          return { kind: 'issue', owner: who, fresh, reused: [], ...from };
        });
        const batch = { sequence: 1, previous: '', time: 0, node: 'n', serial: 1, next: 1, facts };
        expect(decodeBatch(encodeBatch(batch))).toEqual(batch);
      }),
    );
  });

  test('a batch of plain draws takes no more room than one of them', () => {
    const who = { site: 's', partition: 'a', type: 'x' };
    const sizeOf = (count: number): number =>
      encodeBatch({
        sequence: 1,
        previous: '',
        time: 0,
        node: 'n',
        serial: 1,
        next: 1,
        facts: Array.from({ length: count }, (_, i) => ({
          kind: 'issue',
          owner: who,
          fresh: { first: i + 1, last: i + 1 },
          reused: [],
        })),
      }).length;
    expect(sizeOf(256)).toBeLessThan(sizeOf(1) + 12);
  });

  test('heads', () => {
    const head: Head = {
      settings: { start: 5, maximum: 2 ** 53 - 1, reuse: 'never' },
      sequence: 9,
      next: 50,
      chain: 'ab'.repeat(32),
      time: 123,
      issued: 40,
      reserved: 1,
      pooled: 2,
      voided: 2,
      skipped: [{ first: 7, last: 8 }],
      imported: 0,
      importedRanges: [],
      openImport: null,
    };
    expect(decodeHead(encodeHead(head))).toEqual(head);
    expect(decodeHead(encodeHead({ ...head, skipped: [] }))).toEqual({ ...head, skipped: [] });
    expect(JSON.parse(encodeHead(head))).toMatchObject({ format: 1 });
    const importing: Head = {
      ...head,
      imported: 4,
      importedRanges: [{ first: 20, last: 29 }],
      openImport: { first: 25, last: 29, source: 's', gapsTo: 'pool' },
    };
    expect(decodeHead(encodeHead(importing))).toEqual(importing);
    // An older node would write the head without what it does not know, so it must not read it.
    expect(JSON.parse(encodeHead(importing))).toMatchObject({ format: 2 });
  });

  test('pages and reservations', () => {
    fc.assert(
      fc.property(fc.nat(1e6), owner, position, (id, by, allocation) => {
        const base = id * PAGE_SIZE;
        const page = copyPage(EMPTY_PAGE);
        addToPage(page, 'pooled', { first: base + 1, last: base + 5 });
        addToPage(page, 'reserved', { first: base + 9, last: base + 9 });
        addToPage(page, 'voided', { first: base + 20, last: base + 30 });
        holdNumbers(page, { first: base + 40, last: base + 45, allocation, owner: by });
        unholdNumber(page, base + 42);
        expect(decodePage(id, encodePage(id, page))).toEqual(page);
        expect([5, 9, 25, 42, 43].map(n => pageStatus(page, base + n))).toEqual([
          'pooled',
          'reserved',
          'void',
          undefined,
          'reissued',
        ]);
        const held = {
          position: allocation,
          owner: by,
          reused: [{ first: 1, last: 2 }],
          fresh: null,
          deadline: 7,
        };
        expect(decodeReservation(encodeReservation(held))).toEqual(held);
      }),
    );
  });

  test('pages whose numbers many owners drew, in any order', () => {
    const few = fc.record({
      site: fc.constantFrom('a', 'b'),
      partition: fc.constantFrom('a', 'b'),
      type: fc.constantFrom('x', 'y'),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(few, position), { maxLength: 40 }), draws => {
        const page = copyPage(EMPTY_PAGE);
        for (const [i, [by, allocation]] of draws.entries())
          holdNumbers(page, { first: 3 * i, last: 3 * i + 1, allocation, owner: by });
        expect(decodePage(0, encodePage(0, page))).toEqual(page);
      }),
    );
  });

  test.each<[string, (text: string) => unknown]>([
    ['head', decodeHead],
    ['page', stored => decodePage(0, stored)],
    ['batch', decodeBatch],
    ['reservation', decodeReservation],
    ['tally', decodeTallies],
  ])('a %s of a newer format is refused, never guessed at (F22)', (_record, decode) => {
    const refusal = expect.objectContaining<Partial<SeqdError>>({ code: 'unsupported_format' });
    expect(() => decode(JSON.stringify({ f: 3, format: 3 }))).toThrow(refusal);
    expect(() => decode(JSON.stringify({}))).toThrow(refusal);
  });
});

test('an allocationId reads back, and nothing else does', () => {
  fc.assert(
    fc.property(position, value => {
      expect(parseAllocationId(formatAllocationId(value))).toEqual(value);
    }),
  );
  for (const wrong of [
    '',
    '1',
    '1-',
    '-1',
    '0-0',
    '01-1',
    '1-01',
    '1-1-1',
    '1 -1',
    '1e3-1',
    '99999999999999999-0',
  ]) {
    expect(parseAllocationId(wrong), wrong).toBeUndefined();
  }
});

test('range sets do what sets of numbers do', () => {
  const step = fc.record({ first: fc.nat(40), length: fc.integer({ min: 1, max: 6 }), add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const ranges: NumberRange[] = [];
      const model = new Set<number>();
      for (const { first, length, add } of steps) {
        const numbers = Array.from({ length }, (_, i) => first + i);
        const changed = { first, last: first + length - 1 };
        expect(rangesOverlap(ranges, changed)).toBe(numbers.some(n => model.has(n)));
        if (add && numbers.every(n => !model.has(n))) {
          addRange(ranges, changed);
          for (const n of numbers) model.add(n);
        } else if (!add && numbers.every(n => model.has(n))) {
          removeRange(ranges, changed);
          for (const n of numbers) model.delete(n);
        } else if (!add) {
          expect(() => removeRange(ranges, changed)).toThrow(
            expect.objectContaining<Partial<SeqdError>>({ code: 'invariant_violated' }),
          );
        }
      }
      expect(rangesSize(ranges)).toBe(model.size);
      for (let n = 0; n < 50; n += 1) expect(rangesInclude(ranges, n)).toBe(model.has(n));
      for (const [i, { first }] of ranges.entries())
        if (i > 0) expect(first).toBeGreaterThan(ranges[i - 1]!.last + 1);
    }),
  );
});
