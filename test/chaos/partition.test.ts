import { afterEach, beforeEach, expect, test } from 'vitest';
import { findFreePorts } from '../../scripts/lib/ports.mjs';
import type { SeqdNode } from '../../src/node.ts';
import { etcdLeader, uniqueCluster } from '../kit/etcd.ts';
import { type HttpAnswer, HttpClient } from '../kit/http-client.ts';
import { createTestNode } from '../kit/nodes.ts';
import { expectNothingLost } from '../kit/nothing-lost.ts';
import { PartitionableEtcd } from '../kit/partitionable-etcd.ts';
import { type NumberedDocument, RuleClient } from '../kit/rule-client.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { TcpGate } from '../kit/tcp-gate.ts';
import { until } from '../kit/until.ts';

/** Without a quorum a node refuses within this (G7). */
const ANSWERED_MS = 3_000;
const PATIENT = { timeoutMs: 60_000 };

interface Place {
  readonly node: SeqdNode;
  readonly api: SequenceApi;
  /** What other nodes reach it through. */
  readonly gate: TcpGate;
}

let etcd: PartitionableEtcd;
let cluster: string;
let http: HttpClient;
const places: Place[] = [];
const clients: RuleClient[] = [];

beforeEach(async () => {
  etcd = await PartitionableEtcd.start();
  cluster = uniqueCluster();
  http = new HttpClient();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  http.close();
  etcd.heal();
  for (const { gate } of places) gate.mend();
  await Promise.all(places.map(({ node }) => node.close()));
  await Promise.all(places.splice(0).map(({ gate }) => gate.close()));
  await etcd.close();
  expect(etcd.cluster.members.filter(member => member.alive)).toEqual([]);
});

async function startPlace(endpoints: readonly string[]): Promise<Place> {
  const [port] = await findFreePorts(1);
  const gate = await TcpGate.start(port!);
  const node = createTestNode({
    endpoints,
    cluster,
    index: places.length,
    settings: { 'server.port': `${port!}`, 'server.advertise-url': gate.url },
  });
  const place = { node, gate, api: new SequenceApi(`http://127.0.0.1:${port!}`, http) };
  places.push(place);
  await node.start();
  return place;
}

function clientOf(...of: readonly Place[]): RuleClient {
  const urls = of.map(({ api }) => api.url);
  const client = new RuleClient({ urls: () => urls, budgetMs: 120_000 });
  clients.push(client);
  return client;
}

async function leaderSeenBy({ api }: Place): Promise<string | null> {
  return (await api.get('/health')).body.cluster.leader;
}

const isReady = async ({ api }: Place): Promise<boolean> => (await api.get('/readyz')).status === 200;

function expectRefusal({ status, headers, body }: HttpAnswer, codes: readonly string[]): void {
  expect(status, JSON.stringify(body)).toBe(503);
  expect(codes).toContain(body.code);
  expect(headers['retry-after']).toMatch(/^\d+$/);
}

async function timed(send: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
  const startedAtMs = performance.now();
  const answer = await send();
  expect(performance.now() - startedAtMs, 'milliseconds until the answer').toBeLessThan(ANSWERED_MS);
  return answer;
}

/**
 * Asks a node for stats and a preview until told to stop, and compares with what clients hold when it asks: it may
 * refuse, but never say less.
 */
class StaleWatch {
  /** Answers of stats and previews together. */
  answered = 0;
  refused = 0;
  private readonly api: SequenceApi;
  private readonly newest: () => number;
  private readonly stale: string[] = [];
  private readonly done: Promise<void>;
  private running = true;

  constructor({ api }: Place, newest: () => number) {
    this.api = api;
    this.newest = newest;
    this.done = this.watch();
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.done;
    expect(this.stale).toEqual([]);
  }

  private async watch(): Promise<void> {
    while (this.running) {
      await Promise.all([
        this.ask('stats', () => this.api.get('/api/v1/sequence/stats')),
        this.ask('preview', () => this.api.next({ invoiceType: 'simulated' })),
      ]);
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }

  private async ask(what: string, send: () => Promise<HttpAnswer>): Promise<void> {
    const newest = this.newest();
    const { status, headers, body } = await send();
    if (status === 503 && body.code === 'unavailable' && headers['retry-after'] !== undefined) {
      this.refused += 1;
      return;
    }
    this.answered += 1;
    const next = what === 'stats' ? body.next : body.sequenceNumber;
    if (status !== 200 || next <= newest)
      this.stale.push(`${what}: ${status}, next ${next}, though ${newest} was given`);
  }
}

test.each<readonly [string, { ofEtcdLeader: boolean; leads: boolean; nodesCut: boolean }]>([
  ['with an etcd follower', { ofEtcdLeader: false, leads: false, nodesCut: true }],
  ['with the etcd leader', { ofEtcdLeader: true, leads: false, nodesCut: true }],
  ['with an etcd follower, while it leads', { ofEtcdLeader: false, leads: true, nodesCut: true }],
  ['with the etcd leader, while it leads', { ofEtcdLeader: true, leads: true, nodesCut: true }],
  [
    'with the etcd leader, while it leads and other nodes reach it',
    { ofEtcdLeader: true, leads: true, nodesCut: false },
  ],
])(
  'a node cut off %s refuses and says nothing old; the others go on, and nothing is lost (F13)',
  async (_name, { ofEtcdLeader, leads, nodesCut }) => {
    const etcdLeads = await etcdLeader(etcd.cluster);
    const isolated = etcd.cluster.members.find(member => (member === etcdLeads) === ofEtcdLeader)!;
    const majority = etcd.cluster.endpoints.filter(endpoint => endpoint !== isolated.clientUrl);
    // The first to start leads.
    const first = await startPlace(leads ? [isolated.clientUrl] : majority);
    const second = await startPlace(majority);
    const third = await startPlace(leads ? majority : [isolated.clientUrl]);
    const [cutOff, others] = leads ? [first, [second, third]] : [third, [first, second]];
    expect(await leaderSeenBy(others[1]!)).toBe(first.node.id);

    const load = clientOf(...others).start(12);
    const viaCutOff = clientOf(cutOff);
    const early = await viaCutOff.drawMany(20, 4);
    await load.more(100);
    const newest = (): number => load.documents.reduce((max, { number }) => Math.max(max, number), 0);
    const watch = new StaleWatch(cutOff, newest);
    await until('the node answers', () => watch.answered > 4, PATIENT);

    etcd.isolate(isolated);
    if (nodesCut) for (const { gate } of places) gate.cut();
    await until('the node knows', async () => !(await isReady(cutOff)), PATIENT);
    await load.more(200);

    const keys = Array.from({ length: 12 }, (_, i) => `cut-off-${i}`);
    const firstTriedAtMs = performance.now();
    for (const wave of [keys.slice(0, 6), keys.slice(6)]) {
      const answers = await Promise.all(
        wave.map(key => timed(() => cutOff.api.next({}, { 'idempotency-key': key }))),
      );
      for (const answer of answers) expectRefusal(answer, ['unavailable', 'outcome_unknown']);
    }
    const looks = await Promise.all([
      timed(() => cutOff.api.get('/api/v1/sequence/stats')),
      timed(() => cutOff.api.next({ invoiceType: 'simulated' })),
    ]);
    for (const look of looks) expectRefusal(look, ['unavailable']);
    const answered = watch.answered;
    const refused = watch.refused;
    await until('it is asked for more', () => watch.refused >= refused + 4, PATIENT);
    expect(watch.answered, 'answers of a node without a quorum').toBe(answered);
    expect((await cutOff.api.get('/livez')).status).toBe(200);
    await until(
      'the others are led by one of theirs',
      async () => {
        const seen = await Promise.all(others.map(leaderSeenBy));
        return seen[0] === seen[1] && others.some(({ node }) => node.id === seen[0]);
      },
      PATIENT,
    );
    await load.more(200);

    etcd.heal();
    for (const { gate } of places) gate.mend();
    await etcd.cluster.ready();
    await until('the node is ready again', () => isReady(cutOff), PATIENT);
    const retried: NumberedDocument[] = [];
    for (const key of keys) {
      const document = await viaCutOff.draw(key);
      // What the cut held back may have been carried out as soon as it was mended, before this retry.
      retried.push({ ...document, operation: { ...document.operation, invokedAtMs: firstTriedAtMs } });
    }
    const late = await viaCutOff.drawMany(40, 4);
    await until('it answers again', () => watch.answered > answered + 6, PATIENT);
    await load.more(100);
    await watch.stop();
    const documents = [...early, ...retried, ...late, ...(await load.stop())];
    await expectNothingLost(etcd.cluster.endpoints, cluster, documents);
    await until(
      'all agree on who leads',
      async () => {
        const seen = new Set(await Promise.all(places.map(leaderSeenBy)));
        return seen.size === 1 && !seen.has(null);
      },
      PATIENT,
    );
  },
);

test('a node cut off from the quorum, but not from the leader, has it draw for it, and says nothing old itself (F13)', async () => {
  const etcdLeads = await etcdLeader(etcd.cluster);
  const isolated = etcd.cluster.members.find(member => member !== etcdLeads)!;
  const majority = etcd.cluster.endpoints.filter(endpoint => endpoint !== isolated.clientUrl);
  const leader = await startPlace(majority);
  const cutOff = await startPlace([isolated.clientUrl]);
  const load = clientOf(leader).start(6);
  await load.more(50);

  etcd.isolate(isolated);
  await until('the node knows', async () => !(await isReady(cutOff)), PATIENT);
  const through = await clientOf(cutOff).drawMany(50, 4);
  expectRefusal(await timed(() => cutOff.api.get('/api/v1/sequence/stats')), ['unavailable']);
  expectRefusal(await timed(() => cutOff.api.next({ invoiceType: 'simulated' })), ['unavailable']);

  etcd.heal();
  await until('the node is ready again', () => isReady(cutOff), PATIENT);
  await load.more(50);
  const documents = [...through, ...(await load.stop())];
  await expectNothingLost(etcd.cluster.endpoints, cluster, documents);
  expect((await cutOff.api.series())['issued']).toBe(documents.length);
});
