import { expect, test } from 'vitest';
import { Pace } from '../../../src/sequencer/pace.ts';

/** Landings one after another, always with others waiting. */
function land(pace: Pace, intervalsMs: readonly number[], fromMs = 0): number {
  let nowMs = fromMs;
  for (const intervalMs of intervalsMs) pace.landed((nowMs += intervalMs), fromMs);
  return nowMs;
}

test('nothing is known until several batches have landed, nor when none has for long', () => {
  const pace = new Pace();
  let nowMs = land(pace, [10, 10, 10, 10]);
  expect(pace.intervalMs(nowMs)).toBeUndefined();
  nowMs = land(pace, [10], nowMs);
  expect(pace.intervalMs(nowMs)).toBeCloseTo(10);
  expect(pace.intervalMs(nowMs + 9_000)).toBeCloseTo(10);
  expect(pace.intervalMs(nowMs + 11_000)).toBeUndefined();
});

test('what lies far back counts little, and not at all after a pause', () => {
  const pace = new Pace();
  let nowMs = land(
    pace,
    Array.from({ length: 20 }, () => 10),
  );
  nowMs = land(
    pace,
    Array.from({ length: 20 }, () => 100),
    nowMs,
  );
  expect(pace.intervalMs(nowMs)).toBeGreaterThan(95);
  nowMs = land(pace, [20, 20, 20, 20, 20], nowMs + 60_000);
  expect(pace.intervalMs(nowMs)).toBeCloseTo(20);
});

test('time in which nobody waited does not count', () => {
  const pace = new Pace();
  for (let i = 1; i <= 10; i += 1) pace.landed(i * 1_000, i * 1_000 - 5);
  expect(pace.intervalMs(10_000)).toBeCloseTo(5);
});

test('with two under way at a time a batch lands every half commit', () => {
  const pace = new Pace();
  for (let i = 0; i < 20; i += 1) pace.landed(100 + i * 50, 0);
  expect(pace.intervalMs(1_050)).toBeCloseTo(50, 0);
});
