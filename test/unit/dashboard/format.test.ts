import { expect, test } from 'vitest';
import * as format from '../../../dashboard/js/format.js';

test('whole numbers have separators, however large', () => {
  expect(format.count(0)).toBe('0');
  expect(format.count(9_007_199_254_740_991)).toBe('9,007,199,254,740,991');
});

test('what is not known is a dash, everywhere', () => {
  const { count, rate, ms, bytes, percent, duration, clock, dateClock, shortHash, ranges } = format;
  for (const write of [count, rate, ms, bytes, percent, duration, clock, dateClock]) {
    expect([undefined, null, Number.NaN].map(value => write(value))).toEqual(['–', '–', '–']);
  }
  expect([shortHash(null), shortHash(''), ranges([]), format.ago(null, 5)]).toEqual(['–', '–', '–', '–']);
});

test('rates have a digit where it says something', () => {
  expect([0, 0.25, 3.44, 42.4, 1_234.5].map(value => format.rate(value))).toEqual([
    '0',
    '0.3',
    '3.4',
    '42',
    '1,235',
  ]);
});

test('milliseconds have three digits or so', () => {
  expect([0, 0.42, 3.14, 42.25, 240.4, 1_500, 12_345].map(value => format.ms(value))).toEqual([
    '0 ms',
    '0.42 ms',
    '3.1 ms',
    '42.3 ms',
    '240 ms',
    '1.5 s',
    '12 s',
  ]);
});

test('bytes are in units of 1,024', () => {
  expect([512, 2_048, 26_214_400, 200 * 1_024 ** 3].map(value => format.bytes(value))).toEqual([
    '512 B',
    '2.0 KiB',
    '25.0 MiB',
    '200 GiB',
  ]);
});

test('durations have two units at most', () => {
  expect(
    [0, 999, 42_000, 60_000, 200_000, 7_500_000, 273_600_000].map(value => format.duration(value)),
  ).toEqual(['0 s', '0 s', '42 s', '1 min', '3 min 20 s', '2 h 5 min', '3 d 4 h']);
});

test('ages have one unit, and a clock that is ahead makes none negative', () => {
  expect(format.ago(1_000, 1_500)).toBe('now');
  expect(format.ago(2_000, 1_500)).toBe('now');
  expect(format.ago(0, 200_000)).toBe('3 min ago');
});

test('numbers are written as ranges', () => {
  expect(
    format.ranges([
      { first: 7, last: 7 },
      { first: 1_000, last: 1_200 },
    ]),
  ).toBe('7, 1,000–1,200');
});

test('a hash is shown by its ends, and shares by percent', () => {
  expect(format.shortHash('3fa9c1d2e4b5a6978812aa33bb44cc55')).toBe('3fa9c1…cc55');
  expect(format.shortHash('c0ffee')).toBe('c0ffee');
  expect([0, 0.004, 0.37, 1].map(value => format.percent(value))).toEqual(['0 %', '0.4 %', '37 %', '100 %']);
  expect([1, 2].map(value => format.plural(value, 'batch', 'batches'))).toEqual(['1 batch', '2 batches']);
});
