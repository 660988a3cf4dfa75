import { expect, test } from 'vitest';
import * as format from '../../../dashboard/js/format.js';

test('whole numbers have separators, however large', () => {
  expect(format.count(0)).toBe('0');
  expect(format.count(9_007_199_254_740_991)).toBe('9,007,199,254,740,991');
});

test('what is not known is a dash, everywhere', () => {
  const { count, rate, ms, bytes, percent, duration, clock, dateClock, shortHash } = format;
  for (const write of [
    count,
    rate,
    ms,
    bytes,
    (part: number | null | undefined) => percent(part, 1),
    duration,
    clock,
    dateClock,
  ]) {
    expect([undefined, null, Number.NaN].map(value => write(value))).toEqual(['–', '–', '–']);
  }
  expect([shortHash(null), shortHash(''), format.ago(null, 5)]).toEqual(['–', '–', '–']);
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
  expect([0, 0.42, 3.14, 42.25, 240.4, 999.4, 999.6, 1_500, 12_345].map(value => format.ms(value))).toEqual([
    '0 ms',
    '0.42 ms',
    '3.1 ms',
    '42.3 ms',
    '240 ms',
    '999 ms',
    '1.0 s',
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

test('numbers of documents are written without separators, several by the first range and how many more', () => {
  const list = [
    { first: 1_000, last: 1_200 },
    { first: 2_000, last: 2_000 },
  ];
  expect(list.map(format.range)).toEqual(['1000–1200', '2000']);
  expect(format.ranges(list, 202)).toBe('1000–1200 +1');
  expect(format.ranges(list.slice(1), 1)).toBe('2000');
  expect(format.ranges([], 0)).toBe('');
});

test('how long something took has the digits that matter', () => {
  const written = [-5, 104.4, 999.4, 999.6, 4_240, 59_940, 59_960, 72_000, 7_500_000].map(format.span);
  expect(written).toEqual([
    '0 ms',
    '104 ms',
    '999 ms',
    '1.0 s',
    '4.2 s',
    '59.9 s',
    '1 min',
    '1 min 12 s',
    '2 h 5 min',
  ]);
});

test('a hash is shown by its ends, and shares by percent', () => {
  expect(format.shortHash('3fa9c1d2e4b5a6978812aa33bb44cc55')).toBe('3fa9c1…cc55');
  expect(format.shortHash('c0ffee')).toBe('c0ffee');
  expect([0, 0.00001, 0.004, 1 / 3, 0.37, 0.999, 0.9999, 1].map(part => format.percent(part, 1))).toEqual([
    '0 %',
    '< 0.1 %',
    '0.4 %',
    '33.3 %',
    '37 %',
    '99.9 %',
    '> 99.9 %',
    '100 %',
  ]);
  expect(format.percent(0, 0)).toBe('0 %');
  expect([1, 2].map(value => format.plural(value, 'batch', 'batches'))).toEqual(['1 batch', '2 batches']);
});
