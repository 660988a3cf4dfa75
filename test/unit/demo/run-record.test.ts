import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LINES_MAX, readable, RunRecord } from '../../../src/demo/run/run-record.ts';
import { Throttle } from '../../../src/demo/run/throttle.ts';

const FACTS = { id: 'abc', name: 'basic', title: 'Basic', plan: 'Draws.', parameters: { threads: 4 } };

function record(): { run: RunRecord; changes: () => number } {
  let changes = 0;
  const run = new RunRecord(FACTS, () => {
    changes += 1;
  });
  return { run, changes: () => changes };
}

test('a run is told of from its plan to its end, each change at once', () => {
  const { run, changes } = record();
  const [first, second] = run.planSteps(['Draw', 'Count']);
  expect(run.snapshot().steps.map(({ state }) => state)).toEqual(['pending', 'pending']);
  first!.start();
  const before = changes();
  const line = first!.say('3 drawn');
  line('4 drawn');
  expect(changes()).toBe(before + 2);
  first!.end('done');
  second!.end('skipped');
  run.end('passed');
  expect(run.snapshot()).toMatchObject({
    ...FACTS,
    state: 'passed',
    problem: null,
    steps: [
      { title: 'Draw', state: 'done', detail: ['4 drawn'], breaks: [] },
      { title: 'Count', state: 'skipped', startedAt: null, endedAt: null },
    ],
  });
});

test('what was told once does not change later', () => {
  const { run } = record();
  const [step] = run.planSteps(['Draw']);
  step!.say('one');
  const before = run.snapshot();
  step!.say('two');
  run.figure('rate', 3, '/s');
  expect(before.steps[0]!.detail).toEqual(['one']);
  expect(before.figures).toEqual([]);
});

test('a figure keeps its place when it changes, and is as long as anybody reads', () => {
  const { run } = record();
  run.figure('rate', 1_234.567, '/s');
  run.figure('p99', 12.3456, 'ms');
  run.figure('rate', 99.987, '/s');
  expect(run.snapshot().figures).toEqual([
    { label: 'rate', value: 100, unit: '/s' },
    { label: 'p99', value: 12.3, unit: 'ms' },
  ]);
  expect([0, 0.01234, -4_711.4].map(readable)).toEqual([0, 0.0123, -4711]);
});

test('a step has so many lines and no more, and says how many are left out', () => {
  const { run } = record();
  const [step] = run.planSteps(['Draw']);
  for (let i = 0; i < LINES_MAX + 5; i += 1) step!.say('x'.repeat(1_000));
  const { detail } = run.snapshot().steps[0]!;
  expect(detail).toHaveLength(LINES_MAX + 1);
  expect(detail.at(-1)).toBe('… and 5 more');
  expect(detail[0]!.length).toBe(300);
});

test('of several problems all are told', () => {
  const { run } = record();
  run.fault('one thing');
  run.fault('another');
  expect(run.snapshot().problem).toBe('one thing. another');
});

test('a throttle does at once what comes after a pause, little in between, and always the last', async () => {
  let state = 0;
  const seen: number[] = [];
  const throttle = new Throttle(50, () => seen.push(state));
  const startedAtMs = performance.now();
  while (performance.now() - startedAtMs < 230) {
    state += 1;
    throttle.request();
    await sleep(3);
  }
  expect(seen[0]).toBe(1);
  await sleep(80);
  expect(seen.at(-1)).toBe(state);
  expect(seen.length).toBeGreaterThan(2);
  expect(seen.length).toBeLessThanOrEqual(7);
});

test('a throttle that is closed does nothing more', async () => {
  let done = 0;
  const throttle = new Throttle(20, () => {
    done += 1;
  });
  throttle.request();
  throttle.request();
  throttle.close();
  await sleep(40);
  expect(done).toBe(1);
});
