import { expect, test } from 'vitest';
import { describeRatios } from '../../../bench/lib/bench-report.mjs';
import { compare, COMPARISONS, reachedBy, type Comparison } from '../../../bench/lib/comparisons.mjs';
import { createContenders, FAMILIES } from '../../../bench/lib/contenders.mjs';
import { parseBenchOptions } from '../../../bench/lib/options.mjs';

const figures = (perSecond: number, p50Ms = 1) => ({
  perSecond,
  p50Ms,
  p99Ms: 1,
  maxMs: 1,
  generatorCpu: 0,
});

const FASTER: Comparison = {
  title: 'faster',
  figure: 'perSecond',
  of: 'a',
  to: 'b',
  better: 'higher',
  floor: 2,
  aim: 4,
};

test('a ratio is taken within each round: a slow round on both sides changes nothing', () => {
  const results = new Map([
    ['a', [figures(100), figures(10), figures(90)]],
    ['b', [figures(50), figures(5), figures(30)]],
  ]);
  expect(compare(FASTER, results)).toMatchObject({ perRound: [2, 2, 3], median: 2, min: 2, max: 3 });
});

test('a ratio with a side that was not measured is none', () => {
  expect(compare(FASTER, new Map([['a', [figures(1)]]]))).toBeUndefined();
  expect(
    compare(
      FASTER,
      new Map([
        ['a', [figures(1)]],
        ['b', []],
      ]),
    ),
  ).toBeUndefined();
});

test('limits hold from their own value on, in either direction', () => {
  const higher = { better: 'higher', floor: 2, aim: 4 } as const;
  expect([1.9, 2, 3.9, 4].map(value => reachedBy(value, higher))).toEqual([
    'missed',
    'floor',
    'floor',
    'aim',
  ]);
  const lower = { better: 'lower', floor: 4, aim: 2 } as const;
  expect([4.1, 4, 2.1, 2].map(value => reachedBy(value, lower))).toEqual(['missed', 'floor', 'floor', 'aim']);
});

test('every comparison is between contenders that exist', () => {
  const servers = {
    endpoints: [],
    nodes: { nodes: [] },
    bareHttp: { url: 'http://127.0.0.1:1/' },
    redis: { port: 1 },
    postgres: { connection: {} },
  } as unknown as Parameters<typeof createContenders>[0];
  const contenders = createContenders(servers, [1, 16, 64, 256]);
  const ids = contenders.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { of, to } of COMPARISONS) expect(ids).toEqual(expect.arrayContaining([of, to]));
  expect(new Set(contenders.map(({ family }) => family))).toEqual(new Set(FAMILIES));
});

test('the table has a line for each comparison, measured or not', () => {
  const table = describeRatios(
    new Map([
      ['seqd-64', [figures(9_000)]],
      ['naive-64', [figures(100)]],
    ]),
  );
  expect(table).toMatch(
    /naive compare-and-swap, 64 connections +90\.0× +90\.0 – 90\.0 +≥ 80 +≥ 150 +floor reached/,
  );
  expect(table.match(/not measured/g)).toHaveLength(COMPARISONS.length - 1);
});

test('a contender that does not exist is refused, and so is a number that is none', () => {
  expect(() => parseBenchOptions(['--only', 'seqd,oracle'], FAMILIES)).toThrow(/oracle/);
  expect(() => parseBenchOptions(['--rounds', '0'], FAMILIES)).toThrow(/--rounds/);
  expect(() => parseBenchOptions(['--rounds', '1.5'], FAMILIES)).toThrow(/--rounds/);
  expect(() => parseBenchOptions(['--connections', '1,x'], FAMILIES)).toThrow(/--connections/);
});

test('a quick run is one short round, unless told otherwise', () => {
  expect(parseBenchOptions(['--quick'], FAMILIES)).toMatchObject({ rounds: 1, only: [] });
  expect(parseBenchOptions(['--quick', '--rounds', '2'], FAMILIES)).toMatchObject({ rounds: 2 });
});
