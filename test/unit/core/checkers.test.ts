import { describe, expect, test } from 'vitest';
import { decodeBatch, encodeBatch } from '../../../src/core/batch-codec.ts';
import {
  CompletenessCheck,
  type CompletenessReport,
  DUPLICATES_MAX,
} from '../../../src/core/completeness.ts';
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
    ['a number void and pooled', { page: page => ({ ...page, voided: [{ first: 3, last: 3 }] }) }],
    ['a number of another page', { page: page => ({ ...page, voided: [{ first: 1024, last: 1024 }] }) }],
    ['a forgotten reissue', { page: page => ({ ...page, reissued: [] }) }],
    ['a forgotten skip', { head: { skipped: [] } }],
    ['a changed reason', { fact: fact => (fact.kind === 'release' ? { ...fact, reason: 'y' } : fact) }],
  ])('refuses %s', (_what, change) => {
    const report = tampered(change);
    expect(report.complete).toBe(false);
    expect(report.problems.length).toBeGreaterThan(0);
  });
});

describe('the completeness check of an imported numbering', () => {
  const said = { reason: 'x', actor: 'y' };
  /** 10 to 19 imported, 12 and 15 to 16 of them gaps in the pool, 12 drawn again, 17 to 19 yet to be said. */
  function imported(): SeriesWorld {
    const world = new SeriesWorld();
    const from = { first: 10, source: 's', gapsTo: 'pool' as const };
    world.do({ kind: 'raise', next: 20, ...said, imported: from });
    const gaps = [
      { first: 12, last: 12 },
      { first: 15, last: 16 },
    ];
    world.do({ kind: 'adopt', first: 10, last: 16, gaps, source: 's', ...said });
    world.do({ kind: 'issue', owner, count: 1 });
    return world;
  }

  function changed(change: {
    head?: Partial<Head>;
    page?: Partial<Page>;
    fact?: (fact: Fact) => Fact;
  }): CompletenessReport {
    const { state, journal } = imported();
    const pages = new Map([...state.allPages()].map(([id, page]) => [id, { ...page, ...change.page }]));
    const head = { ...state.head, ...change.head };
    const check = new CompletenessCheck(
      { revision: 1, head, pages, reservations: [], journalFirst: 1 },
      digest,
    );
    for (const [i, text] of journal.entries()) {
      const batch = decodeBatch(text);
      const facts = batch.facts.map(fact => change.fact?.(fact) ?? fact);
      check.feed(decodeJournalEntry(encodeBatch({ ...batch, facts }), i + 1));
    }
    return check.report();
  }

  test('accepts it at every step, and says where it goes on', () => {
    expect(imported().check()).toMatchObject({
      complete: true,
      start: 10,
      numbers: 10,
      imported: 7,
      issued: 1,
      pooled: 2,
      openImport: { first: 17, last: 19 },
    });
    expect(changed({}).complete).toBe(true);
  });

  test.each<[string, Parameters<typeof changed>[0]]>([
    ['another count', { head: { imported: 6 } }],
    ['imported numbers that are stored as issued', { head: { importedRanges: [{ first: 11, last: 19 }] } }],
    ['imported numbers that are void as well', { head: { skipped: [{ first: 19, last: 19 }] } }],
    ['an import that is stored as finished', { head: { openImport: null } }],
    ['a gap that is stored as imported', { page: { pooled: [{ first: 15, last: 15 }] } }],
    ['an imported number in the pool', { page: { pooled: [{ first: 14, last: 16 }] } }],
    ['a drawn gap that is stored as imported', { page: { reissued: [] } }],
    ['gaps said otherwise', { fact: f => (f.kind === 'adopt' ? { ...f, gaps: f.gaps.slice(1) } : f) }],
    ['gaps said of others', { fact: f => (f.kind === 'adopt' ? { ...f, first: 11 } : f) }],
    [
      'a raise that imports less',
      {
        fact: f => (f.kind === 'raise' ? { ...f, imported: { ...f.imported!, first: 11 } } : f),
      },
    ],
  ])('refuses %s', (_what, change) => {
    const report = changed(change);
    expect(report.complete).toBe(false);
    expect(report.problems.length).toBeGreaterThan(0);
  });
});

describe('the completeness check of a series with ranges too long to be counted through', () => {
  const BILLIONS = 10_000_000_000;
  /** 1 to 6 drawn, all but 1 and 2 released, three of them drawn again; raised; 100 drawn above, one released. */
  function raised(): SeriesWorld {
    const world = new SeriesWorld();
    world.do({ kind: 'issue', owner, count: 6 });
    for (const number of [3, 4, 5, 6])
      world.do({ kind: 'release', number, site: 'north', partition: 'a', reason: 'x' });
    world.do({ kind: 'issue', owner, count: 3 });
    world.do({ kind: 'raise', next: BILLIONS, reason: 'x', actor: 'y' });
    world.do({ kind: 'block', owner, count: 100 });
    world.do({ kind: 'release', number: BILLIONS + 7, site: 'north', partition: 'a', reason: 'x' });
    world.do({ kind: 'block', owner, count: 5_000_000_000_000 });
    return world;
  }

  /** Checks it with one batch's fact changed, so that the journal contradicts itself and what is stored. */
  function changed(
    change: (fact: Fact, sequence: number) => Fact,
    stored: { head?: Partial<Head>; journalFirst?: number } = {},
  ): CompletenessReport {
    const world = raised();
    const journalFirst = stored.journalFirst ?? 1;
    const check = new CompletenessCheck(
      {
        revision: 1,
        head: { ...world.state.head, ...stored.head },
        pages: new Map(world.state.allPages()),
        reservations: [],
        journalFirst,
      },
      digest,
    );
    for (const [i, text] of world.journal.entries()) {
      const batch = decodeBatch(text);
      if (batch.sequence < journalFirst) continue;
      const facts = batch.facts.map(fact => change(fact, batch.sequence));
      check.feed(decodeJournalEntry(encodeBatch({ ...batch, facts }), i + 1));
    }
    return check.report();
  }

  const RAISE = 7;
  const FIRST_BLOCK = 8;
  const LAST_BLOCK = 10;
  const end = BILLIONS + 100 + 5_000_000_000_000;

  test('accepts an honest one', () => {
    expect(raised().check()).toMatchObject({
      complete: true,
      problems: [],
      numbers: end - 1,
      issued: 5 + 99 + 5_000_000_000_000,
      pooled: 2,
      void: BILLIONS - 7,
    });
  });

  test('accepts what pruning has left of it', () => {
    expect(changed(fact => fact, { journalFirst: FIRST_BLOCK })).toMatchObject({
      complete: true,
      problems: [],
      witnessedByStateOnly: BILLIONS - 1,
      void: BILLIONS - 7,
    });
  });

  test('finds a hole beside the skipped range', () => {
    const report = changed((fact, sequence) =>
      sequence === FIRST_BLOCK && fact.kind === 'block'
        ? { ...fact, fresh: { first: BILLIONS + 1, last: BILLIONS + 99 } }
        : fact,
    );
    expect(report).toMatchObject({
      complete: false,
      missing: 1,
      holes: [{ first: BILLIONS, last: BILLIONS }],
      duplicates: [],
    });
  });

  test('finds the hole that a shorter raise leaves', () => {
    const report = changed((fact, sequence) =>
      sequence === RAISE && fact.kind === 'raise'
        ? { ...fact, next: 5_001, skipped: { first: 7, last: 5_000 } }
        : fact,
    );
    expect(report).toMatchObject({
      complete: false,
      missing: BILLIONS - 5_001,
      holes: [{ first: 5_001, last: BILLIONS - 1 }],
    });
  });

  test('finds a number inside the skipped range that was issued, from the counter or from the pool', () => {
    const wanted = { first: 5_000_000_000, last: 5_000_000_000 };
    const fresh = changed((fact, sequence) =>
      sequence === LAST_BLOCK && fact.kind === 'block' ? { ...fact, fresh: wanted } : fact,
    );
    expect(fresh.complete).toBe(false);
    expect(fresh.problems.join()).toContain(
      'number 5000000000 is stored as void, but the journal makes it issued',
    );
    const pooled = changed((fact, sequence) =>
      sequence === LAST_BLOCK && fact.kind === 'block' ? { ...fact, reused: [wanted] } : fact,
    );
    expect(pooled.complete).toBe(false);
    expect(pooled.problems.join()).toContain('takes number 5000000000 for pooled, but it was void');
  });

  test('finds a number beside the skipped range that was issued twice', () => {
    const report = changed((fact, sequence) =>
      sequence === LAST_BLOCK && fact.kind === 'block'
        ? { ...fact, fresh: { first: BILLIONS, last: fact.fresh!.last } }
        : fact,
    );
    // One of the hundred was released before, so it is not issued twice.
    expect(report.complete).toBe(false);
    expect(report.duplicates).toHaveLength(99);
    expect(report.duplicates).toContain(BILLIONS);
    expect(report.duplicates).not.toContain(BILLIONS + 7);
  });

  test('names some of the billions of numbers issued twice, and counts the rest', () => {
    const report = changed((fact, sequence) =>
      sequence === LAST_BLOCK && fact.kind === 'block' ? { ...fact, reused: [fact.fresh!] } : fact,
    );
    expect(report.complete).toBe(false);
    expect(report.duplicates).toHaveLength(DUPLICATES_MAX);
    expect(report.problems).toContain(`${5_000_000_000_000 - DUPLICATES_MAX} more numbers are used twice`);
  });

  test('finds a skipped range that is stored otherwise', () => {
    const [skipped] = raised().state.head.skipped;
    const shorter = { head: { skipped: [{ ...skipped!, last: skipped!.last - 1 }] } };
    const report = changed(fact => fact, shorter);
    expect(report).toMatchObject({
      complete: false,
      problems: [`number ${BILLIONS - 1} is stored as issued, but the journal makes it void`],
    });
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
