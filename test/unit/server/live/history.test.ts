import { describe, expect, test } from 'vitest';
import { type ClosedStep, STEP_MS } from '../../../../src/server/live/cluster-samples.ts';
import { History } from '../../../../src/server/live/history.ts';
import { LatencyHistogram } from '../../../../src/server/live/latency-histogram.ts';

function step(t: number, numbers: number, ms?: number): ClosedStep {
  const latency = ms === undefined ? undefined : new LatencyHistogram();
  latency?.record(ms!);
  return { t, numbers, requests: ms === undefined ? 0 : 1, errors: 0, batches: 1, facts: numbers, latency };
}

/** @param steps from `from` on */
function filled(from: number, steps: number, numbers = 1): History {
  const history = new History();
  for (let i = 1; i <= steps; i += 1) history.push(step(from + i * STEP_MS, numbers), null);
  return history;
}

describe('history', () => {
  test('has three resolutions, each of them bounded', () => {
    const { minute, fiveMinutes, hour } = filled(0, 45_000).columns();
    expect([minute.t.length, fiveMinutes.t.length, hour.t.length]).toEqual([600, 300, 360]);
    expect([minute.stepMs, fiveMinutes.stepMs, hour.stepMs]).toEqual([100, 1_000, 10_000]);
    for (const { t, stepMs, numbers } of [minute, fiveMinutes, hour]) {
      expect(t.at(-1)).toBe(4_500_000);
      expect(t.every((one, i) => i === 0 || t[i - 1] === one - stepMs)).toBe(true);
      expect(new Set(numbers)).toEqual(new Set([10]));
    }
  });

  test('rolls samples up: rates are means, percentiles those of all requests, the lag the worst', () => {
    const history = new History();
    for (let i = 1; i <= 10; i += 1)
      history.push(step(i * STEP_MS, i === 3 ? 20 : 0, i === 5 ? 80 : 1), i === 7 ? 4 : 1);
    const { fiveMinutes } = history.columns();
    expect(fiveMinutes).toMatchObject({
      t: [1_000],
      numbers: [20],
      requests: [10],
      ledgerLag: [4],
      batch: [2],
    });
    expect(fiveMinutes.p99[0]).toBeGreaterThan(75);
    expect(fiveMinutes.p50[0]).toBeLessThan(1.1);
  });

  test('that begins in the middle of a second does not show a dip', () => {
    expect(filled(300, 7).columns().fiveMinutes).toMatchObject({ t: [1_000], numbers: [10] });
  });

  test('ends where it is told to', () => {
    const { minute, fiveMinutes } = filled(0, 25).columns(1_900);
    expect([minute.t.at(-1), fiveMinutes.t.at(-1)]).toEqual([1_900, 1_000]);
  });

  test('of another node comes before our own, survives the wire, and stays bounded', () => {
    const own = filled(100_000, 30, 2);
    const other = filled(0, 1_010, 1);
    own.adopt(JSON.parse(JSON.stringify(other.columns())) as ReturnType<History['columns']>);
    const { minute } = own.columns();
    expect(minute.t).toHaveLength(600);
    expect(minute.t.every((one, i) => i === 0 || minute.t[i - 1] === one - STEP_MS)).toBe(true);
    expect(minute.t.at(-1)).toBe(103_000);
    expect(minute.numbers.at(-1)).toBe(20);
    expect(minute.numbers[0]).toBe(10);
    own.adopt(new History().columns());
    expect(own.columns().minute).toEqual(minute);
  });

  test('of another node completes our first seconds, in which others were not heard yet, and nothing later', () => {
    const own = filled(50_000, 60, 1);
    expect(own.adopt(filled(0, 555, 3).columns())).toBe(true);
    const { minute } = own.columns();
    const at = (t: number): number => minute.numbers[minute.t.indexOf(t)]!;
    expect([at(49_900), at(50_100), at(53_000)]).toEqual([30, 30, 30]);
    expect(at(53_200)).toBe(10);
    expect(own.adopt(filled(0, 555, 2).columns())).toBe(false);
  });

  test('of a node that was there for less long does not push out our own', () => {
    const own = filled(0, 300, 2);
    const before = own.columns();
    own.adopt(filled(20_000, 150, 1).columns());
    expect(own.columns()).toEqual(before);
  });

  test('of a node that is further stays in order with the steps that are still to come', () => {
    const own = filled(50_000, 1);
    own.adopt(filled(0, 520).columns(), 50_100);
    for (let t = 50_200; t <= 53_000; t += STEP_MS) own.push(step(t, 1), null);
    const { minute, fiveMinutes, hour } = own.columns();
    for (const { t, stepMs } of [minute, fiveMinutes, hour])
      expect(t.every((one, i) => i === 0 || t[i - 1] === one - stepMs)).toBe(true);
  });
});
