import { expect, test } from 'vitest';
import { median, percentile, spread } from '../../../bench/lib/statistics.mjs';
import { medianFigures, toFigures } from '../../../bench/lib/figures.mjs';
import { Samples } from '../../../bench/lib/samples.mjs';

const samplesOf = (values: readonly number[]): Samples => {
  const samples = new Samples();
  for (const value of values) samples.push(value);
  return samples;
};

test('the median of an odd number of values is the middle one, whatever their order', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([10, 9, 100])).toBe(10);
});

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('nothing has no median and no percentile', () => {
  expect(() => median([])).toThrow(RangeError);
  expect(() => percentile(new Float64Array(), 50)).toThrow(RangeError);
});

test('the spread names the extremes', () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
});

test('percentiles are values that occurred, by nearest rank', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);
  expect(percentile(hundred, 50)).toBe(50);
  expect(percentile(hundred, 99)).toBe(99);
  expect(percentile(hundred, 100)).toBe(100);
  expect(percentile(Float64Array.of(7), 1)).toBe(7);
});

test('samples keep every value in order, past their first capacity', () => {
  const values = Array.from({ length: 40_000 }, (_, i) => i / 2);
  const samples = samplesOf(values);
  expect(samples.length).toBe(values.length);
  expect([...samples.toArray()]).toEqual(values);
});

test('figures count numbers, not answers', () => {
  const load = { seconds: 2, cpuSeconds: 1, latenciesMs: samplesOf([30, 10, 20]) };
  expect(toFigures(load, 100)).toEqual({
    perSecond: 150,
    p50Ms: 20,
    p99Ms: 30,
    maxMs: 30,
    generatorCpu: 0.5,
  });
});

test('a load without an answer has no figures', () => {
  expect(() => toFigures({ seconds: 1, cpuSeconds: 0, latenciesMs: new Samples() }, 1)).toThrow(/answer/);
});

test('the median of rounds is taken figure by figure', () => {
  const round = (perSecond: number, p50Ms: number) => ({
    perSecond,
    p50Ms,
    p99Ms: 0,
    maxMs: 0,
    generatorCpu: 0,
  });
  expect(medianFigures([round(1, 9), round(2, 8), round(3, 7)])).toMatchObject({ perSecond: 2, p50Ms: 8 });
});
