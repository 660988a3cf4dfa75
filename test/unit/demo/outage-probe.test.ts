import { expect, test } from 'vitest';
import {
  describeRefusals,
  isClear,
  median,
  nameOf,
  type Refusal,
} from '../../../src/demo/demos/outage-probe.ts';

const refusal = (change: Partial<Refusal>): Refusal => ({
  status: 503,
  code: 'unavailable',
  retryAfterSeconds: 1,
  detail: 'No etcd quorum can be reached',
  ms: 1,
  askedAtMs: 0,
  key: 'k',
  ...change,
});

test('refusals are told of by what they say, with how quick they were', () => {
  const refusals = [2, 1, 30, 4].map(ms => refusal({ ms }));
  const lines = describeRefusals(
    [...refusals, refusal({ code: 'outcome_unknown', ms: 2_500 })],
    ms => `${ms} ms`,
  );
  expect(lines).toEqual([
    '503 unavailable, Retry-After 1 s: 4 times, half within 2 ms, the longest 30 ms',
    '503 outcome_unknown, Retry-After 1 s: once, after 2500 ms',
  ]);
});

test('no answer at all is called so', () => {
  expect(nameOf(refusal({ status: 0, code: 'timeout', retryAfterSeconds: undefined }))).toBe(
    'no answer timeout',
  );
});

test('half of an odd and of an even number of times', () => {
  expect([median([1]), median([1, 2]), median([1, 2, 9])]).toEqual([1, 1, 2]);
});

test('only a refusal that says when to come again is clear, and no answer is none', () => {
  const clear = (change: Partial<Refusal>): boolean => isClear(refusal(change));
  expect(clear({})).toBe(true);
  expect(clear({ code: 'outcome_unknown' })).toBe(true);
  expect(clear({ retryAfterSeconds: undefined })).toBe(false);
  expect(clear({ status: 0, code: 'timeout', retryAfterSeconds: undefined })).toBe(false);
  expect(clear({ status: 500, code: 'internal' })).toBe(false);
});
