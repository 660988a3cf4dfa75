import { expect, test } from 'vitest';
import type { Fact, IssueFact } from '../../../src/core/facts.ts';
import { AnswerBook } from '../../../src/demo/load/answer-book.ts';
import { JournalWitness } from '../../../src/demo/run/journal-witness.ts';

const PREFIX = 'demo:0123456789ab';
const owner = { site: 'site-1', partition: 'partition-a', type: 'on-cycle' };
const issue = (first: number, change: Partial<IssueFact> = {}): IssueFact => ({
  kind: 'issue',
  owner,
  fresh: { first, last: first },
  reused: [],
  key: `${PREFIX}-0-${first}`,
  ...change,
});

/** Who has seen that clients were told so, `[allocation, number]`, and the journal is that. */
function witnessOf(
  told: readonly (readonly [string, number])[],
  journal: readonly (readonly Fact[])[],
  journalFirst: number,
): JournalWitness {
  const book = new AnswerBook();
  for (const [allocationId, first] of told)
    book.note({ numbers: [{ first, last: first }], reused: false, allocationId });
  const witness = new JournalWitness(book.allocations, PREFIX);
  for (const [i, facts] of journal.entries()) witness.see({ sequence: journalFirst + i, facts });
  return witness;
}

const problemsOf = (
  told: readonly (readonly [string, number])[],
  journal: readonly (readonly Fact[])[],
): string[] => witnessOf(told, journal, 1).problems({ journalFirst: 1 });

test('nothing is wrong when the journal has every answer as it was given, whatever else it has', () => {
  const others = issue(2, { key: 'somebody' });
  expect(
    problemsOf(
      [
        ['1-0', 1],
        ['2-1', 3],
      ],
      [[issue(1)], [others, issue(3)], [issue(4, { key: 'somebody' })]],
    ),
  ).toEqual([]);
});

test('a number from the pool and a suppressed one are answers like others', () => {
  const reused = issue(7, { fresh: null, reused: [{ first: 7, last: 7 }] });
  const suppressed = issue(8, { suppressed: { reason: 'x', to: 'pool' } });
  expect(
    problemsOf(
      [
        ['1-0', 7],
        ['1-1', 8],
      ],
      [[reused, suppressed]],
    ),
  ).toEqual([]);
});

test('an answer that was never committed is found', () => {
  expect(
    problemsOf(
      [
        ['1-0', 1],
        ['2-0', 2],
      ],
      [[issue(1)]],
    ),
  ).toEqual(['the journal lacks 1 allocations that clients were told of: 2-0']);
});

test('an answer with another number than was committed is found', () => {
  expect(problemsOf([['1-0', 1]], [[issue(2)]])).toEqual(['allocation 1-0 is 2, and a client was told 1']);
});

test('an answer for something that was no draw is found', () => {
  const raise: Fact = { kind: 'raise', next: 9, skipped: null, reason: 'x', actor: 'y' };
  expect(problemsOf([['1-0', 1]], [[raise]])).toEqual(['allocation 1-0 is none, and a client was told 1']);
});

test('a repeated request that was carried out again is found, although no number is missing or twice', () => {
  const key = `${PREFIX}-3-4`;
  expect(problemsOf([['2-0', 2]], [[issue(1, { key })], [issue(2, { key })]])).toEqual([
    `1 requests were carried out twice with the same key: ${key}`,
  ]);
});

test('keys of others are their own business', () => {
  expect(problemsOf([], [[issue(1, { key: 'k' })], [issue(2, { key: 'k' })]])).toEqual([]);
});

test('of what was pruned nobody can tell, and it does not claim to', () => {
  const told = [
    ['1-0', 1],
    ['5-0', 5],
  ] as const;
  const witness = witnessOf(told, [[issue(5)]], 5);
  expect([witness.problems({ journalFirst: 5 }), witness.pruned({ journalFirst: 5 })]).toEqual([[], 1]);
});
