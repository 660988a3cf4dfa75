import { describe, expect, it } from 'vitest';
import { figureWithUnit, statsOf, summaryOf, valuesAt } from '../../../dashboard/js/chart-figures.js';
import { CHARTS } from '../../../dashboard/js/chart-series.js';

const chart = (id: string) => {
  const found = CHARTS.find(one => one.id === id);
  if (found === undefined) throw new Error(`no chart ${id}`);
  return found;
};

const columns = {
  t: [1, 2, 3],
  numbers: [9_000, 1_234, 2_000],
  requests: [0, 310, 300],
  errors: [0, 0, 0],
  p50: [1.25, null, null],
  p95: [2, null, 4.04],
  p99: [null, null, null],
  batch: [null, 3, 3],
  ledgerLag: [null, null, null],
};

describe('a chart in words', () => {
  it('says last, lowest and highest of what it shows', () => {
    expect(summaryOf(chart('rate'), columns, 1, 'last minute')).toBe(
      'Last minute. numbers: now 2,000/s, lowest 1,234/s, highest 2,000/s; requests: now 300/s, lowest 300/s, highest 310/s.',
    );
  });

  it('says why there is nothing', () => {
    expect(summaryOf(chart('lag'), columns, 0, 'last hour')).toBe('Last hour. behind: no ledger.');
    expect(statsOf(columns.p99, 0)).toBeNull();
  });

  it('skips gaps', () => {
    expect(statsOf(columns.p95, 0)).toEqual({ last: 4.04, min: 2, max: 4.04 });
  });

  it('names every line at the cursor, gaps as a dash', () => {
    expect(valuesAt(chart('latency'), columns, 2)).toBe('p50 –, p95 4 ms, p99 –');
  });

  it('tells lines of one chart apart without colour', () => {
    for (const { lines } of CHARTS) {
      expect(new Set(lines.map(({ dash }) => dash.join())).size).toBe(lines.length);
      expect(new Set(lines.map(({ label }) => label)).size).toBe(lines.length);
    }
  });
});

describe('figures', () => {
  it('groups, and puts units as people write them', () => {
    expect(figureWithUnit(1_234.56, { unit: '/s', digits: 0 })).toBe('1,235/s');
    expect(figureWithUnit(1.25, { unit: 'ms', digits: 1 })).toBe('1.3 ms');
  });
});
