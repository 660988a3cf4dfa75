import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberSet } from '../../../../src/cli/scan/number-set.ts';

/** Numbers that lie together, so that lists, bitmaps and borders of chunks all occur. */
const numbers = fc
  .array(
    fc.tuple(
      fc.constantFrom(0, 65_530, 131_072, 2 ** 32, 2 ** 53 - 70_000),
      fc.nat(69_999),
      fc.integer({ min: 1, max: 3_000 }),
    ),
    { maxLength: 6 },
  )
  .map(runs =>
    runs.flatMap(([base, from, count]) =>
      Array.from({ length: Math.min(count, 70_000 - from) }, (_, i) => base + from + ((i * 7) % 3_000)),
    ),
  );

test('a set of numbers says what a plain set says', () => {
  fc.assert(
    fc.property(numbers, list => {
      const inRange = list.filter(n => Number.isSafeInteger(n));
      const plain = new Set<number>();
      const set = new NumberSet();
      for (const number of inRange) {
        expect(set.add(number)).toBe(!plain.has(number));
        plain.add(number);
      }
      const sorted = Float64Array.from(plain).sort();
      expect(set.size).toBe(plain.size);
      expect([...set.numbers()]).toEqual([...sorted]);
      for (const number of [0, 1, 65_535, 65_536, ...inRange.slice(0, 50).map(n => n + 1)])
        expect(set.has(number)).toBe(plain.has(number));
      const gaps = [];
      for (const [i, number] of sorted.entries())
        if (i > 0 && number > sorted[i - 1]! + 1) gaps.push({ first: sorted[i - 1]! + 1, last: number - 1 });
      expect([...set.gaps()]).toEqual(gaps);
    }),
    { numRuns: 60 },
  );
});

test('three million dense numbers take less than a megabyte of it', () => {
  const set = new NumberSet();
  const before = process.memoryUsage().arrayBuffers;
  for (let number = 1; number <= 3_000_000; number += 1) set.add(number);
  expect(set.size).toBe(3_000_000);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
});
