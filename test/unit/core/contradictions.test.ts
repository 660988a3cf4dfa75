import { describe, expect, test } from 'vitest';
import { applyBatch } from '../../../src/core/apply.ts';
import { encodeBatch } from '../../../src/core/batch-codec.ts';
import type { SeqdError } from '../../../src/core/errors.ts';
import type { Batch, Fact } from '../../../src/core/facts.ts';
import { copyPage, EMPTY_PAGE, decodePage, encodePage, holdNumbers } from '../../../src/core/page.ts';
import { addRange, removeRange, unflattenRanges } from '../../../src/core/ranges.ts';
import type { Draft } from '../../../src/core/draft.ts';
import { digest, SeriesWorld } from '../../kit/series-world.ts';

// The engine stops a series for `invariant_violated` and tries again after anything else, so an error of another kind
// would be met again for ever.
const contradiction = expect.objectContaining<Partial<SeqdError>>({ code: 'invariant_violated' });

const owner = { site: 'north', partition: 'a', type: 'x' };
const origin = { site: 'north', partition: 'a', reason: 'x' };

/** 1 and 2 issued, 3 pooled, 4 void, 5 reissued, 6 reserved, 7 to 9 skipped. */
function world(): SeriesWorld {
  const made = new SeriesWorld();
  made.do({ kind: 'issue', owner, count: 5 });
  made.do({ kind: 'release', number: 5, ...origin });
  made.do({ kind: 'issue', owner, count: 1 });
  made.do({ kind: 'reserve', owner, count: 1, holdMs: 100 });
  made.do({ kind: 'release', number: 3, ...origin });
  made.do({ kind: 'void', number: 4, actor: 'y', ...origin });
  made.do({ kind: 'raise', next: 10, reason: 'x', actor: 'y' });
  return made;
}

/** Reads one more batch from the journal. */
function read({ state }: SeriesWorld, fact: Fact): Draft {
  const { sequence, chain, time, next } = state.head;
  const batch: Batch = {
    sequence: sequence + 1,
    previous: chain,
    time,
    node: 'other',
    serial: 1,
    next,
    facts: [fact],
  };
  return applyBatch(state, batch, encodeBatch(batch), digest);
}

const at = (number: number): { first: number; last: number } => ({ first: number, last: number });
const allocation = { sequence: 1, index: 0 };
const open = { sequence: 4, index: 0 };
const draws = (numbers: readonly number[]): Fact => ({
  kind: 'issue',
  owner,
  fresh: null,
  reused: numbers.map(at),
});
const release = (number: number): Fact => ({
  kind: 'release',
  number,
  allocation,
  owner,
  reason: 'x',
  to: 'pool',
});

describe('a journal entry that fits the state is applied', () => {
  test.each<[string, Fact]>([
    ['a reuse', draws([3])],
    ['a release of an issued number', release(2)],
    ['a release of a reissued number', release(5)],
    ['a confirmation', { kind: 'confirm', owner, fresh: at(6), reused: [], reservation: open }],
    ['an expiry', { kind: 'expire', owner, fresh: at(6), reused: [], reservation: open, to: 'pool' }],
  ])('%s', (_what, fact) => {
    expect(read(world(), fact).head.sequence).toBe(8);
  });
});

describe('a journal entry that does not fit the state violates an invariant', () => {
  test.each<[string, Fact]>([
    ['a reuse of an issued number', draws([2])],
    ['a reuse of a reserved number', draws([6])],
    ['a reuse of the same number twice', draws([3, 3])],
    ['a reuse that is too long', { kind: 'issue', owner, fresh: null, reused: [{ first: 3, last: 4 }] }],
    ['fresh numbers that leave a hole', { kind: 'issue', owner, fresh: at(11), reused: [] }],
    [
      'a confirmation of another number',
      { kind: 'confirm', owner, fresh: at(2), reused: [], reservation: open },
    ],
    [
      'a confirmation of what is not reserved',
      { kind: 'confirm', owner, fresh: at(6), reused: [], reservation: allocation },
    ],
    [
      'a cancellation of what is not reserved',
      { kind: 'cancel', owner, fresh: null, reused: [], reservation: allocation, to: 'pool' },
    ],
    ['a release of a pooled number', release(3)],
    ['a release of a void number', release(4)],
    ['a release of a reserved number', release(6)],
    ['a release of a skipped number', release(8)],
    ['a release of a number never drawn', release(10)],
    ['a release of a number before the start', release(0)],
  ])('%s', (_what, fact) => {
    expect(() => read(world(), fact)).toThrow(contradiction);
  });
});

describe('a stored page that contradicts itself violates an invariant', () => {
  const stored = encodePage(0, {
    ...EMPTY_PAGE,
    pooled: [at(3), at(7)],
    reissued: [{ ...at(5), allocation, owner }],
  });

  test('unlike one that does not', () => {
    expect(decodePage(0, stored).pooled).toEqual([at(3), at(7)]);
  });

  test.each<[string, string]>([
    ['half a text', stored.slice(0, -5)],
    ['half a range', stored.replace('[4,0,4,0]', '[4,0,4]')],
    ['a range that ends before it begins', stored.replace('[4,0,4,0]', '[4,-1,4,0]')],
    ['ranges out of order', stored.replace('[4,0,4,0]', '[8,0,-4,0]')],
    ['ranges that overlap', stored.replace('[4,0,4,0]', '[4,4,0,0]')],
    ['a number of another page', stored.replace('[4,0,4,0]', '[4,0,1021,0]')],
    ['a number that is none', stored.replace('[4,0,4,0]', '[4,0,4,"0"]')],
    ['an owner that is not there', stored.replace('"w":["north|a|x"]', '"w":[]')],
    ['a holding of another page', stored.replace('[6,0,1,0,0]', '[6,1019,1,0,0]')],
  ])('%s', (_what, text) => {
    expect(text).not.toBe(stored);
    expect(() => decodePage(0, text)).toThrow(contradiction);
  });
});

test('a set takes no number twice, and gives none that it has not', () => {
  const set = [
    { first: 3, last: 5 },
    { first: 8, last: 8 },
  ];
  for (const added of [at(3), at(5), { first: 1, last: 3 }, { first: 6, last: 8 }, { first: 7, last: 6 }])
    expect(() => addRange(set, added)).toThrow(contradiction);
  for (const removed of [at(2), at(6), { first: 5, last: 6 }, { first: 5, last: 8 }])
    expect(() => removeRange(set, removed)).toThrow(contradiction);
  expect(set).toEqual([{ first: 3, last: 5 }, at(8)]);
  expect(() => unflattenRanges([1, 2, 3])).toThrow(contradiction);
});

test('a number is not held twice', () => {
  const page = copyPage(EMPTY_PAGE);
  holdNumbers(page, { first: 3, last: 5, allocation, owner });
  for (const range of [at(3), at(5), { first: 1, last: 3 }])
    expect(() => holdNumbers(page, { ...range, allocation, owner })).toThrow(contradiction);
});
