import { describe, expect, test } from 'vitest';
import { AnswerBook } from '../../../src/demo/load/answer-book.ts';
import { GapMeter } from '../../../src/demo/load/gap-meter.ts';
import { HomeRing } from '../../../src/demo/load/home-ring.ts';
import { BUCKETS_MS, LatencyBook } from '../../../src/demo/load/latency-book.ts';
import { RateTimeline, STEPS_MAX } from '../../../src/demo/load/rate-timeline.ts';

describe('the longest gap', () => {
  test('is that between two answers', () => {
    const gap = new GapMeter(0);
    for (const at of [10, 30, 130, 140]) gap.answered(at);
    expect(gap.longest(140)).toBe(100);
  });

  test('counts up to now while it is open', () => {
    const gap = new GapMeter(0);
    gap.answered(10);
    expect(gap.longest(510)).toBe(500);
  });

  test('stops to grow when its client has ended, and keeps what was open then', () => {
    const gap = new GapMeter(0);
    gap.answered(10);
    gap.end(310);
    expect(gap.longest(9_000)).toBe(300);
  });

  test('forgets what was before the window, but not where a gap began that is open', () => {
    const gap = new GapMeter(0);
    gap.answered(1_000);
    gap.answered(1_010);
    gap.beginWindow();
    expect(gap.longest(1_015)).toBe(5);
    gap.answered(1_060);
    expect(gap.longest(1_061)).toBe(50);
  });
});

describe('latencies', () => {
  test('have percentiles to three digits, and their exact maximum', () => {
    const book = new LatencyBook();
    for (let ms = 1; ms <= 100; ms += 1) book.record(ms);
    const { p50, p95, p99, max } = book.percentiles();
    expect([p50, p95, p99].map(Math.round)).toEqual([50, 95, 99]);
    expect([book.count, max]).toEqual([100, 100]);
  });

  test('are counted in buckets, whose upper ends belong to them', () => {
    const book = new LatencyBook();
    for (const ms of [2, 2.1, 3, 4.9, 6_000]) book.record(ms);
    const buckets = book.buckets();
    expect(buckets[0]).toEqual({ upToMs: 2, count: 1 });
    expect(buckets[1]).toEqual({ upToMs: 3, count: 2 });
    expect(buckets.at(-1)).toEqual({ upToMs: null, count: 1 });
    expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(5);
    expect(BUCKETS_MS).toEqual([...BUCKETS_MS].sort((a, b) => a - b));
  });

  test('are nothing while there are none', () => {
    const book = new LatencyBook();
    expect(book.buckets()).toEqual([]);
    expect(book.percentiles()).toEqual({ p50: 0, p95: 0, p99: 0, max: 0 });
  });
});

describe('a timeline', () => {
  test('shows rates per second of the steps that are over', () => {
    const timeline = new RateTimeline(['a', 'b'], { startMs: 1_000, stepMs: 100 });
    for (const at of [1_000, 1_099, 1_100, 1_250]) timeline.add('a', at);
    timeline.add('b', 1_150);
    expect(timeline.view(1_240)).toEqual({
      stepMs: 100,
      unit: '/s',
      series: [
        { name: 'a', values: [20, 10] },
        { name: 'b', values: [0, 10] },
      ],
    });
  });

  test('folds its steps rather than have too many, and loses nothing', () => {
    const timeline = new RateTimeline(['a', 'b'], { startMs: 0, stepMs: 100 });
    for (let at = 0; at < 60_000; at += 50) timeline.add('a', at);
    timeline.add('b', 150);
    const { stepMs, series } = timeline.view(60_000);
    expect(stepMs).toBe(400);
    expect(series[0]!.values).toEqual(Array.from({ length: 150 }, () => 20));
    expect(series[1]!.values.slice(0, 2)).toEqual([3, 0]); // one in 400 ms
    expect(series[0]!.values.length).toBeLessThanOrEqual(STEPS_MAX);
  });
});

describe('the answers that clients were given', () => {
  let allocations = 0;
  const fresh = (first: number, last = first): Parameters<AnswerBook['note']>[0] => ({
    numbers: [{ first, last }],
    reused: false,
    allocationId: `${(allocations += 1)}-0`,
  });

  test('are in order when every number is another one that the series has', () => {
    const book = new AnswerBook();
    book.note(fresh(1, 3));
    book.note(fresh(5));
    expect([book.count, book.twice, book.problems({ next: 6 })]).toEqual([4, 0, []]);
  });

  test('are not when a new number comes twice', () => {
    const book = new AnswerBook();
    book.note(fresh(7, 9));
    book.note(fresh(8));
    expect(book.twice).toBe(1);
    expect(book.problems({ next: 10 })).toEqual(['1 numbers were given to two clients: 8']);
  });

  test('may have one from the pool twice: it was given back in between', () => {
    const book = new AnswerBook();
    book.note(fresh(8));
    book.note({ numbers: [{ first: 8, last: 8 }], reused: true, allocationId: '90-0' });
    book.note({
      allocationId: '91-0',
      numbers: [
        { first: 8, last: 8, reused: true },
        { first: 9, last: 9, reused: false },
      ],
      reused: true,
    });
    expect([book.count, book.twice]).toEqual([4, 0]);
  });

  test('are not when two clients have the same allocation, from the pool or not', () => {
    const book = new AnswerBook();
    const answer = { numbers: [{ first: 8, last: 8 }], reused: true, allocationId: '90-0' };
    book.note(answer);
    book.note(answer);
    expect(book.problems({ next: 10 })).toEqual(['1 numbers were given to two clients: 8']);
  });

  test('are not when one names no allocation', () => {
    const book = new AnswerBook();
    book.note({ numbers: [{ first: 8, last: 8 }], reused: false });
    expect(book.problems({ next: 10 })).toEqual([expect.stringContaining('1 answers named no allocation')]);
  });

  test('are not when the series does not know a number', () => {
    const book = new AnswerBook();
    book.note(fresh(10));
    expect(book.problems({ next: 10 })).toEqual(['a client was given 10, but the series has only got to 9']);
  });
});

describe('a client with a node of its own', () => {
  const urls = ['http://a', 'http://b', 'http://c'];

  test('always asks that one', () => {
    const ring = new HomeRing(urls, { home: 'http://b', now: () => 0 });
    expect([ring.next(), ring.next(), ring.next()]).toEqual(['http://b', 'http://b', 'http://b']);
  });

  test('goes elsewhere after it failed, and comes back after a second', () => {
    let now = 0;
    const ring = new HomeRing(urls, { home: 'http://b', now: () => now });
    ring.failed('http://b');
    expect(ring.next('http://b')).toBe('http://c');
    now = 900;
    expect(ring.next()).not.toBe('http://b');
    now = 1_100;
    expect(ring.next()).toBe('http://b');
  });

  test('does not ask it when it has said never', () => {
    const ring = new HomeRing(urls, { home: 'http://b', now: () => 0 });
    expect(ring.next(undefined, new Set(['http://b']))).not.toBe('http://b');
  });
});
