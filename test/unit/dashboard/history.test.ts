import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  appendSamples,
  COLUMNS,
  createColumns,
  createHistory,
  createSum,
} from '../../../dashboard/js/history.js';
import { historyOf, sampleOf } from '../../kit/live-frames.ts';

const tenths = (from: number, count: number, changes = {}) =>
  Array.from({ length: count }, (_, i) => sampleOf(from + i * 100, changes));

describe('columns', () => {
  test('keep the newest samples in order, however they come, and never more than fit', () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 20 });
    fc.assert(
      fc.property(pieces, sizes => {
        const columns = createColumns(100, 8);
        const { t } = columns;
        let next = 0;
        for (const size of sizes) {
          appendSamples(columns, tenths(next * 100, size));
          next += size;
        }
        const all = Array.from({ length: next }, (_, i) => i * 100);
        expect(columns.t).toEqual(all.slice(-8));
        expect(columns.t).toBe(t);
        for (const name of COLUMNS) expect(columns[name]).toHaveLength(Math.min(8, next));
      }),
    );
  });
});

describe('a sum of samples', () => {
  test('is there with the last of its samples, with mean rates', () => {
    const sum = createSum(1_000);
    const samples = tenths(1_100, 10).map((sample, i) => ({ ...sample, numbers: i * 10 }));
    const sums = samples.map(sample => sum.add(sample));
    expect(sums.slice(0, 9).flat()).toEqual([]);
    expect(sums[9]).toMatchObject([{ t: 2_000, numbers: 45, p50: null, batch: null, ledgerLag: null }]);
  });

  test('weighs percentiles by requests, and batches by their number', () => {
    const sum = createSum(200);
    sum.add(sampleOf(100, { requests: 300, p50: 2, p95: 4, p99: 8, batch: 30, ledgerLag: 1 }));
    expect(
      sum.add(sampleOf(200, { requests: 100, p50: 6, p95: 8, p99: 16, batch: 5, ledgerLag: 3 })),
    ).toMatchObject([
      {
        p50: 3,
        p95: 5,
        p99: 10,
        // 400 facts in 10 + 20 batches
        batch: 400 / 30,
        ledgerLag: 3,
      },
    ]);
  });

  test('is given out without its last samples when they never come', () => {
    const sum = createSum(1_000);
    sum.add(sampleOf(1_500, { numbers: 7 }));
    expect(sum.add(sampleOf(2_100, { numbers: 1 }))).toMatchObject([{ t: 2_000, numbers: 7 }]);
    expect(sum.add(sampleOf(4_000, { numbers: 9 }))).toMatchObject([
      { t: 3_000, numbers: 1 },
      { t: 4_000, numbers: 9 },
    ]);
  });
});

describe('the history', () => {
  test('takes a snapshot and goes on from it at all three resolutions', () => {
    const history = createHistory();
    history.load(
      historyOf({
        minute: tenths(19_100, 15, { numbers: 100 }),
        fiveMinutes: Array.from({ length: 10 }, (_, i) => sampleOf(11_000 + i * 1_000, { numbers: 100 })),
        hour: [sampleOf(20_000, { numbers: 50 })],
      }),
    );
    // The second up to 21,000 has half its samples in the snapshot.
    history.add(tenths(20_600, 5, { numbers: 200 }));
    expect(history.fiveMinutes.t.at(-1)).toBe(21_000);
    expect(history.fiveMinutes.numbers.at(-1)).toBe(150);
    history.add(tenths(21_100, 90, { numbers: 150 }));
    expect(history.hour.t).toEqual([20_000, 30_000]);
    expect(history.hour.numbers.at(-1)).toBeCloseTo(150);
  });

  test('leaves out samples that it has', () => {
    const history = createHistory();
    history.add(tenths(100, 5));
    history.add(tenths(300, 4));
    expect(history.minute.t).toEqual([100, 200, 300, 400, 500, 600]);
  });

  test('does not grow over hours', () => {
    const history = createHistory();
    for (let t = 100; t <= 2 * 3_600_000; t += 1_000) history.add(tenths(t, 10, { numbers: 5, requests: 5 }));
    expect(history.minute.t).toHaveLength(600);
    expect(history.fiveMinutes.t).toHaveLength(300);
    expect(history.hour.t).toHaveLength(360);
    expect(history.hour.t.at(-1)).toBe(2 * 3_600_000);
    expect(new Set(history.hour.numbers)).toEqual(new Set([5]));
  });
});
