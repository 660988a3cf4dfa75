import { expect, test } from 'vitest';
import { summariseScenario } from '../../../bench/lib/failover/failover-report.mjs';
import { gapSeen } from '../../../bench/lib/failover/failover-round.mjs';
import { longestGapMs } from '../../../bench/lib/failover/gaps.mjs';
import { LossCheck } from '../../../bench/lib/failover/loss-check.mjs';
import { SCENARIOS } from '../../../bench/lib/failover/scenarios.mjs';

const window = { fromMs: 100, toMs: 200 };
const gapOf = (...successesMs: number[]): number => longestGapMs(Float64Array.from(successesMs), window);

test('the longest gap lies between two successes', () => {
  expect(gapOf(95, 105, 110, 150, 155, 195, 205)).toBe(40);
});

test('a gap that was open when the window began counts from its last success before', () => {
  expect(gapOf(50, 90, 160, 190, 210)).toBe(70);
});

test('a gap counts up to the end of the window and no further', () => {
  expect(gapOf(99, 120, 900)).toBe(80);
  expect(gapOf(99, 120)).toBe(80);
});

test('gaps that ended before the window or began after it do not count', () => {
  expect(gapOf(0, 99, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200, 900)).toBe(11);
});

test('a client that never succeeded waited for the whole window', () => {
  expect(gapOf()).toBe(100);
});

test('nodes that are down do not count; of the others the unluckiest client does', () => {
  const probes = [
    { url: 'a', successesMs: Float64Array.of(100, 200) },
    { url: 'b', successesMs: Float64Array.of(100, 130, 160, 200) },
    { url: 'b', successesMs: Float64Array.of(100, 150, 200) },
  ];
  expect(gapSeen({ probes }, { ...window, down: ['a'] })).toBe(50);
  expect(gapSeen({ probes }, { ...window, down: [] })).toBe(100);
});

const resultOf = (numbers: readonly number[], failedProbes = 0, errors: string[] = []) => ({
  probes: [],
  numbers: [Float64Array.from(numbers)],
  failedProbes,
  errors,
  longestWaitMs: 0,
});
const reportOf = (issued: number, complete = true) =>
  ({ complete, problems: [], issued }) as unknown as Parameters<LossCheck['check']>[1];

test('a number is missing only where a prober may have lost it', () => {
  const losses = new LossCheck();
  expect(losses.check(resultOf([1, 2]), reportOf(2))).toEqual([]);
  expect(losses.check(resultOf([4], 1), reportOf(4))).toEqual([]);
  expect(losses.check(resultOf([5]), reportOf(6))).toHaveLength(1);
});

test('numbers that were never issued, came twice, or are not accounted for, and every error, are found', () => {
  expect(new LossCheck().check(resultOf([1, 2]), reportOf(1))).toHaveLength(1);
  expect(new LossCheck().check(resultOf([1, 1]), reportOf(2))).toHaveLength(1);
  expect(new LossCheck().check(resultOf([1]), reportOf(1, false))).toHaveLength(1);
  const losses = new LossCheck();
  expect(losses.check(resultOf([1], 0, ['timeout']), reportOf(1))).toHaveLength(1);
  expect(losses.errors).toBe(1);
});

const roundOf = (gapMs: number, electionMs?: number) => ({
  gapMs,
  quietGapMs: 5,
  longestWaitMs: gapMs,
  ...(electionMs === undefined ? {} : { electionMs }),
});

test('a scenario is judged by its median; an election is added to the aim', () => {
  const scenario = SCENARIOS.find(({ name }) => name === 'etcd-leader-killed')!;
  expect(
    summariseScenario(scenario, [roundOf(1_400, 1_200), roundOf(1_700, 1_200), roundOf(4_000, 1_300)]),
  ).toMatchObject({
    gapMs: { median: 1_700, max: 4_000 },
    electionMs: 1_200,
    aimMs: 1_500,
    reached: 'floor',
  });
  const killed = SCENARIOS.find(({ name }) => name === 'leader-killed')!;
  expect(summariseScenario(killed, [roundOf(90)])).toMatchObject({ electionMs: null, reached: 'aim' });
});
