import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { createHash } from 'node:crypto';
import type { PostgresServer } from '../../scripts/lib/postgres-server.mjs';
import { decodeBatch } from '../../src/core/batch-codec.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import { KEYS } from '../../src/core/records.ts';
import { factRowsOf } from '../../src/ledger/ledger-rows.ts';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import type { SeqdNode } from '../../src/node.ts';
import { EtcdConnection } from '../../src/store/etcd/etcd-connection.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { EtcdStore } from '../../src/store/etcd/etcd-store.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient } from '../kit/http-client.ts';
import { createTestNode, startTestNodes } from '../kit/nodes.ts';
import { expectNothingLost } from '../kit/nothing-lost.ts';
import { ownPostgres, query } from '../kit/postgres.ts';
import { readMetric } from '../kit/read-metric.ts';
import { RuleClient } from '../kit/rule-client.ts';
import { until } from '../kit/until.ts';

const CLIENTS = 16;

let cluster: string;
let postgres: PostgresServer;
let nodes: SeqdNode[];
let http: HttpClient;
let client: RuleClient;
/** Codes of the answers that were no number. */
let refusals: string[];

async function migrate(): Promise<void> {
  const limits = { connectTimeoutMs: 5_000, statementTimeoutMs: 30_000, tls: null, caFile: null };
  await migrateUp({ url: postgres.url, schema: 'seqd', ...limits });
}

const settings = (): Record<string, string> => ({
  'sequence.ledger.url': postgres.url,
  'sequence.ledger.connect-timeout-ms': '1000',
});

beforeEach(async () => {
  cluster = uniqueCluster();
  postgres = await ownPostgres();
  await migrate();
  nodes = await startTestNodes(3, { endpoints: sharedEndpoints(), cluster, settings: settings() });
  http = new HttpClient();
  refusals = [];
  client = new RuleClient({
    urls: () => nodes.map(({ url }) => url),
    onRefusal: ({ body }) => refusals.push(body.code),
  });
  onTestFinished(async () => {
    client.close();
    http.close();
    await Promise.all(nodes.map(node => node.close()));
  });
});

/** What a node's stats say, once it can. */
// oxlint-disable-next-line typescript/no-explicit-any -- as stats are
async function stats(node = nodes[0]!): Promise<any> {
  return until('stats', async () => {
    const { status, body } = await http.get(`${node.url}/api/v1/sequence/stats`);
    return status === 200 ? body : undefined;
  });
}

/** Waits until every node says that all is in the ledger. */
async function caughtUp(): Promise<void> {
  await until('the ledger has everything', async () => {
    const all = await Promise.all(nodes.map(node => stats(node)));
    return all.every(({ ledger, journal }) => ledger.state === 'ok' && ledger.position === journal.sequence);
  });
}

/** The ledger is the journal, batch by batch and fact by fact, and its chain holds. */
async function expectLedgerIsJournal(): Promise<void> {
  const connection = new EtcdConnection({ endpoints: sharedEndpoints(), callTimeoutMs: 5_000 });
  try {
    const store = new EtcdStore(connection, new EtcdKeys(cluster));
    const { records } = await store.range({
      series: GLOBAL_SERIES,
      from: KEYS.journal,
      to: `${KEYS.journal}~`,
    });
    const journal = records.map(({ value }) => value);
    const batches = await query(postgres.url, 'SELECT body, chain FROM seqd.batches ORDER BY sequence');
    expect(batches.length).toBe(journal.length);
    expect(journal.findIndex((text, i) => batches[i]!['body'] !== text)).toBe(-1);
    let previous = '0'.repeat(64);
    for (const { body, chain } of batches as { body: string; chain: string }[]) {
      expect(decodeBatch(body).previous).toBe(previous);
      previous = createHash('sha256').update(body).digest('hex');
      expect(chain).toBe(previous);
    }
    const [counted] = await query(
      postgres.url,
      'SELECT count(*)::int AS rows, sum(facts)::int AS facts FROM seqd.facts',
    );
    const rows = journal.flatMap(text => factRowsOf(decodeBatch(text)));
    expect(counted).toEqual({ rows: rows.length, facts: rows.reduce((sum, row) => sum + row.facts, 0) });
  } finally {
    connection.close();
  }
}

test('traffic goes on while PostgreSQL is stopped and started; afterwards the ledger is the history (F19)', async () => {
  const load = client.start(CLIENTS);
  await load.more(300);
  await caughtUpOnce();
  await postgres.stop();
  await until('the nodes say that the ledger is down', async () =>
    (await Promise.all(nodes.map(node => stats(node)))).every(({ ledger }) => ledger.state === 'unavailable'),
  );
  const { ledger } = await stats();
  await load.more(2_000);
  expect((await stats()).ledger.lagBatches).toBeGreaterThan(ledger.lagBatches);
  expect(await readMetric(nodes[0]!.url, 'seqd_ledger_connected')).toBe(0);
  expect(await readMetric(nodes[0]!.url, 'seqd_journal_unprojected_bytes')).toBeGreaterThan(0);
  await postgres.start();
  await postgres.ready();
  await load.more(300);
  const documents = await load.stop();
  expect({ retries: client.retries, refusals }).toEqual({ retries: 0, refusals: [] });
  await caughtUp();
  await expectLedgerIsJournal();
  await expectNothingLost(sharedEndpoints(), cluster, documents);
  for (const { url } of nodes) expect(await readMetric(url, 'seqd_ledger_lag_batches')).toBe(0);
  const writers = await Promise.all(nodes.map(({ url }) => readMetric(url, 'seqd_ledger_projector')));
  expect(writers.reduce((sum, value) => sum + value, 0)).toBe(1);
  const { sequence } = (await stats()).journal;
  const written = await Promise.all(
    nodes.map(({ url }) => readMetric(url, 'seqd_ledger_projected_batches_total')),
  );
  expect(written.reduce((sum, value) => sum + value, 0)).toBeGreaterThanOrEqual(sequence);
});

test('another node writes on when the one that writes is stopped', async () => {
  const load = client.start(CLIENTS);
  await load.more(100);
  await caughtUpOnce();
  const projector = async (): Promise<string | null> => (await stats(nodes[0])).ledger.projector;
  const first = await until('somebody who does not lead writes', async () => {
    const { ledger, cluster: view } = await stats();
    return ledger.projector !== view.leader ? ledger.projector : undefined;
  });
  const index = nodes.findIndex(({ id }) => id === first);
  const [stopped] = nodes.splice(index, 1) as [SeqdNode];
  await stopped.drain({ deadlineMs: 5_000 });
  await stopped.close();
  await load.more(200);
  await until('another one writes', async () => ![first, null].includes(await projector()));
  nodes.push(createTestNode({ endpoints: sharedEndpoints(), cluster, index: 7, settings: settings() }));
  await nodes.at(-1)!.start();
  await load.more(200);
  const documents = await load.stop();
  await caughtUp();
  await expectLedgerIsJournal();
  await expectNothingLost(sharedEndpoints(), cluster, documents);
});

async function caughtUpOnce(): Promise<void> {
  await until('the ledger follows', async () => (await stats()).ledger.position > 0);
}
