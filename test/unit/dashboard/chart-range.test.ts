import { describe, expect, it } from 'vitest';
import {
  firstIndexFrom,
  nearestIndex,
  placeAfterKey,
  RANGES,
  rangeOf,
  windowOf,
} from '../../../dashboard/js/chart-range.js';

describe('the range of the charts', () => {
  it('is the one that the address names, or the first', () => {
    expect(rangeOf('5m').column).toBe('fiveMinutes');
    expect(rangeOf('1h').spanMs).toBe(3_600_000);
    expect(rangeOf(null)).toBe(RANGES[0]);
    expect(rangeOf('7d')).toBe(RANGES[0]);
  });

  it('ends with the last sample, and does not exist without one', () => {
    expect(windowOf({ t: [1_000, 70_000] }, rangeOf('1m'))).toEqual({ first: 10_000, last: 70_000 });
    expect(windowOf({ t: [] }, rangeOf('1m'))).toBeUndefined();
  });
});

describe('finding a sample by time', () => {
  const t = [100, 200, 300, 900];

  it('takes the nearest', () => {
    expect(nearestIndex(t, 0)).toBe(0);
    expect(nearestIndex(t, 149)).toBe(0);
    expect(nearestIndex(t, 251)).toBe(2);
    expect(nearestIndex(t, 500)).toBe(2);
    expect(nearestIndex(t, 700)).toBe(3);
    expect(nearestIndex(t, 9_999)).toBe(3);
  });

  it('says −1 when there is none, and 0 when there is one', () => {
    expect(nearestIndex([], 5)).toBe(-1);
    expect(nearestIndex([100], 5)).toBe(0);
  });

  it('finds where a window begins', () => {
    expect(firstIndexFrom(t, 0)).toBe(0);
    expect(firstIndexFrom(t, 200)).toBe(1);
    expect(firstIndexFrom(t, 201)).toBe(2);
    expect(firstIndexFrom(t, 901)).toBe(4);
  });
});

describe('the cursor under the arrow keys', () => {
  const range = rangeOf('1m');

  it('begins at the end and moves by a 60th of the window', () => {
    expect(placeAfterKey('ArrowLeft', null, range, 100)).toBeCloseTo(59 / 60);
    expect(placeAfterKey('ArrowRight', 0.5, range, 100)).toBeCloseTo(0.5 + 1 / 60);
    expect(placeAfterKey('PageDown', 0.5, range, 100)).toBeCloseTo(0.5 - 1 / 6);
  });

  it('stays within the window and jumps to its ends', () => {
    expect(placeAfterKey('ArrowRight', 1, range, 100)).toBe(1);
    expect(placeAfterKey('ArrowLeft', 0, range, 100)).toBe(0);
    expect(placeAfterKey('Home', 0.7, range, 100)).toBe(0);
    expect(placeAfterKey('End', null, range, 100)).toBe(1);
  });

  it('leaves other keys alone', () => {
    expect(placeAfterKey('Tab', 0.5, range, 100)).toBeUndefined();
    expect(placeAfterKey('toString', 0.5, range, 100)).toBeUndefined();
  });
});
