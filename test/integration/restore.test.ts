import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { EtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import type { PostgresServer } from '../../scripts/lib/postgres-server.mjs';
import { runCli } from '../../src/cli/program.ts';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import type { SeqdNode } from '../../src/node.ts';
import { ownCluster, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient, nextBody } from '../kit/http-client.ts';
import { createTestNode, startTestNodes, verifyCluster } from '../kit/nodes.ts';
import { ownPostgres, query } from '../kit/postgres.ts';
import { pruneJournal } from '../kit/pruned-journal.ts';
import { readMetric } from '../kit/read-metric.ts';
import { type NumberedDocument, RuleClient } from '../kit/rule-client.ts';
import { until } from '../kit/until.ts';

const CLIENTS = 32;
const run = promisify(execFile);

let cluster: string;
let etcd: EtcdCluster;
let postgres: PostgresServer;
let directory: string;
let nodes: SeqdNode[];
let http: HttpClient;
let client: RuleClient;

const settings = (): Record<string, string> => ({
  'sequence.ledger.url': postgres.url,
  'sequence.ledger.connect-timeout-ms': '1000',
});

beforeEach(async () => {
  cluster = uniqueCluster();
  directory = await mkdtemp(join(tmpdir(), 'seqd-restore-'));
  [etcd, postgres] = await Promise.all([ownCluster(), ownPostgres()]);
  const limits = { connectTimeoutMs: 5_000, statementTimeoutMs: 30_000, tls: null, caFile: null };
  await migrateUp({ url: postgres.url, schema: 'seqd', ...limits });
  nodes = [];
  http = new HttpClient();
  client = new RuleClient({ urls: () => nodes.map(({ url }) => url) });
  onTestFinished(async () => {
    client.close();
    http.close();
    await stopNodes();
    await etcd.close();
    await rm(directory, { recursive: true, force: true });
  });
});

async function startNodes(): Promise<void> {
  nodes = await startTestNodes(3, { endpoints: etcd.endpoints, cluster, settings: settings() });
}

async function stopNodes(): Promise<void> {
  await Promise.all(nodes.splice(0).map(node => node.close()));
}

/** Runs a command, and gives what it printed. */
async function seqd(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const code = await runCli(
    ['node', 'seqd', ...args, '--cluster', cluster, '--etcd-endpoints', etcd.endpoints.join(',')],
    {
      env: { DATABASE_URL: postgres.url, SEQD_URL: nodes[0]?.url ?? '' },
      stdout: { write: text => (said.out += text) },
      stderr: { write: text => (said.err += text) },
      serve: async () => 1,
      cwd: directory,
    },
  );
  return { code, ...said };
}

/** Waits until every node says that all is in the ledger. */
async function caughtUp(): Promise<void> {
  await until('the ledger has everything', async () => {
    const all = await Promise.all(
      nodes.map(async ({ url }) => (await http.get(`${url}/api/v1/sequence/stats`)).body),
    );
    return all.every(({ ledger, journal }) => ledger?.state === 'ok' && ledger.position === journal.sequence);
  });
}

/**
 * Backs etcd up as docs/runbook.md says: a snapshot taken while it runs, from which each member is made anew. Needs `etcdctl`, which is no part of the
 * etcd that the project fetches; without it the members' data is copied while they are stopped. Gives what restores it.
 */
async function backUpEtcd(): Promise<() => Promise<void>> {
  const env = { ...process.env, ETCDCTL_API: '3' };
  if ((await run('etcdctl', ['version'], { env }).catch(() => undefined)) === undefined) {
    await etcd.backup(join(directory, 'etcd'));
    return () => etcd.restore(join(directory, 'etcd'));
  }
  const snapshot = join(directory, 'etcd.db');
  await run('etcdctl', [`--endpoints=${etcd.endpoints[0]}`, 'snapshot', 'save', snapshot], { env });
  const { token, members } = JSON.parse(await readFile(join(etcd.dataDir, 'cluster.json'), 'utf8')) as {
    token: string;
    members: { name: string; peerPort: number }[];
  };
  const peerUrl = (name: string): string =>
    `http://127.0.0.1:${members.find(plan => plan.name === name)!.peerPort}`;
  return async () => {
    await Promise.all(etcd.members.map(member => member.stop({ graceMs: 1_000 })));
    for (const { name, dataDir } of etcd.members) {
      await rm(dataDir, { recursive: true });
      const flags = [
        `--name=${name}`,
        `--data-dir=${dataDir}`,
        `--initial-cluster=${members.map(plan => `${plan.name}=${peerUrl(plan.name)}`).join(',')}`,
        `--initial-cluster-token=${token}-restored`,
        `--initial-advertise-peer-urls=${peerUrl(name)}`,
      ];
      await run('etcdctl', ['snapshot', 'restore', snapshot, ...flags], { env });
    }
    await Promise.all(etcd.members.map(member => member.start()));
    await etcd.ready();
  };
}

/**
 * Backs PostgreSQL up while it is written, as docs/runbook.md says: `pg_dump`, where there is one that is not older than the server; else
 * the schema is copied in one transaction. Gives what restores it.
 */
async function backUpLedger(): Promise<() => Promise<void>> {
  const [server] = await query(
    postgres.url,
    "SELECT current_setting('server_version_num')::int / 10000 AS major",
  );
  const version = await run('pg_dump', ['--version']).catch(() => ({ stdout: '' }));
  if (Number(/ (\d+)\./.exec(version.stdout)?.[1] ?? 0) >= (server!['major'] as number)) {
    const dump = join(directory, 'ledger.dump');
    await run('pg_dump', ['--format=custom', '--schema=seqd', `--file=${dump}`, postgres.url]);
    return async () => {
      await run('pg_restore', [
        '--clean',
        '--if-exists',
        '--single-transaction',
        `--dbname=${postgres.url}`,
        dump,
      ]);
    };
  }
  const tables = ['series', 'owners', 'batches', 'facts'];
  await query(
    postgres.url,
    [
      'BEGIN ISOLATION LEVEL REPEATABLE READ',
      'CREATE SCHEMA saved',
      ...tables.map(copyTo('saved', 'seqd')),
      'COMMIT',
    ].join(';'),
  );
  return async () => {
    const restored = tables.map(
      table => `INSERT INTO seqd.${table} OVERRIDING SYSTEM VALUE SELECT * FROM saved.${table}`,
    );
    await query(
      postgres.url,
      [
        'BEGIN',
        `TRUNCATE ${tables.map(table => `seqd.${table}`).join(', ')} CASCADE`,
        ...restored,
        'COMMIT',
      ].join(';'),
    );
  };
}

function copyTo(to: string, from: string): (table: string) => string {
  return table => `CREATE TABLE ${to}.${table} AS SELECT * FROM ${from}.${table}`;
}

/** What a node answers to a draw. */
async function draw(node: SeqdNode, key: string) {
  return http.post(`${node.url}/api/v1/sequence/next`, nextBody({}), { 'idempotency-key': key });
}

async function expectAllRefuse(): Promise<void> {
  await until('all nodes refuse', async () => {
    const answers = await Promise.all(nodes.map((node, i) => draw(node, `refused-${i}-${Math.random()}`)));
    for (const { status } of answers) expect(status).not.toBe(200);
    return answers.every(({ body }) => body.code === 'behind_ledger');
  });
  for (const { url } of nodes) {
    await until('each by itself', async () => (await readMetric(url, 'seqd_restore_guard')) === 1);
    const ready = await http.get(`${url}/readyz`);
    expect(ready.status).toBe(503);
    expect(JSON.stringify(ready.body)).toContain('seqd recover');
  }
}

/** Gives numbers back: they wait in the pool, and are drawn first. */
async function release(documents: readonly NumberedDocument[]): Promise<void> {
  for (const { number, allocationId } of documents) {
    const { status, body } = await http.post(
      `${nodes[0]!.url}/api/v1/sequence/release`,
      nextBody({ sequenceNumber: number, allocationId, reason: 'cancelled' }),
    );
    expect({ status, body }).toMatchObject({ status: 200 });
  }
}

function expectEachOnce(documents: readonly NumberedDocument[]): void {
  const numbers = documents.map(({ number }) => number);
  expect(new Set(numbers).size).toBe(numbers.length);
}

test('etcd restored from a snapshot taken 5,000 numbers earlier: refusal, recover, no number twice (F23, G8)', async () => {
  await startNodes();
  const before = [...(await client.drawMany(500, CLIENTS))];
  // In the snapshot they are in the pool; what is lost draws them.
  await release(before.splice(-10));
  await caughtUp();
  const restoreEtcd = await backUpEtcd();
  const lost = [...(await client.drawMany(5_000, CLIENTS))];
  const given = lost.splice(1, 5);
  await release(given);
  await caughtUp();
  await stopNodes();
  await restoreEtcd();
  await startNodes();
  await expectAllRefuse();

  const dry = await seqd('recover', '--dry-run');
  expect(dry).toMatchObject({ code: 0 });
  expect(dry.out).toContain('dry run, nothing was changed');
  expect(dry.out).toContain('5 numbers of the pool would become void');
  const recovered = await seqd('recover', '--yes', '--actor', 'test');
  process.stderr.write(recovered.out);
  expect(recovered).toMatchObject({ code: 0 });
  expect(recovered.out).toContain('serving has resumed on 3 nodes');
  expect(recovered.out).toContain('5 numbers of the pool became void');
  expect(recovered.out).toMatch(/complete/i);

  // What was issued after the snapshot is known again, and so are its keys.
  for (const document of [before[0]!, lost[0]!, lost.at(-1)!]) {
    const { number, allocationId } = document;
    expect(await client.draw(document.key)).toMatchObject({ number, allocationId });
  }
  const after = await client.drawMany(1_000, CLIENTS);
  // Not even those: a batch that the ledger has not may have drawn them.
  expectEachOnce([...before, ...lost, ...given, ...after]);
  expect(await verifyCluster(etcd.endpoints, cluster)).toMatchObject({ complete: true });
  await caughtUp();
  const verified = await seqd('verify', '--ledger');
  process.stderr.write(verified.out);
  expect(verified).toMatchObject({ code: 0 });
  const raises = await query(
    postgres.url,
    "SELECT first, last, reason, actor FROM seqd.facts WHERE kind = 'raise'",
  );
  expect(raises).toEqual([expect.objectContaining({ first: '5491', actor: 'test' })]);
  const again = await seqd('recover', '--yes');
  expect(again.out).toContain('nothing to recover');
}, 180_000);

test('nodes that run through the restore refuse, and serve again after a recovery without a restart', async () => {
  await startNodes();
  const before = await client.drawMany(200, CLIENTS);
  await caughtUp();
  const restoreEtcd = await backUpEtcd();
  const lost = [...(await client.drawMany(500, CLIENTS))];
  await release(lost.splice(-20));
  await caughtUp();
  // The last numbers are in no ledger, and only the nodes know of them: 20 from the pool, and 80 from the counter.
  await postgres.stop();
  const unknown = await client.drawMany(100, CLIENTS);
  await restoreEtcd();
  await postgres.start();
  await postgres.ready();
  await expectAllRefuse();
  const recovered = await seqd('recover', '--yes', '--margin', '0');
  process.stderr.write(recovered.out + recovered.err);
  expect(recovered).toMatchObject({ code: 0 });
  expect(recovered.out).toContain('20 numbers of the pool became void');
  expect(recovered.out).toMatch(/of the nodes that run, http\S+ saw it go furthest: next number 781/);
  const after = await client.drawMany(500, CLIENTS);
  expectEachOnce([...before, ...lost, ...unknown, ...after]);
  expect(Math.min(...after.map(({ number }) => number))).toBe(781);
  expect(await verifyCluster(etcd.endpoints, cluster)).toMatchObject({ complete: true });
}, 180_000);

test('PostgreSQL restored from an older dump: the ledger catches up from the journal, and numbers are issued meanwhile', async () => {
  await startNodes();
  const before = await client.drawMany(300, CLIENTS);
  await caughtUp();
  const restore = await backUpLedger();
  const later = await client.drawMany(300, CLIENTS);
  await caughtUp();
  await restore();
  const after = await client.drawMany(300, CLIENTS);
  await until('the ledger has everything again', async () => {
    const [row] = await query(postgres.url, 'SELECT sequence FROM seqd.series');
    const { body } = await http.get(`${nodes[0]!.url}/api/v1/sequence/stats`);
    return Number(row?.['sequence']) === body.journal?.sequence;
  });
  expectEachOnce([...before, ...later, ...after]);
  const verified = await seqd('verify', '--ledger');
  expect(verified).toMatchObject({ code: 0 });
}, 180_000);

test('PostgreSQL down at a start: the node waits for it, then serves and says so; a strict one does not', async () => {
  await startNodes();
  await client.drawMany(50, 4);
  await caughtUp();
  await stopNodes();
  await postgres.stop();
  const patient = { ...settings(), 'sequence.ledger.guard-wait-ms': '1000' };
  const strict = { ...patient, 'sequence.ledger.guard-strict': 'true' };
  nodes = [
    createTestNode({ endpoints: etcd.endpoints, cluster, index: 0, settings: patient }),
    createTestNode({ endpoints: etcd.endpoints, cluster, index: 1, settings: strict }),
  ];
  for (const node of nodes) await node.start();
  expect((await draw(nodes[0]!, 'without')).status).toBe(200);
  const { body } = await http.get(`${nodes[0]!.url}/api/v1/sequence/stats`);
  expect(body.restoreGuard.state).toBe('unverified');
  expect(await draw(nodes[1]!, 'strict')).toMatchObject({
    status: 503,
    body: { code: 'ledger_unavailable' },
  });
  await postgres.start();
  await postgres.ready();
  await until('both have compared', async () => {
    const all = await Promise.all(
      nodes.map(async ({ url }) => (await http.get(`${url}/api/v1/sequence/stats`)).body),
    );
    return all.every(({ restoreGuard }) => restoreGuard?.state === 'verified');
  });
  expect((await draw(nodes[1]!, 'strict')).status).toBe(200);
}, 180_000);

test('PostgreSQL restored from a dump that is too old: refused until a newer one is restored', async () => {
  await startNodes();
  const before = await client.drawMany(100, 4);
  await caughtUp();
  const [row] = await query(postgres.url, 'SELECT sequence, chain, next FROM seqd.series');
  const restoreOld = await backUpLedger();
  await client.drawMany(200, 4);
  await caughtUp();
  const sequence = Number(row!['sequence']);
  await pruneJournal(sequence + 11, { endpoints: etcd.endpoints, cluster });
  const body = await query(postgres.url, 'SELECT * FROM seqd.batches');
  await restoreOld();
  await until('all nodes refuse', async () =>
    (await Promise.all(nodes.map((node, i) => draw(node, `too-old-${i}-${Math.random()}`)))).every(
      answer => answer.body.code === 'behind_ledger',
    ),
  );
  const refused = await draw(nodes[0]!, 'too-old');
  expect(refused.body.detail).toContain('a newer backup of PostgreSQL');
  const hopeless = await seqd('recover', '--yes');
  expect(hopeless).toMatchObject({ code: 1 });
  expect(hopeless.err).toContain(`batches ${sequence + 1} to ${sequence + 10} are in neither`);
  expect(await seqd('recover', '--yes', '--accept-hole')).toMatchObject({ code: 0 });
  await client.drawMany(20, 4);
  await caughtUp();
  const verified = await seqd('verify', '--ledger');
  expect(verified).toMatchObject({ code: 0 });
  expect(verified.out).toContain(`documented hole: batches ${sequence + 1} to ${sequence + 10}`);
  expect(body.length).toBeGreaterThan(sequence);
  expect(before.length).toBe(100);
}, 180_000);

test('numbers issued after a restore, before PostgreSQL could tell: the conflicts are named, and both histories kept', async () => {
  await startNodes();
  const before = await client.drawMany(100, 4);
  await caughtUp();
  const restoreEtcd = await backUpEtcd();
  const lost = await client.drawMany(300, 4);
  await caughtUp();
  await stopNodes();
  await Promise.all([restoreEtcd(), postgres.stop()]);
  const unguarded = { ...settings(), 'sequence.ledger.guard-wait-ms': '0' };
  nodes = await startTestNodes(3, { endpoints: etcd.endpoints, cluster, settings: unguarded });
  const twice = await client.drawMany(50, 4);
  await postgres.start();
  await postgres.ready();
  await until('all have compared', async () =>
    (await Promise.all(nodes.map(({ url }) => readMetric(url, 'seqd_restore_guard')))).every(Boolean),
  );
  await expectAllRefuse();
  const told = await seqd('recover', '--yes');
  expect(told).toMatchObject({ code: 1 });
  expect(told.out).toContain('50 numbers, 101 to 150');
  const kept = await seqd('recover', '--yes', '--keep-both');
  process.stderr.write(kept.out + kept.err);
  expect(kept).toMatchObject({ code: 0 });
  const after = await client.drawMany(200, 4);
  expectEachOnce([...before, ...lost, ...after]);
  expectEachOnce([...before, ...twice, ...after]);
  await caughtUp();
  expect(await seqd('verify', '--ledger')).toMatchObject({ code: 0 });
  const periods = await query(postgres.url, 'SELECT period, sequence FROM seqd.series ORDER BY period');
  expect(periods.map(({ period }) => String(period).replace(/\d{14}$/, ''))).toEqual([
    'all',
    expect.stringMatching(/^all~lost-\d+-$/),
  ]);
}, 180_000);
