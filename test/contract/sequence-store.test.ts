import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SeriesId } from '../../src/core/identifiers.ts';
import { decodeJournalStart, journalKey, KEYS } from '../../src/core/records.ts';
import {
  type Commit,
  COMMIT_RECORDS_MAX,
  type CommitOutcome,
  type LeadershipGuard,
  type StoredRecord,
} from '../../src/ports/sequence-store.ts';
import { STORE_SUBJECTS, type StoreUnderTest } from './store-subjects.ts';

const SERIES: SeriesId = { tenant: 'default', series: 'global', period: 'all' };

/** A commit that replaces the head, with a journal entry of its own. */
function commitOf(
  expectedHead: string | null,
  head: string,
  more: {
    series?: SeriesId;
    journal?: readonly [string, string];
    puts?: readonly (readonly [string, string])[];
    deletes?: readonly string[];
    leadership?: LeadershipGuard;
  } = {},
): Commit {
  const [journalKey, journalText] = more.journal ?? ['journal/1', `entry of ${head}`];
  const puts = [['head', head] as const, [journalKey, journalText] as const, ...(more.puts ?? [])];
  return {
    series: more.series ?? SERIES,
    expectedHead,
    puts: puts.map(([key, value]) => ({ key, value })),
    deletes: more.deletes ?? [],
    journalKey,
    ...(more.leadership === undefined ? {} : { leadership: more.leadership }),
  };
}

const textsOf = (records: readonly StoredRecord[]): string[] =>
  records.map(({ key, value }) => `${key}=${value}`);

const paddedKey = (prefix: string, number: number): string => prefix + String(number).padStart(6, '0');

describe.each(STORE_SUBJECTS)('the %s store', (_name, open) => {
  let subject: StoreUnderTest;

  beforeEach(async () => {
    subject = await open();
  });

  afterEach(async () => {
    await subject.close();
  });

  /** Commits, and insists that it took effect. */
  async function mustCommit(commit: Commit): Promise<number> {
    const outcome = await subject.store.commit(commit);
    expect(outcome).toMatchObject({ status: 'committed' });
    return (outcome as CommitOutcome & { status: 'committed' }).revision;
  }

  /** Writes these records with as many commits as it takes. Returns the last head. */
  async function fill(records: readonly (readonly [string, string])[], perCommit: number): Promise<string> {
    let head: string | null = null;
    for (let first = 0; first < records.length; first += perCommit) {
      const next = `head ${first}`;
      await mustCommit(commitOf(head, next, { puts: records.slice(first, first + perCommit) }));
      head = next;
    }
    return head!;
  }

  const all = (from = '', to = '\u007f'): Promise<readonly StoredRecord[]> =>
    subject.store.range({ series: SERIES, from, to }).then(({ records }) => records);

  test('reading where nothing is gives nothing, with a revision', async () => {
    const { record, revision } = await subject.store.read(SERIES, 'head');
    expect(record).toBeNull();
    expect(revision).toBeGreaterThanOrEqual(1);
    const range = await subject.store.range({ series: SERIES, from: 'a', to: 'z' });
    expect(range).toMatchObject({ records: [], more: false });
    expect(range.revision).toBeGreaterThanOrEqual(revision);
    expect(await subject.store.series()).toEqual([]);
  });

  test('the first commit applies where there is no head', async () => {
    const revision = await mustCommit(commitOf(null, 'one'));
    expect((await subject.store.read(SERIES, 'head')).record).toEqual({
      key: 'head',
      value: 'one',
      revision,
    });
  });

  test('a first commit does not apply where there is a head', async () => {
    await mustCommit(commitOf(null, 'one'));
    expect(await subject.store.commit(commitOf(null, 'two'))).toMatchObject({
      status: 'conflict',
      head: 'one',
    });
    expect((await subject.store.read(SERIES, 'head')).record?.value).toBe('one');
  });

  test('a commit that expects a head does not apply where there is none', async () => {
    expect(await subject.store.commit(commitOf('one', 'two'))).toEqual({
      status: 'conflict',
      head: null,
      journal: null,
      deposed: false,
      revision: expect.any(Number) as number,
    });
    expect(await all()).toEqual([]);
  });

  test.each([
    ['an older head', 'one'],
    ['an empty text', ''],
    ['a beginning of it', 'tw'],
    ['a longer text', 'two '],
    ['another case', 'TWO'],
    ['a head to come', 'three'],
  ])('a commit that expects %s does not apply', async (_what, expected) => {
    await mustCommit(commitOf(null, 'one'));
    await mustCommit(commitOf('one', 'two'));
    expect(await subject.store.commit(commitOf(expected, 'three'))).toMatchObject({
      status: 'conflict',
      head: 'two',
    });
    expect((await subject.store.read(SERIES, 'head')).record?.value).toBe('two');
  });

  test('a head of the same version with another text does not match (ABA)', async () => {
    const [seen, restored] = [
      JSON.stringify({ sequence: 7, chain: 'aa' }),
      JSON.stringify({ sequence: 7, chain: 'bb' }),
    ];
    await mustCommit(commitOf(null, restored));
    expect(await subject.store.commit(commitOf(seen, 'next'))).toMatchObject({
      status: 'conflict',
      head: restored,
    });
  });

  test('a head that came back to the same text matches again: the text is all that counts', async () => {
    await mustCommit(commitOf(null, 'one'));
    await mustCommit(commitOf('one', 'two'));
    await mustCommit(commitOf('two', 'one'));
    await mustCommit(commitOf('one', 'three'));
  });

  test('a conflict reports the head, what stands under the journal key, and who is deposed', async () => {
    const leadership = await subject.elect();
    const revision = await mustCommit(commitOf(null, 'one', { journal: ['journal/1', 'theirs'] }));
    expect(
      await subject.store.commit(commitOf(null, 'mine', { journal: ['journal/1', 'ours'], leadership })),
    ).toEqual({
      status: 'conflict',
      head: 'one',
      journal: { key: 'journal/1', value: 'theirs', revision },
      deposed: false,
      revision: expect.any(Number) as number,
    });
    await subject.depose();
    expect(
      await subject.store.commit(commitOf(null, 'mine', { journal: ['journal/2', 'ours'], leadership })),
    ).toMatchObject({ status: 'conflict', head: 'one', journal: null, deposed: true });
  });

  test('a commit under a standing leadership applies', async () => {
    const leadership = await subject.elect();
    await mustCommit(commitOf(null, 'one', { leadership }));
    await mustCommit(commitOf('one', 'two', { leadership }));
  });

  test('a deposed leader never commits, though the head is the one it expects', async () => {
    const leadership = await subject.elect();
    await mustCommit(commitOf(null, 'one', { leadership }));
    await subject.depose();
    expect(await subject.store.commit(commitOf('one', 'two', { leadership }))).toMatchObject({
      status: 'conflict',
      head: 'one',
      deposed: true,
    });
    expect((await subject.store.read(SERIES, 'head')).record?.value).toBe('one');
  });

  test('a leader replaced by a later leadership under the same key never commits', async () => {
    const stale = await subject.elect();
    const standing = await subject.elect();
    expect(await subject.store.commit(commitOf(null, 'one', { leadership: stale }))).toMatchObject({
      status: 'conflict',
      head: null,
      deposed: true,
    });
    await mustCommit(commitOf(null, 'one', { leadership: standing }));
  });

  test('the identical commit sent twice applies once, and the second reports our own journal text', async () => {
    const commit = commitOf(null, 'one', { journal: ['journal/1', 'ours'], puts: [['pool/1', 'x']] });
    const revision = await mustCommit(commit);
    expect(await subject.store.commit(commit)).toEqual({
      status: 'conflict',
      head: 'one',
      journal: { key: 'journal/1', value: 'ours', revision },
      deposed: false,
      revision: expect.any(Number) as number,
    });
    expect((await all()).map(record => record.revision)).toEqual([revision, revision, revision]);
  });

  test('the identical commit still reports our journal text after others have committed', async () => {
    const commit = commitOf(null, 'one', { journal: ['journal/1', 'ours'] });
    const revision = await mustCommit(commit);
    await mustCommit(commitOf('one', 'two', { journal: ['journal/2', 'theirs'] }));
    expect(await subject.store.commit(commit)).toMatchObject({
      status: 'conflict',
      head: 'two',
      journal: { value: 'ours', revision },
    });
  });

  test('of 20 commits from one head, sent at once, exactly one applies', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        subject.store.commit(commitOf(null, `head ${i}`, { puts: [[`pool/${i}`, 'x']] })),
      ),
    );
    const winner = outcomes.findIndex(({ status }) => status === 'committed');
    expect(outcomes.map(({ status }) => status).filter(status => status === 'committed')).toHaveLength(1);
    expect((await subject.store.read(SERIES, 'head')).record?.value).toBe(`head ${winner}`);
    expect(textsOf(await all('pool/', 'pool0'))).toEqual([`pool/${winner}=x`]);
  });

  test('puts and deletes of a commit appear together, at one revision', async () => {
    const before = await mustCommit(
      commitOf(null, 'one', {
        puts: [
          ['a', 'old'],
          ['b', 'old'],
        ],
      }),
    );
    const after = await mustCommit(
      commitOf('one', 'two', {
        puts: [
          ['b', 'new'],
          ['c', 'new'],
        ],
        deletes: ['a', 'never-there'],
      }),
    );
    expect(after).toBeGreaterThan(before);
    expect((await subject.store.read(SERIES, 'a')).record).toBeNull();
    const records = await all('a', 'd');
    expect(records).toEqual([
      { key: 'b', value: 'new', revision: after },
      { key: 'c', value: 'new', revision: after },
    ]);
  });

  test('a commit that does not apply leaves its puts and deletes undone', async () => {
    await mustCommit(commitOf(null, 'one', { puts: [['a', 'kept']] }));
    await subject.store.commit(commitOf('other', 'two', { puts: [['b', 'never']], deletes: ['a'] }));
    expect(textsOf(await all('a', 'c'))).toEqual(['a=kept']);
  });

  test('a read as of an older revision sees what stood then, deleted records too', async () => {
    const first = await mustCommit(commitOf(null, 'one', { puts: [['a', '1']] }));
    const second = await mustCommit(
      commitOf('one', 'two', {
        puts: [
          ['a', '2'],
          ['b', '2'],
        ],
      }),
    );
    await mustCommit(commitOf('two', 'three', { deletes: ['a', 'b'] }));
    const asOf = async (revision: number): Promise<string[]> => {
      const range = await subject.store.range({ series: SERIES, from: 'a', to: 'c', revision });
      expect(range.revision).toBe(revision);
      return textsOf(range.records);
    };
    expect(await asOf(first)).toEqual(['a=1']);
    expect(await asOf(second)).toEqual(['a=2', 'b=2']);
    expect(textsOf(await all('a', 'c'))).toEqual([]);
  });

  test('a read tells a revision at least as new as the last commit', async () => {
    const committed = await mustCommit(commitOf(null, 'one'));
    expect((await subject.store.read(SERIES, 'head')).revision).toBeGreaterThanOrEqual(committed);
    const range = await subject.store.range({ series: SERIES, from: 'a', to: 'z' });
    expect(range.revision).toBeGreaterThanOrEqual(committed);
  });

  test('a range includes its first key and leaves out its last', async () => {
    await mustCommit(
      commitOf(null, 'one', {
        puts: [
          ['k/1', ''],
          ['k/2', ''],
          ['k/3', ''],
        ],
      }),
    );
    expect(textsOf(await all('k/1', 'k/3'))).toEqual(['k/1=', 'k/2=']);
  });

  test.each([
    [2, 2, true],
    [3, 3, false],
    [4, 3, false],
  ])('a range of three with limit %i gives %i records and more=%s', async (limit, count, more) => {
    await mustCommit(
      commitOf(null, 'one', {
        puts: [
          ['k/1', ''],
          ['k/2', ''],
          ['k/3', ''],
        ],
      }),
    );
    const range = await subject.store.range({ series: SERIES, from: 'k/', to: 'k0', limit });
    expect(range.records).toHaveLength(count);
    expect(range.more).toBe(more);
  });

  test('a range over 1,200 records of 8 KB is complete and in order', async () => {
    const records = Array.from(
      { length: 1_200 },
      (_, i) => [paddedKey('k/', i), `${i}:`.padEnd(8_192, 'x')] as const,
    );
    await fill(records.toReversed(), 100);
    const range = await subject.store.range({ series: SERIES, from: 'k/', to: 'k0' });
    expect(range.more).toBe(false);
    expect(range.records.map(({ key, value }) => [key, value])).toEqual(records);
    const limited = await subject.store.range({ series: SERIES, from: 'k/', to: 'k0', limit: 1_100 });
    expect(limited.more).toBe(true);
    expect(limited.records.map(({ key }) => key)).toEqual(records.slice(0, 1_100).map(([key]) => key));
  });

  // A batch of 512 requests with idempotency keys is a journal entry of about this size, and a node that starts
  // reads the journal by the thousand.
  test('a range over 600 records of 64 KB is complete: no page is too large for one answer', async () => {
    const value = 'x'.repeat(65_536);
    const records = Array.from({ length: 600 }, (_, i) => [paddedKey('k/', i), value] as const);
    await fill(records, 20);
    const range = await subject.store.range({ series: SERIES, from: 'k/', to: 'k0' });
    expect(range.records).toHaveLength(600);
  });

  test('a paged range is of one revision, whatever is committed meanwhile', async () => {
    const records = Array.from({ length: 1_200 }, (_, i) => [paddedKey('k/', i), 'before'] as const);
    const head = await fill(records, 100);
    const reading = subject.store.range({ series: SERIES, from: 'k/', to: 'k0' });
    const writing = subject.store.commit(
      commitOf(head, 'changed', {
        puts: [
          [paddedKey('k/', 0), 'after'],
          [paddedKey('k/', 1_199), 'after'],
        ],
      }),
    );
    const [range] = await Promise.all([reading, writing]);
    expect(range.records[0]!.value).toBe(range.records.at(-1)!.value);
  });

  test('keys sort by their UTF-8 bytes', async () => {
    const keys = ['k/a', 'k/Z', 'k/10', 'k/9', 'k/ä', 'k/\u{ff5e}', 'k/\u{1f600}', 'k/a/b', 'k/a-b'];
    await mustCommit(commitOf(null, 'one', { puts: keys.map(key => [key, ''] as const) }));
    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect((await all('k/', 'k0')).map(({ key }) => key)).toEqual(sorted);
  });

  test('texts come back as they were, whatever they contain', async () => {
    const texts = [
      '',
      ' ',
      'Grüße, 発票, 🧾',
      '"quoted"\\',
      'line\nbreak\r\n\ttab',
      '\u0000\u0001',
      '\ufeffx',
    ];
    await mustCommit(
      commitOf(null, '{"head":"発票 🧾"}', { puts: texts.map((text, i) => [`k/${i}`, text] as const) }),
    );
    expect((await all('k/', 'k0')).map(({ value }) => value)).toEqual(texts);
    await mustCommit(commitOf('{"head":"発票 🧾"}', 'two'));
  });

  test('a commit of as many records as the port allows applies, under a leadership too', async () => {
    const leadership = await subject.elect();
    const puts = Array.from({ length: COMMIT_RECORDS_MAX - 2 }, (_, i) => [paddedKey('k/', i), '1'] as const);
    await mustCommit(commitOf(null, 'one', { puts, leadership }));
    expect(await all('k/', 'k0')).toHaveLength(COMMIT_RECORDS_MAX - 2);
    const deletes = puts.map(([key]) => key);
    await mustCommit(commitOf('one', 'two', { deletes, leadership }));
    expect(await all('k/', 'k0')).toEqual([]);
  });

  test('series() lists each series period once, in any number and with names that begin alike', async () => {
    const ids: SeriesId[] = ['a', 'a0', 'a-b', 'b'].flatMap(series =>
      ['2025', '2026'].map(period => ({ tenant: 'default', series, period })),
    );
    ids.push({ tenant: 'other', series: 'a', period: '2025' });
    for (const series of ids) {
      await mustCommit(commitOf(null, 'one', { series, puts: [['pool/1', 'x']] }));
      await mustCommit(commitOf('one', 'two', { series, journal: ['journal/2', 'y'] }));
    }
    const name = ({ tenant, series, period }: SeriesId): string => `${tenant}/${series}/${period}`;
    const listed = await subject.store.series();
    expect(listed.map(name).sort()).toEqual(ids.map(name).sort());
  });

  describe('pruning', () => {
    let leadership: LeadershipGuard;

    /** Six journal entries, and leadership. */
    beforeEach(async () => {
      leadership = await subject.elect();
      const entries = [2, 3, 4, 5, 6].map(sequence => [journalKey(sequence), `entry ${sequence}`] as const);
      await mustCommit(commitOf(null, 'one', { journal: [journalKey(1), 'entry 1'], puts: entries }));
    });

    const prune = (first: number, last: number, guard = leadership): Promise<boolean> =>
      subject.store.prune({ series: SERIES, first, last, leadership: guard, ledger: null });

    /** The journal as it stands: the batches that are there, and the one it is recorded to begin with. */
    async function journal(): Promise<{ batches: number[]; start: number | null }> {
      const { record } = await subject.store.read(SERIES, KEYS.journalStart);
      const entries = await all(KEYS.journal, `${KEYS.journal}\u007f`);
      return {
        batches: entries.map(({ key }) => Number(key.slice(KEYS.journal.length))),
        start: record === null ? null : decodeJournalStart(record.value),
      };
    }

    test('deletes from the beginning, piece by piece, and records where the journal begins now', async () => {
      expect(await journal()).toEqual({ batches: [1, 2, 3, 4, 5, 6], start: null });
      expect(await prune(1, 2)).toBe(true);
      expect(await journal()).toEqual({ batches: [3, 4, 5, 6], start: 3 });
      expect(await prune(3, 5)).toBe(true);
      expect(await journal()).toEqual({ batches: [6], start: 6 });
    });

    test('leaves every other record as it is', async () => {
      const before = await all();
      await prune(1, 6);
      const others = before.filter(({ key }) => !key.startsWith(KEYS.journal));
      const after = await all();
      expect(after.filter(({ key }) => key !== KEYS.journalStart)).toEqual(others);
    });

    test('a request that arrives late, or twice, changes nothing', async () => {
      await prune(1, 3);
      await prune(4, 4);
      const before = await all();
      expect(await prune(1, 3)).toBe(false);
      expect(await prune(1, 5)).toBe(false);
      expect(await prune(4, 4)).toBe(false);
      expect(await all()).toEqual(before);
    });

    test.each([
      ['nothing was pruned yet', []],
      ['the journal begins with 3', [2]],
    ] as const)(
      'a request that is wrong about the beginning changes nothing: %s',
      async (_when, [pruned]) => {
        if (pruned !== undefined) await prune(1, pruned);
        const before = await all();
        const start = (pruned ?? 0) + 1;
        for (const first of [1, 2, 3, 4].filter(first => first !== start)) {
          expect(await prune(first, 5), `first ${first}`).toBe(false);
        }
        expect(await all()).toEqual(before);
      },
    );

    test('of 10 requests sent at once exactly one applies', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => prune(1, 3)));
      expect(answers.filter(Boolean)).toHaveLength(1);
      expect(await journal()).toEqual({ batches: [4, 5, 6], start: 4 });
    });

    test('a deposed or replaced leader prunes nothing', async () => {
      const standing = await subject.elect();
      const before = await all();
      expect(await prune(1, 3)).toBe(false);
      await subject.depose();
      expect(await prune(1, 3, standing)).toBe(false);
      expect(await all()).toEqual(before);
    });

    test('series are pruned apart', async () => {
      const other = { ...SERIES, series: 'global0' };
      await mustCommit(commitOf(null, 'uno', { series: other, journal: [journalKey(1), 'theirs'] }));
      await prune(1, 3);
      expect(await subject.store.prune({ series: other, first: 1, last: 1, leadership, ledger: null })).toBe(
        true,
      );
      expect(await journal()).toEqual({ batches: [4, 5, 6], start: 4 });
    });
  });

  describe("the ledger's position", () => {
    let election: LeadershipGuard;

    beforeEach(async () => {
      election = await subject.elect();
      const entries = [2, 3].map(sequence => [journalKey(sequence), `entry ${sequence}`] as const);
      await mustCommit(commitOf(null, 'one', { journal: [journalKey(1), 'entry 1'], puts: entries }));
    });

    const publish = (expected: string | null, value: string, guard = election): Promise<boolean> =>
      subject.store.publishLedger({ series: SERIES, expected, value, election: guard });
    const published = async (): Promise<string | undefined> =>
      (await subject.store.read(SERIES, KEYS.ledger)).record?.value;

    test('is written, and written anew over what it was', async () => {
      expect(await publish(null, 'at 1')).toBe(true);
      expect(await publish('at 1', 'at 2')).toBe(true);
      expect(await published()).toBe('at 2');
    });

    test('a write that arrives late, or twice, changes nothing', async () => {
      await publish(null, 'at 1');
      await publish('at 1', 'at 2');
      expect(await publish(null, 'at 1')).toBe(false);
      expect(await publish('at 1', 'at 2')).toBe(false);
      expect(await published()).toBe('at 2');
    });

    test('a deposed or replaced projector does not move it', async () => {
      await publish(null, 'at 1');
      const standing = await subject.elect();
      expect(await publish('at 1', 'at 2')).toBe(false);
      await subject.depose();
      expect(await publish('at 1', 'at 2', standing)).toBe(false);
      expect(await published()).toBe('at 1');
    });

    test('nothing is pruned when it reads otherwise than the one who prunes knows', async () => {
      const prune = (ledger: string | null): Promise<boolean> =>
        subject.store.prune({ series: SERIES, first: 1, last: 1, leadership: election, ledger });
      expect(await prune('at 1')).toBe(false);
      await publish(null, 'at 1');
      expect(await prune(null)).toBe(false);
      expect(await prune('at 2')).toBe(false);
      expect((await subject.store.read(SERIES, journalKey(1))).record?.value).toBe('entry 1');
      expect(await prune('at 1')).toBe(true);
      expect((await subject.store.read(SERIES, journalKey(1))).record).toBeNull();
    });
  });

  test('series keep apart: each has its own head and records', async () => {
    const other = { ...SERIES, series: 'global0' };
    await mustCommit(commitOf(null, 'one', { puts: [['pool/1', 'mine']] }));
    await mustCommit(commitOf(null, 'uno', { series: other, puts: [['pool/1', 'theirs']] }));
    expect((await subject.store.read(SERIES, 'pool/1')).record?.value).toBe('mine');
    expect((await subject.store.read(other, 'head')).record?.value).toBe('uno');
    expect(textsOf(await all('pool/', 'pool0'))).toEqual(['pool/1=mine']);
  });
});
