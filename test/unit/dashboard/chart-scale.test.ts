import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisLabel, axisLines, createSteadyAxis, roundEnd } from '../../../dashboard/js/chart-scale.js';

describe('the end of an axis', () => {
  it('is round and never below the value', () => {
    expect(roundEnd(3).end).toBe(3);
    expect(roundEnd(0.3).end).toBeCloseTo(0.3);
    expect(roundEnd(3_501).end).toBe(4_000);
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), value => {
        const { end } = roundEnd(value);
        expect(end).toBeGreaterThanOrEqual(value * (1 - 1e-6));
        expect(end).toBeLessThanOrEqual(value * 1.51);
      }),
    );
  });

  it('has lines at equal steps from 0 to the end or just below it', () => {
    expect(axisLines(1_000)).toEqual([0, 250, 500, 750, 1_000]);
    expect(axisLines(8)).toEqual([0, 2, 4, 6, 8]);
    expect(axisLines(5)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('has short labels', () => {
    expect(axisLabel(2_500)).toBe('2.5k');
    expect(axisLabel(0.25)).toBe('0.25');
    expect(axisLabel(750)).toBe('750');
    expect(axisLabel(1_500_000)).toBe('1.5M');
  });
});

describe('a steady axis', () => {
  const span = 60_000;

  it('rises at once', () => {
    const axis = createSteadyAxis({ least: 10 });
    expect(axis.next(0, 0, span)).toBe(10);
    expect(axis.next(900, 100, span)).toBe(1_000);
    expect(axis.next(1_900, 200, span)).toBe(2_000);
  });

  it('falls only after less has been needed for a while', () => {
    const axis = createSteadyAxis({ least: 10 });
    axis.next(1_900, 0, span);
    expect(axis.next(400, 1_000, span)).toBe(2_000);
    expect(axis.next(400, 4_000, span)).toBe(2_000);
    expect(axis.next(400, 4_700, span)).toBe(500);
  });

  it('does not fall while the value dips for a moment', () => {
    const axis = createSteadyAxis({ least: 10 });
    axis.next(1_900, 0, span);
    axis.next(0, 1_000, span);
    axis.next(1_800, 3_000, span);
    expect(axis.next(0, 5_000, span)).toBe(2_000);
  });

  it('keeps its end for a slightly lower value, and begins anew after a reset', () => {
    const axis = createSteadyAxis({ least: 10 });
    axis.next(1_900, 0, span);
    for (let now = 0; now < 60_000; now += 1_000) expect(axis.next(1_400, now, span)).toBe(2_000);
    axis.reset();
    expect(axis.next(40, 61_000, span)).toBe(50);
  });
});
