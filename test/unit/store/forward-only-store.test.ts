import { beforeEach, describe, expect, test } from 'vitest';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import type { Commit, CommitOutcome, SequenceStore } from '../../../src/ports/sequence-store.ts';
import { ForwardOnlyStore } from '../../../src/store/forward-only-store.ts';
import { MemoryStore } from '../../../src/store/memory/memory-store.ts';
import { RevisionMark } from '../../../src/store/revision-mark.ts';

const COMMIT: Commit = {
  series: GLOBAL_SERIES,
  expectedHead: null,
  puts: [
    { key: 'head', value: 'one' },
    { key: 'journal/1', value: 'entry' },
  ],
  deletes: [],
  journalKey: 'journal/1',
};

let inner: MemoryStore;
let revisions: RevisionMark;
let store: SequenceStore;

beforeEach(() => {
  inner = new MemoryStore();
  revisions = new RevisionMark();
  store = new ForwardOnlyStore(inner, { revisions, recoverable: true });
});

const answering = (outcome: CommitOutcome): void => {
  inner.commit = () => Promise.resolve(outcome);
};
const read = (): Promise<unknown> => store.read(GLOBAL_SERIES, 'head');

describe('a store whose revision goes on', () => {
  test('is passed through', async () => {
    expect(await store.commit(COMMIT)).toMatchObject({ status: 'committed', revision: 2 });
    expect(await store.commit(COMMIT)).toMatchObject({ status: 'conflict', head: 'one' });
    expect(await store.read(GLOBAL_SERIES, 'head')).toMatchObject({ revision: 2 });
    const { records } = await store.range({ series: GLOBAL_SERIES, from: '', to: 'z', revision: 1 });
    expect(records).toEqual([]);
    expect(await store.series()).toEqual([GLOBAL_SERIES]);
  });

  test('may answer with less than what was seen only after the call was sent', async () => {
    let answer!: (outcome: CommitOutcome) => void;
    inner.commit = () => new Promise(resolve => (answer = resolve));
    const committing = store.commit(COMMIT);
    revisions.note(50);
    answer({ status: 'committed', revision: 10 });
    expect(await committing).toMatchObject({ status: 'committed' });
  });

  test('may have carried an earlier attempt out, which was found by looking', async () => {
    revisions.note(50);
    answering({ status: 'committed', revision: 40, found: true });
    expect(await store.commit(COMMIT)).toMatchObject({ status: 'committed' });
  });
});

describe('a store whose revision has fallen', () => {
  test.each([49, 50])('does not commit at revision %i after 50 was seen', async revision => {
    revisions.note(50);
    answering({ status: 'committed', revision });
    expect(await store.commit(COMMIT)).toMatchObject({
      status: 'set-back',
      sent: true,
      error: { code: 'behind_ledger' },
    });
  });

  test('is not believed that our own entry is in the journal', async () => {
    revisions.note(50);
    const journal = { key: 'journal/1', value: 'entry', revision: 7 };
    answering({ status: 'conflict', head: 'one', journal, deposed: false, revision: 49 });
    expect(await store.commit(COMMIT)).toMatchObject({ status: 'set-back', sent: true });
  });

  test('is not read, however far it climbs', async () => {
    revisions.note(50);
    await expect(read()).rejects.toMatchObject({ code: 'behind_ledger' });
    revisions.note(60);
    await expect(read()).rejects.toMatchObject({ code: 'behind_ledger' });
    await expect(store.range({ series: GLOBAL_SERIES, from: '', to: 'z' })).rejects.toMatchObject({
      code: 'behind_ledger',
    });
    await expect(store.series()).rejects.toMatchObject({ code: 'behind_ledger' });
  });

  test('is sent nothing more until a recovery', async () => {
    revisions.note(50);
    await expect(read()).rejects.toThrow();
    expect(await store.commit(COMMIT)).toMatchObject({ status: 'set-back', sent: false });
    expect(await inner.read(GLOBAL_SERIES, 'head')).toMatchObject({ record: null });
    revisions.forget(1);
    expect(await store.commit(COMMIT)).toMatchObject({ status: 'committed' });
  });

  test('is not found again by an answer from before the recovery', () => {
    revisions.note(50);
    const before = revisions.look();
    revisions.answered(before, 20);
    revisions.forget(20);
    revisions.answered(before, 20);
    expect(revisions.fallen).toBeUndefined();
  });

  test('stops the series for good where there is no way back', async () => {
    store = new ForwardOnlyStore(inner, { revisions, recoverable: false });
    revisions.note(50);
    await expect(read()).rejects.toMatchObject({ code: 'invariant_violated' });
  });
});
