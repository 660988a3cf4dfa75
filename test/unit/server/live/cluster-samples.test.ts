import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addUp, ClusterSamples, STEP_MS } from '../../../../src/server/live/cluster-samples.ts';
import { LatencyHistogram } from '../../../../src/server/live/latency-histogram.ts';
import type { NodeSample } from '../../../../src/server/live/node-sampler.ts';

const START = 1_000_000;

function sample(t: number, spanMs: number, numbers: number, ms: readonly number[] = []): NodeSample {
  const histogram = new LatencyHistogram();
  for (const one of ms) histogram.record(one);
  const requests = ms.length;
  return { t, spanMs, requests, errors: 0, numbers, batches: 1, facts: numbers, latency: histogram.encode() };
}

describe('samples of several nodes', () => {
  test('in the same step are added up', () => {
    const samples = new ClusterSamples(START);
    samples.add(sample(START + 100, 100, 3, [1, 2]));
    samples.add(sample(START + 100, 100, 4, [8]));
    const [step] = samples.close(START + 100);
    expect(step).toMatchObject({ t: START + 100, numbers: 7, requests: 3, batches: 2 });
    expect(step!.latency!.percentile(100)).toBeCloseTo(8, 0);
  });

  test('that cover several steps are spread over them, and lose nothing', () => {
    const spans = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.nat(1_000)), { maxLength: 20 });
    fc.assert(
      fc.property(spans, parts => {
        const samples = new ClusterSamples(START);
        let t = START;
        for (const [steps, numbers] of parts) {
          t += steps * STEP_MS;
          samples.add(sample(t, steps * STEP_MS, numbers));
        }
        const closed = samples.close(t);
        expect(closed.map(step => step.t)).toEqual(closed.map((_, i) => START + (i + 1) * STEP_MS));
        const total = parts.reduce((sum, [, numbers]) => sum + numbers, 0);
        expect(addUp(closed).numbers).toBeCloseTo(total, 6);
        for (const [steps, numbers] of parts.slice(0, 1))
          for (const step of closed.slice(0, steps)) expect(step.numbers).toBeCloseTo(numbers / steps, 9);
      }),
    );
  });

  test('of a node that stood still for long count for the steps that are open, and only there', () => {
    const samples = new ClusterSamples(START);
    samples.close(START + 3_600_000 - STEP_MS);
    samples.add(sample(START + 3_600_000, 3_600_000, 36_000));
    const beganMs = performance.now();
    samples.add(sample(START + 3_600_000, 1e300, 7));
    expect(performance.now() - beganMs).toBeLessThan(1_000);
    expect(samples.close(START + 3_600_000).map(({ numbers }) => Math.round(numbers))).toEqual([1]);
  });

  test('from a node that is missing are not waited for, and do not change what is closed', () => {
    const samples = new ClusterSamples(START);
    samples.add(sample(START + 100, 100, 3));
    expect(samples.close(START + 200).map(({ numbers }) => numbers)).toEqual([3, 0]);
    samples.add(sample(START + 200, 100, 50));
    expect(samples.close(START + 300).map(({ numbers }) => numbers)).toEqual([0]);
  });

  test('that are not on a step are put on the nearest one', () => {
    const samples = new ClusterSamples(START);
    samples.add(sample(START + 140, 100, 1));
    samples.add(sample(START + 160, 100, 2));
    expect(samples.close(START + 200).map(({ numbers }) => numbers)).toEqual([1, 2]);
  });

  test('from far ahead are not believed', () => {
    const samples = new ClusterSamples(START);
    samples.add(sample(START + 120_000, 100, 1));
    expect(addUp(samples.close(START + 120_000)).numbers).toBe(0);
  });
});

test('after a long standstill steps begin again a minute ago', () => {
  const samples = new ClusterSamples(START);
  const closed = samples.close(START + 3_600_000);
  expect(closed).toHaveLength(600);
  expect(closed.at(-1)!.t).toBe(START + 3_600_000);
});

test('traffic is what the last second shows, and percentiles forget after ten', () => {
  const samples = new ClusterSamples(START);
  samples.add(sample(START + 100, 100, 1_000, [500]));
  for (let t = START + 200; t <= START + 2_000; t += STEP_MS) samples.add(sample(t, 100, 10, [2, 2]));
  samples.close(START + 2_000);
  expect(samples.traffic()).toMatchObject({
    numbersPerSecond: 100,
    requestsPerSecond: 20,
    batchesPerSecond: 10,
  });
  expect(samples.traffic().p99).toBeGreaterThan(400);
  samples.close(START + 10_200);
  expect(samples.traffic().numbersPerSecond).toBe(0);
  expect(samples.traffic().p99).toBeCloseTo(2, 0);
  samples.close(START + 20_000);
  expect(samples.traffic().p99).toBe(0);
});
