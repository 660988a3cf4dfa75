import { afterAll, beforeAll, expect, test } from 'vitest';
import { STORE_SUBJECTS, type StoreUnderTest } from '../contract/store-subjects.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import type { Commit } from '../../src/ports/sequence-store.ts';

const openEtcd = STORE_SUBJECTS.find(([name]) => name === 'etcd')![1];
let subject: StoreUnderTest;

beforeAll(async () => {
  subject = await openEtcd();
});

afterAll(() => subject.close());

test('a hand-over to a lease that has ended is refused for good, and nothing of the commit is done', async () => {
  const leadership = await subject.elect();
  const commit: Commit = {
    series: GLOBAL_SERIES,
    expectedHead: null,
    leadership,
    puts: [
      { key: 'head', value: 'one' },
      { key: 'journal/1', value: 'first' },
    ],
    deletes: [],
    journalKey: 'journal/1',
  };
  const transfer = { key: leadership.key, value: 'heir', lease: '4711' };
  const refusal = { status: 'refused', code: 'unavailable', final: true };
  expect(await subject.store.commit({ ...commit, transfer })).toMatchObject(refusal);
  expect((await subject.store.read(GLOBAL_SERIES, 'head')).record).toBeNull();
  // Leadership stands as before, and without the hand-over the commit applies.
  expect(await subject.store.commit(commit)).toMatchObject({ status: 'committed' });
  // Where the compares no longer hold, the lease is not even looked at: an earlier attempt that applied is found.
  expect(await subject.store.commit({ ...commit, transfer })).toMatchObject({
    status: 'conflict',
    journal: { value: 'first' },
  });
});
