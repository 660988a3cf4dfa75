import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RangeMap } from '../../../src/core/ranges.ts';

describe('a map of ranges', () => {
  test('says of every number what a plain map says', () => {
    // Long enough to have many blocks, some of which a long range swallows whole.
    const step = fc.record({
      first: fc.nat(4_000),
      length: fc.oneof(
        { weight: 400, arbitrary: fc.integer({ min: 0, max: 3 }) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 3_000 }) },
      ),
      value: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 0, maxLength: 3_000, size: 'max' }), steps => {
        const map = new RangeMap<number>(0);
        const model = new Map<number, number>();
        for (const { first, length, value } of steps) {
          map.set({ first, last: first + length - 1 }, value);
          for (let number = first; number < first + length; number += 1) model.set(number, value);
        }
        for (let number = -1; number <= 7_001; number += 1)
          expect(map.at(number).value).toBe(model.get(number) ?? 0);
        let next = -1;
        let before: number | undefined;
        for (const { first, last, value } of map.runs({ first: -1, last: 7_001 })) {
          expect(first).toBe(next);
          expect(value).not.toBe(before);
          next = last + 1;
          before = value;
        }
        expect(next).toBe(7_002);
      }),
      { numRuns: 20 },
    );
  });

  test('ends where the safe integers end', () => {
    const last = Number.MAX_SAFE_INTEGER;
    const map = new RangeMap('a');
    map.set({ first: 1, last }, 'b');
    map.set({ first: last, last }, 'c');
    map.set({ first: last, last }, 'd');
    expect([...map.runs({ first: 0, last })]).toEqual([
      { first: 0, last: 0, value: 'a' },
      { first: 1, last: last - 1, value: 'b' },
      { first: last, last, value: 'd' },
    ]);
  });
});
