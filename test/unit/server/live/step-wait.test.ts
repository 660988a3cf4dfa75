import { expect, test } from 'vitest';
import { ClusterSamples, STEP_MS } from '../../../../src/server/live/cluster-samples.ts';
import { stepWaitMs } from '../../../../src/server/live/step-wait.ts';

const BATCH = { spanMs: STEP_MS, requests: 1, errors: 0, numbers: 1, batches: 1, facts: 1, latency: [] };

test('without viewers steps wait longer than with them', () => {
  expect(stepWaitMs(undefined)).toBeGreaterThan(1_000);
  expect(stepWaitMs(60_000)).toBeLessThan(500);
});

test('nothing of what a node did in the second before somebody came is lost', () => {
  const samples = new ClusterSamples(0);
  let closed = 0;
  // It has told of all up to 1,000; the first viewer comes at 1,900, and its next report, of the ten steps since, at 2,100.
  for (let t = 100; t <= 1_000; t += STEP_MS) samples.add({ t, ...BATCH });
  for (let at = 1_000; at <= 5_000; at += STEP_MS) {
    if (at === 2_100) for (let t = 1_100; t <= 2_100; t += STEP_MS) samples.add({ t, ...BATCH });
    if (at > 2_100) samples.add({ t: at, ...BATCH });
    const steps = samples.close(at - stepWaitMs(at >= 1_900 ? at - 1_900 : undefined));
    closed += steps.reduce((sum, { numbers }) => sum + numbers, 0);
  }
  closed += samples.close(5_000).reduce((sum, { numbers }) => sum + numbers, 0);
  expect(closed).toBe(50);
});
