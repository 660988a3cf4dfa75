import { describe, expect, test } from 'vitest';
import type { Batch, Fact, IssueFact } from '../../../../src/core/facts.ts';
import { GLOBAL_SERIES } from '../../../../src/core/identifiers.ts';
import { NodeMeter } from '../../../../src/server/live/node-meter.ts';
import { EVENTS_MAX, NodeSampler } from '../../../../src/server/live/node-sampler.ts';

const OWNER = { site: 'berlin', partition: 'p1', type: 'invoice' };

function issue(first: number, count = 1): IssueFact {
  return { kind: 'issue', owner: OWNER, reused: [], fresh: { first, last: first + count - 1 } };
}

function commit(sampler: NodeSampler, sequence: number, facts: readonly Fact[]): void {
  const batch: Batch = {
    sequence,
    previous: '',
    time: 1_000 + sequence,
    node: 'node-1/abc',
    serial: sequence,
    next: 1,
    facts,
  };
  sampler.batchCommitted(GLOBAL_SERIES, { batch, revision: 100 + sequence, ms: 2 });
}

describe('a node counts', () => {
  test('numbers drawn, facts and batches, and begins anew after each sample', () => {
    const sampler = new NodeSampler();
    const reservation = { sequence: 1, index: 0 };
    const drawn = { owner: OWNER, reused: [{ first: 3, last: 4 }], fresh: { first: 90, last: 90 } };
    commit(sampler, 1, [issue(1, 5), { kind: 'reserve', deadline: 9, ...drawn }]);
    commit(sampler, 2, [{ kind: 'confirm', reservation, ...drawn }]);
    const { sample } = sampler.take(100, 100);
    expect(sample).toMatchObject({ t: 100, spanMs: 100, numbers: 8, facts: 3, batches: 2 });
    expect(sampler.take(200, 100)).toEqual({
      sample: { t: 200, spanMs: 100, requests: 0, errors: 0, numbers: 0, batches: 0, facts: 0, latency: [] },
      events: [],
      eventsSkipped: 0,
    });
  });

  test.each([
    [200, 0],
    [404, 0],
    [409, 0],
    [429, 1],
    [500, 1],
    [503, 1],
  ])('an answer with %i as %i errors', (status, errors) => {
    const sampler = new NodeSampler();
    sampler.requestAnswered(status, 1);
    expect(sampler.take(100, 100).sample).toMatchObject({ requests: 1, errors });
  });

  test('all facts, and shows the newest in their order', () => {
    const sampler = new NodeSampler();
    for (let sequence = 1; sequence <= 30; sequence += 1)
      commit(sampler, sequence, [issue(sequence * 2), issue(sequence * 2 + 1), issue(sequence * 2 + 2)]);
    const { events, eventsSkipped } = sampler.take(100, 100);
    expect(events.map(({ id }) => id)).toEqual([
      '28-1',
      '28-2',
      '29-0',
      '29-1',
      '29-2',
      '30-0',
      '30-1',
      '30-2',
    ]);
    expect(eventsSkipped).toBe(90 - EVENTS_MAX);
  });
});

test('an event says of a fact what people want to know', () => {
  const sampler = new NodeSampler();
  const allocation = { sequence: 1, index: 0 };
  commit(sampler, 7, [
    { ...issue(5, 2), reference: 'INV-5', client: 'till' },
    { kind: 'release', number: 5, allocation, owner: OWNER, reason: 'cancelled', to: 'pool' },
    { ...issue(6), suppressed: { reason: 'suppressed', to: 'pool' } },
  ]);
  const owner = { site: 'berlin', partition: 'p1', type: 'invoice' };
  const common = { category: 'number', at: 1_007, node: 'node-1', revision: 107, ...owner };
  expect(sampler.take(100, 100).events).toEqual([
    {
      ...common,
      id: '7-0',
      kind: 'issue',
      numbers: [{ first: 5, last: 6 }],
      count: 2,
      allocationId: '7-0',
      reference: 'INV-5',
      client: 'till',
    },
    {
      ...common,
      id: '7-1',
      kind: 'release',
      numbers: [{ first: 5, last: 5 }],
      count: 1,
      allocationId: '1-0',
      reason: 'cancelled',
      to: 'pool',
    },
    {
      ...common,
      id: '7-2',
      kind: 'issue',
      numbers: [{ first: 6, last: 6 }],
      count: 1,
      allocationId: '7-2',
      reason: 'suppressed',
      to: 'pool',
      suppressed: true,
    },
  ]);
});

test('a meter shows the last second, and p99 of the last ten', () => {
  const sampler = new NodeSampler();
  const meter = new NodeMeter();
  for (let t = 100; t <= 3_000; t += 100) {
    if (t === 100) sampler.requestAnswered(200, 400);
    for (let i = 0; i < 5; i += 1) sampler.requestAnswered(i === 0 ? 503 : 200, 2);
    meter.push(sampler.take(t, 100).sample);
  }
  const { p99, ...rates } = meter.read();
  expect(rates).toEqual({ numbersPerSecond: 0, requestsPerSecond: 50, errorsPerSecond: 10 });
  expect(p99).toBeCloseTo(2, 0);
  for (let t = 3_100; t <= 20_000; t += 100) meter.push(sampler.take(t, 100).sample);
  expect(meter.read()).toEqual({ numbersPerSecond: 0, requestsPerSecond: 0, errorsPerSecond: 0, p99: 0 });
});
