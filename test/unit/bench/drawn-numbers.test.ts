import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkNumbers, compareWithIssued } from '../../../bench/lib/check-numbers.mjs';
import { DrawnNumbers } from '../../../bench/lib/drawn-numbers.mjs';

const drawnOf = (...parts: readonly (readonly [readonly number[], number?])[]): DrawnNumbers => {
  const drawn = new DrawnNumbers();
  for (const [firsts, each] of parts) drawn.add(Float64Array.from(firsts), each);
  return drawn;
};

const reportOf = (issued: number, complete = true) =>
  ({ complete, issued, next: issued + 1 }) as Parameters<typeof compareWithIssued>[0];

test('single numbers and runs of several are counted together', () => {
  const drawn = drawnOf([[1, 102]], [[2], 100]);
  expect(drawn.check()).toEqual({ numbers: 102, last: 102, duplicates: 0, firstDuplicate: 0 });
});

test('a number that came twice is found, from whichever round', () => {
  expect(drawnOf([[1, 2, 3]], [[4, 2]]).check()).toMatchObject({ duplicates: 1, firstDuplicate: 2 });
});

test('a run that overlaps another is found', () => {
  expect(drawnOf([[1, 51], 100]).check()).toMatchObject({ duplicates: 50, firstDuplicate: 51 });
});

test('a single number inside a run is found', () => {
  expect(drawnOf([[1], 100], [[40]]).check()).toMatchObject({ duplicates: 1, firstDuplicate: 40 });
});

test('what cannot be a number is refused', () => {
  for (const wrong of [0, -1, 1.5, Number.NaN, 2 ** 43])
    expect(() => drawnOf([[wrong]]), String(wrong)).toThrow(RangeError);
});

test('any way of cutting 1 … n into runs has no duplicates and n numbers', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 50 }), sizes => {
      const drawn = new DrawnNumbers();
      let first = 1;
      for (const size of sizes) {
        drawn.add(Float64Array.of(first), size);
        first += size;
      }
      expect(drawn.check()).toMatchObject({ numbers: first - 1, last: first - 1, duplicates: 0 });
    }),
  );
});

test('a counter that handed out a number twice fails, by name', () => {
  const { lines, failures } = checkNumbers(
    new Map([
      ['good', drawnOf([[1, 2]])],
      ['bad', drawnOf([[7, 7]])],
    ]),
  );
  expect(lines).toEqual(['good: 2 numbers, all different']);
  expect(failures).toEqual(['bad handed out 1 numbers twice, the first is 7']);
});

test('one number more or less than was issued fails', () => {
  const drawn = drawnOf([[1, 2, 3]]);
  expect(compareWithIssued(reportOf(3), drawn)).toEqual([]);
  expect(compareWithIssued(reportOf(4), drawn)).not.toEqual([]);
  expect(compareWithIssued(reportOf(2), drawn)).not.toEqual([]);
  expect(compareWithIssued(reportOf(3, false), drawn)).not.toEqual([]);
});
