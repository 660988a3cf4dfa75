import { Etcd3 } from 'etcd3';
import { noop } from 'cockatiel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import { journalKey, KEYS } from '../../src/core/records.ts';
import type { SeqdNode } from '../../src/node.ts';
import { openEtcdStore } from '../../src/store/etcd/open-etcd-store.ts';
import { ownCluster, sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { etcdMethod, type Fault } from '../kit/fault-proxy.ts';
import { HttpClient } from '../kit/http-client.ts';
import { startTestNodes, verifyCluster } from '../kit/nodes.ts';
import { expectNothingLost } from '../kit/nothing-lost.ts';
import { ProxiedEtcd } from '../kit/proxied-etcd.ts';
import { type NumberedDocument, RuleClient } from '../kit/rule-client.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { until } from '../kit/until.ts';

const DOCUMENTS = 500;
/** Printed by vitest with the test's name, so that a failure can be repeated. */
const SEED = 20_260_726;

let cluster: string;
let client: RuleClient;
const http = new HttpClient();
const nodes: SeqdNode[] = [];

beforeEach(() => {
  cluster = uniqueCluster();
  client = new RuleClient({ urls: () => nodes.map(node => node.url) });
});

afterEach(async () => {
  client.close();
  await Promise.all(nodes.splice(0).map(node => node.close()));
});

async function startNodes(
  count: number,
  endpoints: readonly string[],
  options: { settings?: Record<string, string> } = {},
): Promise<SequenceApi> {
  nodes.push(...(await startTestNodes(count, { endpoints, cluster, ...options })));
  return new SequenceApi(nodes[0]!.url, http);
}

/** At least {@link DOCUMENTS}, and more until enough has happened: how many commits they take depends on how large batches become. */
async function drawUntil(enough: () => boolean, clients: number): Promise<readonly NumberedDocument[]> {
  const documents: NumberedDocument[] = [];
  for (let round = 0; round < 40 && (round === 0 || !enough()); round += 1)
    documents.push(...(await client.drawMany(DOCUMENTS, clients)));
  expect(enough()).toBe(true);
  return documents;
}

async function metric(api: SequenceApi, name: string): Promise<number> {
  const { body } = await api.get('/metrics');
  const line = String(body)
    .split('\n')
    .find(text => text.startsWith(`${name}{`) || text.startsWith(`${name} `));
  return Number(line?.slice(line.lastIndexOf(' ') + 1) ?? 0);
}

describe('with an etcd that loses messages', () => {
  let etcd: ProxiedEtcd;

  beforeEach(async () => {
    etcd = await ProxiedEtcd.start(sharedEndpoints());
  });

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(node => node.close()));
    await etcd.close();
  });

  const some = (probability: number): { probability: number; seed: number } => ({ probability, seed: SEED });

  test.each<readonly [string, Fault, number]>([
    ['swallowed replies, stream reset', { kind: 'dropReply', how: 'reset' }, 0.25],
    ['swallowed replies, connection cut', { kind: 'dropReply', how: 'disconnect' }, 0.15],
    [
      '“request timed out” though it committed',
      { kind: 'replaceReply', status: 14, message: 'etcdserver: request timed out' },
      0.25,
    ],
    [
      '“leader changed” though it committed',
      { kind: 'replaceReply', status: 14, message: 'etcdserver: leader changed' },
      0.25,
    ],
    ['commits applied twice', { kind: 'duplicateRequest' }, 0.25],
    ['lost requests, stream reset', { kind: 'dropRequest', how: 'reset' }, 0.25],
    ['lost requests, connection cut', { kind: 'dropRequest', how: 'disconnect' }, 0.15],
    [
      'requests refused without effect',
      { kind: 'reject', status: 14, message: 'etcdserver: no leader' },
      0.25,
    ],
  ])('%s: every document has one number, and the client notices nothing', async (_name, fault, chance) => {
    await startNodes(2, etcd.endpoints);
    const rules = etcd.onCommits({ fault, chance: some(chance) });
    const documents = await drawUntil(() => rules.injectedCount > 5, 16);
    expect(client.retries).toBe(0);
    rules.remove();
    await expectNothingLost(sharedEndpoints(), cluster, documents);
  });

  test.each<readonly [string, Fault]>([
    ['replies that never come', { kind: 'dropReply', how: 'hang' }],
    ['requests that never arrive', { kind: 'dropRequest', how: 'hang' }],
    ['commits that apply after the deadline', { kind: 'delayRequest', delayMs: 600 }],
    ['replies after the deadline', { kind: 'delayReply', delayMs: 600 }],
  ])('%s: every document has one number', async (_name, fault) => {
    await startNodes(2, etcd.endpoints, { settings: { 'sequence.etcd.call-timeout-ms': '400' } });
    const rules = etcd.onCommits({ fault, chance: some(0.1), times: 4 });
    const documents = await drawUntil(() => rules.injectedCount > 3, 16);
    rules.remove();
    await expectNothingLost(sharedEndpoints(), cluster, documents);
  });

  test('a commit held back past every deadline, and let go when others have committed, never applies (F2)', async () => {
    const api = await startNodes(1, etcd.endpoints, { settings: { 'sequence.etcd.call-timeout-ms': '400' } });
    await client.drawMany(5, 1);
    const rules = etcd.onCommits({ fault: { kind: 'delayRequest' }, times: 1 });
    const documents = await client.drawMany(20, 4);
    await client.drawMany(5, 1);
    rules.release();
    await until('the late commits arrive', () => rules.injectedCount > 0);
    rules.remove();
    await client.drawMany(5, 1);
    expect(await api.series()).toMatchObject({ issued: 35, next: 36, holes: 0 });
    expect(new Set(documents.map(({ number }) => number)).size).toBe(20);
    expect(await verifyCluster(sharedEndpoints(), cluster)).toMatchObject({ complete: true, issued: 35 });
    expect(await metric(api, 'seqd_commit_unknown_total')).toBeGreaterThan(0);
  });

  test('a lost reply is resolved by the node: a client without a key gets its one number', async () => {
    const api = await startNodes(1, etcd.endpoints);
    for (let number = 1; number <= 10; number += 1) {
      const rules = etcd.onCommits({ fault: { kind: 'dropReply' }, times: 1 });
      const { status, body } = await api.next();
      expect([status, body.sequenceNumber]).toEqual([200, number]);
      expect(await rules.committedCount()).toBe(1);
      rules.remove();
    }
    expect(await api.series()).toMatchObject({ issued: 10, next: 11 });
  });

  test('a refusal is not believed of a commit that an earlier attempt may have carried out', async () => {
    const api = await startNodes(1, etcd.endpoints);
    await api.next();
    const lost = etcd.onCommits({ fault: { kind: 'dropReply' }, times: 1 });
    const message = 'etcdserver: mvcc: database space exceeded';
    const full = etcd.onCommits({ fault: { kind: 'reject', status: 8, message }, times: 1 });
    const { status, body } = await api.next();
    expect([lost.injectedCount, full.injectedCount]).toEqual([1, 1]);
    expect([status, body.sequenceNumber]).toEqual([200, 2]);
    expect(await api.series()).toMatchObject({ issued: 2, next: 3 });
  });

  test('a reply lost past the request’s budget is outcome_unknown, and its key tells the outcome', async () => {
    const api = await startNodes(1, etcd.endpoints, { settings: { 'sequence.etcd.call-timeout-ms': '300' } });
    const key = { 'idempotency-key': 'document-1' };
    const rules = etcd.onCommits({ fault: { kind: 'dropReply', how: 'hang' } });
    const { status, headers, body } = await api.next({}, key);
    expect([status, body.code, body.retry]).toEqual([503, 'outcome_unknown', 'same-key']);
    expect(headers['retry-after']).toMatch(/^\d+$/);
    expect(await rules.committedCount()).toBeGreaterThan(0);
    rules.remove();
    const again = await until('the outcome is known', async () => {
      const answer = await api.next({}, key);
      return answer.status === 200 ? answer : undefined;
    });
    expect(again.body.sequenceNumber).toBe(1);
    expect(await api.series()).toMatchObject({ issued: 1, next: 2 });
  });

  test('faults of every kind at once, on three nodes: nothing is lost', async () => {
    await startNodes(3, etcd.endpoints, { settings: { 'sequence.etcd.call-timeout-ms': '400' } });
    const kinds: Fault[] = [
      { kind: 'dropReply', how: 'reset' },
      { kind: 'dropRequest', how: 'reset' },
      { kind: 'duplicateRequest' },
      { kind: 'delayRequest', delayMs: 100 },
      { kind: 'delayReply', delayMs: 100 },
      { kind: 'replaceReply', status: 14, message: 'etcdserver: request timed out' },
    ];
    const rules = kinds.map((fault, i) =>
      etcd.onCommits({ fault, chance: { probability: 0.06, seed: SEED + 10 * i } }),
    );
    const documents = await drawUntil(() => rules.every(rule => rule.injectedCount > 0), 24);
    for (const rule of rules) rule.remove();
    await expectNothingLost(sharedEndpoints(), cluster, documents);
  });

  // A transaction may be 1.5 MiB. Control characters take six bytes each in JSON, and a batch gathers while etcd is slow.
  test('requests with the longest texts there can be, gathered while etcd is slow, are all answered', async () => {
    const api = await startNodes(1, etcd.endpoints);
    const longest = (i: number, tag: string): string => `${tag}${i}`.padEnd(200, '\u0001');
    const rules = etcd.onCommits({ fault: { kind: 'delayReply', delayMs: 500 }, times: 2 });
    const answers = await Promise.all(
      Array.from({ length: 1_024 }, (_, i) =>
        api.next(
          { reference: longest(i, 'r'), clientId: longest(i, 'c'), traceId: longest(i, 't') },
          { 'idempotency-key': `${i}`.padEnd(200, 'k') },
        ),
      ),
    );
    expect(rules.injectedCount).toBeGreaterThan(0);
    const outcomes = new Set(answers.map(({ status, body }) => body.code ?? status));
    expect([...outcomes]).toEqual([200]);
  });

  test('a node that cannot read the series pauses between its attempts', async () => {
    await startNodes(1, sharedEndpoints());
    await client.drawMany(3, 1);
    await Promise.all(nodes.splice(0).map(node => node.close()));
    const message = 'etcdserver: no leader';
    await etcd.each(proxy => {
      proxy.addRule({ method: etcdMethod.range, fault: { kind: 'reject', status: 14, message } });
    });
    const api = await startNodes(1, etcd.endpoints);
    const { status, body } = await api.next();
    expect([status, body.code]).toEqual([503, 'unavailable']);
    const reads = etcd.proxies.reduce((sum, proxy) => sum + proxy.callsOf(etcdMethod.range), 0);
    await etcd.each(proxy => proxy.clearRules());
    await until('it serves', async () => (await api.next()).status === 200);
    // One request waited 2.5 s; every attempt may ask three members.
    expect(reads, 'reads while one request waited').toBeLessThan(300);
  });
});

describe('with an etcd whose members fail', () => {
  let etcd: EtcdCluster;

  beforeEach(async () => {
    etcd = await ownCluster();
  });

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(node => node.close()));
    await etcd.close();
    expect(etcd.members.filter(member => member.alive)).toEqual([]);
  });

  /** The member that leads, by asking them all. */
  async function etcdLeader(): Promise<(typeof etcd.members)[number]> {
    return until('etcd has a leader', async () => {
      const { body } = await new SequenceApi(nodes[0]!.url, http).get('/health');
      const leader = body.cluster.members.find((member: { leader?: boolean }) => member.leader);
      return etcd.members.find(member => member.alive && member.clientUrl === leader?.endpoint);
    });
  }

  test('the etcd leader killed under load, twice: serving again, and nothing is lost (F11)', async () => {
    await startNodes(2, etcd.endpoints);
    const load = client.start(16);
    for (let round = 0; round < 2; round += 1) {
      await load.more(200);
      const leader = await etcdLeader();
      await leader.kill();
      const killedAtMs = performance.now();
      await load.more(100);
      const servingAgainMs = performance.now() - killedAtMs;
      expect(servingAgainMs).toBeLessThan(10_000);
      await leader.start();
      await etcd.ready();
    }
    const documents = await load.stop();
    await expectNothingLost(etcd.endpoints, cluster, documents);
  });

  test('each member paused in turn under load: the others serve, and nothing is lost (F12)', async () => {
    await startNodes(3, etcd.endpoints);
    const load = client.start(16);
    for (const member of etcd.members) {
      await load.more(150);
      member.pause();
      await load.more(150);
      member.resume();
      await etcd.ready();
    }
    await load.more(150);
    await expectNothingLost(etcd.endpoints, cluster, await load.stop());
  });
});

test('an etcd out of space refuses with storage_full, still reads, and recovers by itself (F15)', async () => {
  const etcd = await ownCluster({ members: 1, extraArgs: [`--quota-backend-bytes=${4 * 1024 * 1024}`] });
  const direct = new Etcd3({ hosts: [...etcd.endpoints], faultHandling: { global: noop, host: () => noop } });
  try {
    const api = await startNodes(1, etcd.endpoints);
    const before = await client.drawMany(20, 4);
    const filler = Buffer.alloc(256 * 1024, 'x').toString();
    const full = await until('etcd is full', async () => {
      try {
        await direct.put(`/filler/${Math.random()}`).value(filler);
        return undefined;
      } catch (error) {
        return error as Error;
      }
    });
    expect(full.message).toMatch(/database space exceeded/);

    const { status, headers, body } = await api.next({}, { 'idempotency-key': 'while-full' });
    expect([status, body.code, body.retry]).toEqual([507, 'storage_full', 'later']);
    expect(headers['retry-after']).toMatch(/^\d+$/);
    expect(body.detail).toMatch(/space/);
    const stats = await api.get('/api/v1/sequence/stats');
    expect([stats.status, stats.body.issued, stats.body.next]).toEqual([200, 20, 21]);
    expect((await api.next({ invoiceType: 'simulated' })).body).toMatchObject({ sequenceNumber: 21 });

    await direct.delete().prefix('/filler/');
    const { header } = await direct.get('/filler/').exec();
    await direct.kv.compact({ revision: header.revision, physical: true });
    await direct.maintenance.defragment();
    await direct.maintenance.alarm({ action: 'Deactivate', memberID: header.member_id, alarm: 'Nospace' });

    const after = await client.drawMany(20, 4);
    const kept = await client.draw('while-full');
    await expectNothingLost(etcd.endpoints, cluster, [...before, ...after, kept]);
  } finally {
    direct.close();
    await Promise.all(nodes.splice(0).map(node => node.close()));
    await etcd.close();
  }
});

test('of commits that take etcd past its quota, none is called refused that was carried out (F15)', async () => {
  const etcd = await ownCluster({ members: 1, extraArgs: [`--quota-backend-bytes=${8 * 1024 * 1024}`] });
  const { store, connection } = openEtcdStore({ endpoints: etcd.endpoints, cluster, callTimeoutMs: 5_000 });
  const WRITERS = 4;
  const padding = 'x'.repeat(20_000);
  let carriedOut = 0;
  /** Commits one batch after the other until etcd refuses. */
  async function fill(writer: number): Promise<void> {
    const series = { tenant: 'default', series: `series-${writer}`, period: 'all' };
    for (let n = 1, expectedHead: string | null = null; ; n += 1, expectedHead = `head-${n - 1}`) {
      const entry = { key: journalKey(n), value: `${writer}-${n} ${padding}` };
      const puts = [{ key: KEYS.head, value: `head-${n}` }, entry];
      const outcome = await store.commit({ series, expectedHead, puts, deletes: [], journalKey: entry.key });
      const { record } = await store.read(series, entry.key);
      expect({ n, status: outcome.status, stored: record?.value === entry.value }).toEqual(
        outcome.status === 'committed'
          ? { n, status: 'committed', stored: true }
          : { n, status: 'refused', stored: false },
      );
      if (outcome.status === 'refused') return expect(outcome.code).toBe('storage_full');
      carriedOut += 1;
    }
  }
  try {
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => fill(writer)));
    expect(carriedOut).toBeGreaterThan(WRITERS);
  } finally {
    connection.close();
    await etcd.close();
  }
});
