import { Counter, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { AnswerMetrics } from '../../../src/server/answer-metrics.ts';

const BOUNDS = [0.001, 0.01, 0.1];
/** Milliseconds: between the bounds, on them, and beyond the last. */
const ANSWERS = [0.2, 1, 1.5, 10, 99, 100, 101, 5_000].flatMap(ms => [
  { route: '/a', status: 200, ms },
  { route: 'other', status: 503, ms: ms * 2 },
]);

test('a scrape reads as if prom-client had counted each answer, also the second time', async () => {
  const ours = new Registry();
  const theirs = new Registry();
  const answers = new AnswerMetrics(ours, BOUNDS);
  const count = new Counter({
    name: 'seqd_http_requests_total',
    help: 'HTTP requests answered',
    labelNames: ['route', 'status'],
    registers: [theirs],
  });
  const seconds = new Histogram({
    name: 'seqd_http_request_duration_seconds',
    help: 'Time from request to answer',
    labelNames: ['route'],
    buckets: BOUNDS,
    registers: [theirs],
  });
  expect(await ours.metrics()).toBe(await theirs.metrics());
  for (let scrape = 0; scrape < 2; scrape += 1) {
    for (const { route, status, ms } of ANSWERS) {
      answers.record(route, status, ms);
      count.inc({ route, status });
      seconds.observe({ route }, ms / 1000);
    }
    expect(await ours.metrics()).toBe(await theirs.metrics());
  }
});
