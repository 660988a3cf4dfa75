import { noop } from 'cockatiel';
import { Etcd3 } from 'etcd3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeHead, IMPORT_HEAD_FORMAT, STORED_FORMAT } from '../../src/core/head.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import { plan } from '../../src/core/plan.ts';
import { journalKey, KEYS, pageKey, planRecords } from '../../src/core/records.ts';
import { DEFAULT_WINDOW } from '../../src/core/window.ts';
import { type SeqdNode, sha256 } from '../../src/node.ts';
import { loadState } from '../../src/sequencer/load-state.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient } from '../kit/http-client.ts';
import { startTestNodes, verifyCluster } from '../kit/nodes.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { SETTINGS } from '../kit/series-world.ts';
import { until } from '../kit/until.ts';

const DRAWN = 10;
const http = new HttpClient();
let direct: Etcd3;
let cluster: string;
const nodes: SeqdNode[] = [];

beforeAll(() => {
  direct = new Etcd3({ hosts: sharedEndpoints(), faultHandling: { global: noop, host: () => noop } });
});

afterAll(() => {
  direct.close();
  http.close();
});

beforeEach(() => {
  cluster = uniqueCluster();
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(node => node.close()));
});

async function startApis(count: number, of = cluster): Promise<SequenceApi[]> {
  const started = await startTestNodes(count, { endpoints: sharedEndpoints(), cluster: of });
  nodes.push(...started);
  return started.map(node => new SequenceApi(node.url, http));
}

const keyOf = (record: string): string => new EtcdKeys(cluster).seriesRecord(GLOBAL_SERIES, record);

/** All that is stored of the series. */
async function stored(): Promise<Record<string, string>> {
  return direct.getAll().prefix(keyOf('')).strings();
}

/** Rewrites records as a version would that writes a newer format. */
async function writeNewer(...records: readonly string[]): Promise<void> {
  for (const record of records) {
    const text = await direct.get(keyOf(record)).string();
    await direct.put(keyOf(record)).value(asNewer(text!));
  }
}

function asNewer(text: string): string {
  const value = JSON.parse(text) as Record<string, unknown>;
  if ('format' in value) value['format'] = IMPORT_HEAD_FORMAT + 1;
  else value['f'] = STORED_FORMAT + 1;
  return JSON.stringify({ ...value, novelty: 'unheard of' });
}

/** Two batches, of which the second leaves a page of the pool. */
async function use(api: SequenceApi): Promise<void> {
  expect((await api.next({ count: DRAWN })).status).toBe(200);
  expect((await api.release(3)).status).toBe(200);
}

/** It refuses everything that needs the series, says so, and lives. */
async function expectRefuses(api: SequenceApi, record: string): Promise<void> {
  const answers = [
    await api.next({}, { 'idempotency-key': 'document' }),
    await api.next({ count: 2 }),
    await api.next({ invoiceType: 'simulated' }),
    await api.release(4),
    await api.get('/api/v1/sequence/stats'),
  ];
  for (const { status, headers, body } of answers) {
    expect([status, body.code, body.retry], JSON.stringify(body)).toEqual([
      500,
      'unsupported_format',
      'later',
    ]);
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
  }
  const supported = record === 'head' ? IMPORT_HEAD_FORMAT : STORED_FORMAT;
  expect(answers[0]!.body).toMatchObject({ record, format: supported + 1, supported });
  expect(answers[0]!.body.detail).toMatch(/Upgrade this node/);
  const ready = await api.get('/readyz');
  expect([ready.status, ready.body.problems]).toEqual([
    503,
    [{ name: 'series', problem: expect.stringMatching(/newer|Upgrade this node/) }],
  ]);
  expect((await api.get('/livez')).status).toBe(200);
  expect((await api.get('/health')).body).toMatchObject({ status: 'unhealthy' });
  expect((await api.get('/metrics')).status).toBe(200);
}

describe('a series with records of a newer format', () => {
  test.each([
    ['head', KEYS.head, 'head'],
    ['page of the pool', pageKey(0), 'page'],
    ['journal entry', journalKey(2), 'journal entry'],
  ])('a newer %s: a node that starts refuses it, and touches nothing (F22)', async (_what, key, record) => {
    const [writer] = await startApis(1);
    await use(writer!);
    await Promise.all(nodes.splice(0).map(node => node.close()));
    await writeNewer(key);
    const before = await stored();

    const apis = await startApis(2);
    for (const api of apis) await expectRefuses(api, record);
    const [neighbour] = await startApis(1, `${cluster}-neighbour`);
    await use(neighbour!);
    expect((await neighbour!.get('/readyz')).status).toBe(200);

    expect(await stored()).toEqual(before);
    await expect(verifyCluster(sharedEndpoints(), cluster)).rejects.toMatchObject({
      code: 'unsupported_format',
    });
  });

  test.each([
    ['head', [KEYS.head], 'head'],
    ['journal entry', [journalKey(3)], 'journal entry'],
    ['head and journal entry', [KEYS.head, journalKey(3)], 'journal entry'],
  ])(
    'a newer %s, committed while a node runs: it stops, and touches nothing (F22)',
    async (_what, keys, record) => {
      const [running] = await startApis(1);
      await use(running!);
      await commitAsNewerVersion(keys);
      const before = await stored();

      const first = await running!.next();
      expect([first.status, first.body.code]).toEqual([500, 'unsupported_format']);
      await expectRefuses(running!, record);
      const [neighbour] = await startApis(1, `${cluster}-neighbour`);
      await use(neighbour!);
      expect(await stored()).toEqual(before);
    },
  );

  test('a node that is only asked what there is stops as well, and is not ready (F22)', async () => {
    const [leader, follower] = await startApis(2);
    await use(leader!);
    await commitAsNewerVersion([KEYS.head]);
    for (const api of [leader!, follower!]) {
      const { status, body } = await api.get('/api/v1/sequence/stats');
      expect([status, body.code]).toEqual([500, 'unsupported_format']);
      await until('it is not ready', async () => (await api.get('/readyz')).status === 503, {
        timeoutMs: 5_000,
      });
    }
  });

  test('a leader that cannot read the series does not keep those from serving that can (F22, G7)', async () => {
    const [leader, follower] = await startApis(2);
    await use(leader!);
    const before = await stored();
    await writeNewer(KEYS.head);
    expect((await leader!.next()).body.code).toBe('unsupported_format');
    // The follower is to be one that reads the new format: what it has to read is what it has known all along.
    await direct.put(keyOf(KEYS.head)).value(before[keyOf(KEYS.head)]!);
    await until('the follower serves', async () => (await follower!.next()).status === 200, {
      timeoutMs: 5_000,
    });
  });
});

/** One transaction of a newer version, in which these records are of its format. */
async function commitAsNewerVersion(newer: readonly string[]): Promise<void> {
  const { store, connection } = openEtcdStore({
    endpoints: sharedEndpoints(),
    cluster,
    callTimeoutMs: 5_000,
  });
  try {
    const { state } = await loadState(store, GLOBAL_SERIES, {
      settings: SETTINGS,
      window: DEFAULT_WINDOW,
      digest: sha256,
    });
    const owner = { site: 'site-1', partition: 'partition-a', type: 'on-cycle' };
    const command = { kind: 'issue' as const, owner, count: 1 };
    const limits = { recordsMax: 100, bytesMax: 1_000_000 };
    const context = { now: state.head.time, node: 'newer', serial: 1, digest: sha256, ...limits };
    const { puts, deletes } = planRecords(plan(state, [{ command, origin: {} }], context).plan!);
    const outcome = await store.commit({
      series: GLOBAL_SERIES,
      expectedHead: encodeHead(state.head),
      puts: puts.map(({ key, value }) => ({ key, value: newer.includes(key) ? asNewer(value) : value })),
      deletes,
      journalKey: journalKey(state.head.sequence + 1),
    });
    expect(outcome.status).toBe('committed');
  } finally {
    connection.close();
  }
}
