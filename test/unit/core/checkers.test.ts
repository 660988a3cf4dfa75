import { describe, expect, test } from 'vitest';
import { decodeBatch, encodeBatch } from '../../../src/core/batch-codec.ts';
import { CompletenessCheck, type CompletenessReport } from '../../../src/core/completeness.ts';
import type { Fact } from '../../../src/core/facts.ts';
import type { Head } from '../../../src/core/head.ts';
import { checkHistory, type ObservedOperation } from '../../../src/core/history.ts';
import type { Page } from '../../../src/core/page.ts';
import { decodeJournalEntry } from '../../../src/core/records.ts';
import { digest, SeriesWorld } from '../../kit/series-world.ts';

const owner = { site: 'north', partition: 'a', type: 'on-cycle' };

/** Eight numbers: 1–6 drawn, 2 and 3 released, 2 reissued, 7–8 skipped. */
function story(): SeriesWorld {
  const world = new SeriesWorld();
  world.do({ kind: 'issue', owner, count: 6 });
  for (const number of [2, 3])
    world.do({ kind: 'release', number, site: 'north', partition: 'a', reason: 'x' });
  world.do({ kind: 'issue', owner, count: 1 });
  world.do({ kind: 'raise', next: 9, reason: 'x', actor: 'y' });
  return world;
}

/** Checks the story with something changed behind the state machine's back. */
function tampered(change: {
  head?: Partial<Head>;
  page?: (page: Page) => Page;
  fact?: (fact: Fact, sequence: number) => Fact;
  drop?: number;
}): CompletenessReport {
  const world = story();
  const pages = new Map(
    [...world.state.allPages()].map(([id, page]) => [id, change.page?.(page) ?? page] as const),
  );
  const head = { ...world.state.head, ...change.head };
  const check = new CompletenessCheck(
    { revision: 1, head, pages, reservations: [], journalFirst: 1 },
    digest,
  );
  for (const [i, text] of world.journal.entries()) {
    const batch = decodeBatch(text);
    if (batch.sequence === change.drop) continue;
    const facts = batch.facts.map(fact => change.fact?.(fact, batch.sequence) ?? fact);
    check.feed(decodeJournalEntry(encodeBatch({ ...batch, facts }), i + 1));
  }
  return check.report();
}

describe('the completeness check', () => {
  test('accepts an honest story and counts it', () => {
    expect(story().check()).toMatchObject({
      complete: true,
      numbers: 8,
      issued: 5,
      pooled: 1,
      void: 2,
      missing: 0,
      batches: 5,
    });
  });

  test('names the numbers that a removed batch leaves unaccounted', () => {
    const report = tampered({ drop: 1 });
    expect(report.complete).toBe(false);
    expect(report.problems.join()).toContain('the journal jumps from batch 0 to 2');
  });

  test('finds a hole where a draw skips numbers', () => {
    const report = tampered({
      fact: (fact, sequence) =>
        sequence === 1 && fact.kind === 'issue' ? { ...fact, fresh: { first: 1, last: 4 } } : fact,
    });
    expect(report).toMatchObject({ complete: false, missing: 2, holes: [{ first: 5, last: 6 }] });
  });

  test('finds a number that two documents have', () => {
    const report = tampered({
      fact: (fact, sequence) =>
        sequence === 4 && fact.kind === 'issue' ? { ...fact, reused: [{ first: 5, last: 5 }] } : fact,
    });
    expect(report).toMatchObject({ complete: false, duplicates: [5] });
  });

  test('replays what pruning has left, and says what only the state can witness', () => {
    const world = story();
    const check = new CompletenessCheck(
      {
        revision: 1,
        head: world.state.head,
        pages: new Map(world.state.allPages()),
        reservations: [],
        journalFirst: 3,
      },
      digest,
    );
    for (const [i, text] of world.journal.entries()) if (i >= 2) check.feed(decodeJournalEntry(text, i + 1));
    expect(check.report()).toMatchObject({
      complete: true,
      problems: [],
      numbers: 8,
      issued: 5,
      pooled: 1,
      void: 2,
      witnessedByStateOnly: 4,
      journalFirst: 3,
      batches: 3,
    });
  });

  test('does not take a removed first batch for pruning', () => {
    expect(tampered({ drop: 1 })).toMatchObject({ complete: false, journalFirst: 1 });
  });

  test.each<[string, Parameters<typeof tampered>[0]]>([
    ['a changed count', { head: { issued: 6 } }],
    ['a changed counter', { head: { next: 10 } }],
    ['another chain hash', { head: { chain: 'f'.repeat(64) } }],
    ['a number missing from the pool', { page: page => ({ ...page, pooled: [] }) }],
    ['a number too many in the pool', { page: page => ({ ...page, pooled: [{ first: 3, last: 4 }] }) }],
    ['a number never drawn', { page: page => ({ ...page, voided: [{ first: 50, last: 50 }] }) }],
    ['a forgotten reissue', { page: page => ({ ...page, reissued: [] }) }],
    ['a forgotten skip', { head: { skipped: [] } }],
    ['a changed reason', { fact: fact => (fact.kind === 'release' ? { ...fact, reason: 'y' } : fact) }],
  ])('refuses %s', (_what, change) => {
    const report = tampered(change);
    expect(report.complete).toBe(false);
    expect(report.problems.length).toBeGreaterThan(0);
  });
});

describe('the history check', () => {
  const draw = (
    sequence: number,
    first: number,
    from: number,
    to: number,
    reused = false,
  ): ObservedOperation => ({
    invokedAtMs: from,
    returnedAtMs: to,
    result: {
      kind: 'draw',
      position: { sequence, index: 0 },
      revision: sequence,
      ranges: [{ first, last: first, reused }],
    },
  });
  const release = (sequence: number, number: number, from: number, to: number): ObservedOperation => ({
    invokedAtMs: from,
    returnedAtMs: to,
    result: { kind: 'release', number, position: { sequence, index: 0 }, revision: sequence },
  });

  test('accepts overlapping operations in any order', () => {
    expect(checkHistory([draw(2, 2, 0, 10), draw(1, 1, 1, 9)], 1).linearizable).toBe(true);
  });

  test('accepts a released number that is drawn again', () => {
    const operations = [draw(1, 1, 0, 1), release(2, 1, 2, 3), draw(3, 1, 4, 5, true)];
    expect(checkHistory(operations, 1)).toMatchObject({ linearizable: true, problems: [] });
  });

  test.each<[string, ObservedOperation[], RegExp]>([
    ['a later draw with a smaller number', [draw(2, 2, 0, 1), draw(1, 1, 2, 3)], /began after/],
    ['a number twice', [draw(1, 1, 0, 1), draw(2, 1, 2, 3)], /two documents|came after/],
    ['a jump', [draw(1, 1, 0, 1), draw(2, 3, 2, 3)], /jump from 1 to 3/],
    ['a reuse of what was never released', [draw(1, 1, 0, 1), draw(2, 1, 2, 3, true)], /two documents/],
    ['a release of what nobody had', [release(1, 4, 0, 1)], /nobody had it/],
  ])('refuses %s', (_what, operations, problem) => {
    const report = checkHistory(operations, 1);
    expect(report.linearizable).toBe(false);
    expect(report.problems.join('\n')).toMatch(problem);
  });

  test('lets an operation of unknown outcome explain a jump, but never a repetition', () => {
    const unknown: ObservedOperation = { invokedAtMs: 0, returnedAtMs: 9 };
    expect(checkHistory([unknown, draw(1, 1, 0, 1), draw(2, 3, 2, 3)], 1)).toMatchObject({
      linearizable: true,
      unknown: 1,
    });
    expect(checkHistory([unknown, draw(1, 1, 0, 1), draw(2, 1, 2, 3)], 1).linearizable).toBe(false);
  });
});
