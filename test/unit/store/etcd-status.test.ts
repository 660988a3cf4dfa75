import type { Etcd3 } from 'etcd3';
import { describe, expect, test } from 'vitest';
import type { EtcdCall, EtcdConnection } from '../../../src/store/etcd/etcd-connection.ts';
import { readMemberStatus } from '../../../src/store/etcd/etcd-status.ts';
import { RevisionMark } from '../../../src/store/revision-mark.ts';

interface Answer {
  readonly revision: number;
  readonly afterMs?: number;
  readonly leader?: string;
}

/** Members that answer with these revisions; `undefined` does not answer. The process knows of `known` already. */
function members(
  answers: Readonly<Record<string, Answer | undefined>>,
  known = 0,
): Pick<EtcdConnection, 'eachMember' | 'revisions'> {
  const revisions = new RevisionMark();
  revisions.note(known);
  return {
    revisions,
    eachMember: <T>(call: EtcdCall<T>) =>
      Promise.all(
        Object.entries(answers).map(async ([endpoint, answer]) => {
          const client = { maintenance: { status: () => tell(endpoint, answer) } } as unknown as Etcd3;
          try {
            return { endpoint, value: await call(client, {}) };
          } catch (error) {
            return { endpoint, error };
          }
        }),
      ),
  };
}

async function tell(endpoint: string, answer: Answer | undefined): Promise<object> {
  if (answer === undefined) throw new Error('it is dead');
  const { revision, afterMs = 0, leader = 'a' } = answer;
  await new Promise(resolve => setTimeout(resolve, afterMs));
  const header = { member_id: endpoint, revision: String(revision) };
  return { header, leader, version: '3.5.33', dbSize: '1000', raftTerm: '2' };
}

async function behind(connection: ReturnType<typeof members>): Promise<unknown[]> {
  const status = await readMemberStatus(connection);
  return status.map(({ revision, behindRevisions }) => [revision, behindRevisions]);
}

describe('etcd members', () => {
  test('tell their revision and role; of one that does not answer neither is known', async () => {
    const found = await readMemberStatus(members({ a: { revision: 50 }, b: { revision: 50 }, c: undefined }));
    expect(found).toMatchObject([
      { endpoint: 'a', healthy: true, leader: true, revision: 50, behindRevisions: 0, databaseBytes: 1000 },
      { endpoint: 'b', healthy: true, leader: false, revision: 50, behindRevisions: 0, raftTerm: 2 },
      { endpoint: 'c', healthy: false },
    ]);
    expect(Object.keys(found[2]!)).toEqual(['endpoint', 'healthy', 'error']);
  });

  test('that have applied less than this process knows are behind, though they answer first or alone', async () => {
    const cut = { revision: 40, leader: '0' };
    expect(await behind(members({ a: { revision: 55, afterMs: 5 }, b: cut }, 50))).toEqual([
      [55, 0],
      [40, 10],
    ]);
    expect(await behind(members({ a: undefined, b: cut }, 50))).toEqual([
      [undefined, undefined],
      [40, 10],
    ]);
  });

  test('that answer late are held against those that came before, and do not make these look behind', async () => {
    expect(await behind(members({ a: { revision: 50 }, b: { revision: 900, afterMs: 5 } }))).toEqual([
      [50, 0],
      [900, 0],
    ]);
    expect(await behind(members({ a: { revision: 50 }, b: { revision: 30, afterMs: 5 } }))).toEqual([
      [50, 0],
      [30, 20],
    ]);
  });
});
