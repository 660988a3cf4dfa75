import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createPace } from '../../../dashboard/js/paced.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp() {
  const pace = createPace(() => Date.now());
  const told: string[][] = [];
  const tell = pace.wrap(changed => told.push([...changed]));
  return { pace, told, tell: (...topics: string[]) => tell(new Set(topics)) };
}

describe('the pace of a panel', () => {
  test('is that of the stream while it is on screen', () => {
    const { told, tell } = setUp();
    tell('a');
    tell('b');
    expect(told).toEqual([['a'], ['b']]);
  });

  test('is one call a second while it is off screen, with all that came', () => {
    const { pace, told, tell } = setUp();
    pace.show(false);
    tell('a');
    tell('b');
    vi.advanceTimersByTime(400);
    tell('c');
    tell('b');
    expect(told).toEqual([['a']]);
    vi.advanceTimersByTime(600);
    expect(told).toEqual([['a'], ['b', 'c']]);
    vi.advanceTimersByTime(5_000);
    expect(told).toHaveLength(2);
    tell('d');
    expect(told).toHaveLength(3);
  });

  test('brings a panel up to date at once when it comes on screen, once', () => {
    const { pace, told, tell } = setUp();
    pace.show(false);
    tell('a');
    tell('b');
    pace.show(true);
    expect(told).toEqual([['a'], ['b']]);
    vi.advanceTimersByTime(2_000);
    expect(told).toHaveLength(2);
  });
});
