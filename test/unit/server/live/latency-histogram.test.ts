import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LatencyHistogram } from '../../../../src/server/live/latency-histogram.ts';

const MS = fc.double({ min: 0.001, max: 60_000, noNaN: true });

function of(times: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const ms of times) histogram.record(ms);
  return histogram;
}

test('a percentile is off by at most a twentieth, whatever the times', () => {
  fc.assert(
    fc.property(
      fc.array(MS, { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 100 }),
      (times, p) => {
        const exact = times.toSorted((a, b) => a - b)[Math.ceil((times.length * p) / 100) - 1]!;
        const found = of(times).percentile(p)!;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.05 + 0.01);
      },
    ),
  );
});

test('histograms of parts, sent over the wire, add up to that of the whole, and can be taken out again', () => {
  fc.assert(
    fc.property(fc.array(MS), fc.array(MS), (a, b) => {
      const sum = of(a);
      sum.addEncoded(of(b).encode());
      expect(sum.encode()).toEqual(of([...a, ...b]).encode());
      sum.subtract(of(b));
      expect(sum.encode()).toEqual(of(a).encode());
      expect(sum.count).toBe(a.length);
    }),
  );
});

test('without requests there is no percentile, and nonsense from the wire is passed over', () => {
  const histogram = new LatencyHistogram();
  histogram.addEncoded([-1, 5, 100_000, 5, 3, -2, Number.NaN, 1, 7]);
  expect(histogram.percentile(99)).toBeNull();
  expect(histogram.encode()).toEqual([]);
});
