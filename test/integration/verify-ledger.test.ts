import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { applyBatch } from '../../src/core/apply.ts';
import { decodeBatch, encodeBatch } from '../../src/core/batch-codec.ts';
import type { Fact } from '../../src/core/facts.ts';
import { encodeHead, GENESIS_CHAIN } from '../../src/core/head.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import { encodeJournalStart, type JournalEntry, KEYS } from '../../src/core/records.ts';
import { SeriesState } from '../../src/core/state.ts';
import { batchRowOf, factRowsOf, nextAfter } from '../../src/ledger/ledger-rows.ts';
import { createLedgerPool, type LedgerPoolOptions } from '../../src/ledger/postgres/ledger-pool.ts';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import { PostgresLedger } from '../../src/ledger/postgres/postgres-ledger.ts';
import { PostgresLedgerScan } from '../../src/ledger/postgres/postgres-ledger-scan.ts';
import { EtcdConnection } from '../../src/store/etcd/etcd-connection.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { EtcdStore } from '../../src/store/etcd/etcd-store.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { type LedgerReport, verifyLedger } from '../../src/verify/verify-ledger.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient } from '../kit/http-client.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { freshDatabase, query } from '../kit/postgres.ts';
import { readMetric } from '../kit/read-metric.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { digest, SETTINGS } from '../kit/series-world.ts';
import { until } from '../kit/until.ts';
import { run } from '../unit/cli/run.ts';

function optionsOf(url: string): LedgerPoolOptions {
  const timeouts = { connectTimeoutMs: 5_000, statementTimeoutMs: 30_000 };
  return { url, schema: 'seqd', poolMax: 2, ...timeouts, tls: null, caFile: null };
}

/** Some of everything that clients do. */
async function draw(url: string): Promise<void> {
  const http = new HttpClient();
  const api = new SequenceApi(url, http);
  try {
    await Promise.all(Array.from({ length: 20 }, () => api.next()));
    await api.next({ count: 50 });
    await api.next({}, { 'Idempotency-Key': 'one' });
    await api.next({ invoiceType: 'suppressed' });
    await api.release(3);
    await api.release(4);
    for (let i = 0; i < 5; i += 1) await api.next();
  } finally {
    http.close();
  }
}

const caughtUp = (url: string, atLeast: number): Promise<unknown> =>
  until('the ledger has everything', async () => {
    const http = new HttpClient();
    const { ledger, journal } = (await http.get(`${url}/api/v1/sequence/stats`)).body;
    http.close();
    return ledger.state === 'ok' && ledger.position === journal.sequence && journal.sequence >= atLeast;
  });

describe('a ledger written by a node', () => {
  let cluster: string;
  let url: string;
  let connection: EtcdConnection;
  let pool: pg.Pool;
  let scan: PostgresLedgerScan;
  let last: number;

  const settings = (): Record<string, string> => ({ 'sequence.ledger.url': url });

  beforeAll(async () => {
    cluster = uniqueCluster();
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    await query(inject('postgresUrl'), `CREATE DATABASE ${name}`);
    const place = new URL(inject('postgresUrl'));
    place.pathname = `/${name}`;
    url = place.href;
    await migrateUp(optionsOf(url));
    const [node] = await startTestNodes(1, { endpoints: sharedEndpoints(), cluster, settings: settings() });
    await draw(node!.url);
    await caughtUp(node!.url, 8);
    await node!.drain({ deadlineMs: 5_000 });
    await node!.close();
    connection = new EtcdConnection({ endpoints: sharedEndpoints(), callTimeoutMs: 5_000 });
    pool = createLedgerPool(optionsOf(url));
    scan = new PostgresLedgerScan({ pool: createLedgerPool(optionsOf(url)), cluster });
    const { rows } = await pool.query<{ sequence: number }>('SELECT sequence FROM series');
    last = rows[0]!.sequence;
    await pool.query(
      "CREATE TABLE batches_2020_01 PARTITION OF batches FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
    );
    await pool.query(
      "CREATE TABLE facts_2020_01 PARTITION OF facts FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
    );
    for (const table of ['series', 'batches', 'facts', 'owners'])
      await pool.query(`CREATE TABLE saved_${table} AS SELECT * FROM ${table}`);
  });

  afterAll(async () => {
    connection.close();
    await Promise.all([pool.end(), scan.close()]);
    await query(inject('postgresUrl'), `DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
  });

  async function verify(): Promise<LedgerReport> {
    const store = new EtcdStore(connection, new EtcdKeys(cluster));
    return (await verifyLedger(GLOBAL_SERIES, { store, scan, digest }))!;
  }

  async function restore(): Promise<void> {
    await pool.query(`TRUNCATE facts, batches; INSERT INTO batches SELECT * FROM saved_batches; INSERT INTO facts SELECT * FROM saved_facts;
      UPDATE series s SET sequence = o.sequence, chain = o.chain, next = o.next FROM saved_series o WHERE o.id = s.id;
      UPDATE owners w SET site = o.site, partition = o.partition, type = o.type FROM saved_owners o WHERE o.id = w.id`);
  }

  test('is sound, and etcd says the same', async () => {
    const report = await verify();
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({
      sound: true,
      sequence: last,
      behind: 0,
      replayed: true,
      journalCompared: last,
    });
    expect(report.chain).toBe(report.head!.chain);
  });

  test('is verified by the command, which ends with 0, and with 1 when somebody has changed a row', async () => {
    const args = ['verify', '--ledger', '--sequence.etcd.endpoints', sharedEndpoints().join(',')];
    const env = { DATABASE_URL: url, SEQD_CLUSTER: cluster };
    const place = ['--etcd-endpoints', sharedEndpoints().join(','), '--cluster', cluster];
    const seqd = (...more: string[]) => run([...args.slice(0, 2), ...place, ...more], { env });
    const sound = await seqd();
    expect(sound.stderr).toBe('');
    expect(sound.stdout).toContain(`the ledger is sound: batches 1 to ${last} are whole`);
    expect(sound.exitCode).toBe(0);
    onTestFinished(restore);
    await pool.query("UPDATE facts SET client = 'somebody' WHERE sequence = 2 AND index = 0");
    const changed = await seqd();
    expect(changed.exitCode).toBe(1);
    expect(changed.stdout).toContain('problem: facts: the row of batch 2, index 0, part 0 (');
    expect(changed.stdout).toContain('LEDGER NOT SOUND: 1 problem;');
    const json = JSON.parse((await seqd('--json')).stdout) as { complete: boolean; ledger: LedgerReport };
    expect(json).toMatchObject({ complete: true, ledger: { sound: false, findingCount: 1 } });
    expect(json.ledger.findings[0]).toMatchObject({ kind: 'changed', table: 'facts', sequence: 2, index: 0 });
  });

  test('without a ledger configured the command says so', async () => {
    const place = ['--etcd-endpoints', sharedEndpoints().join(','), '--cluster', cluster];
    const none = await run(['verify', '--ledger', ...place], { env: {}, cwd: '/' });
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toContain('no ledger is configured');
  });

  const CASES: readonly (readonly [what: string, sql: string, says: string | RegExp])[] = [
    [
      'a row changed',
      "UPDATE facts SET reference = 'X' WHERE sequence = 3 AND index = 0",
      /batch 3, index 0.* has reference "X" instead of/,
    ],
    [
      'a number changed',
      'UPDATE facts SET last = last + 1 WHERE sequence = 3 AND index = 0',
      /batch 3, index 0.* has last \d+ instead of/,
    ],
    [
      'a time changed by a microsecond',
      "UPDATE facts SET time = time + interval '1 microsecond' WHERE sequence = 3",
      /batch 3, .* has time /,
    ],
    [
      'a number beyond what a number holds',
      'UPDATE facts SET last = 9223372036854775807 WHERE sequence = 3 AND index = 0',
      /batch 3, index 0.* has last 9223372036854776000/,
    ],
    [
      'an infinite time',
      "UPDATE facts SET deadline = 'infinity' WHERE sequence = 3 AND index = 0",
      /batch 3, index 0.* has deadline/,
    ],
    [
      'an owner renamed',
      "UPDATE owners SET type = 'other' WHERE id = (SELECT min(id) FROM owners)",
      /has owner .*"type":"other"/,
    ],
    [
      'a row deleted',
      'DELETE FROM facts WHERE sequence = 2 AND index = 0',
      /batch 2, index 0, part 0 .* is missing/,
    ],
    [
      'a row inserted',
      'INSERT INTO facts SELECT series_id, sequence, 900, part, time, kind, facts, first, last, fresh FROM facts WHERE sequence = 2 LIMIT 1',
      /batch 2, index 900, part 0 .* is in no batch/,
    ],
    [
      'a row moved to another month',
      "UPDATE facts SET time = '2020-01-15' WHERE sequence = 2 AND index = 0",
      /batch 2, index 0.* has time 2020-01-15/,
    ],
    [
      'a row of no series',
      'INSERT INTO facts SELECT series_id + 7, sequence, index, part, time, kind, facts, first, last, fresh FROM facts WHERE sequence = 2 LIMIT 1',
      /belongs to series \d+, which is not there/,
    ],
    [
      'a row of no batch',
      'UPDATE facts SET sequence = sequence + 100000 WHERE sequence = 2',
      /belongs to a batch that is not there/,
    ],
    [
      'a row of an impossible batch',
      'UPDATE facts SET sequence = -4 WHERE sequence = 2',
      'there is a row of batch -4',
    ],
    [
      'two rows swapped',
      'UPDATE batches SET sequence = 5 - sequence WHERE sequence IN (2, 3)',
      'the body of batch 2 is that of batch 3',
    ],
    ['a batch deleted', 'DELETE FROM batches WHERE sequence = 4', 'batches: batch 4 is missing'],
    [
      'a batch there twice, in another month',
      "INSERT INTO batches SELECT series_id, sequence, '2020-01-15', revision, node, next, chain, facts, body FROM batches WHERE sequence = 4",
      'batch 4 is there 2 times; the row of 2020-01-15',
    ],
    [
      'a body changed',
      'UPDATE batches SET body = replace(body, \'"f":1\', \'"f": 1\') WHERE sequence = 4',
      /the body of batch 4 has the hash/,
    ],
    [
      'a body changed with its hash',
      "UPDATE batches SET body = replace(body, '\"f\":1', '\"f\": 1'), chain = encode(sha256(convert_to(replace(body, '\"f\":1', '\"f\": 1'), 'UTF8')), 'hex') WHERE sequence = 4",
      'batch 5 follows a batch with the hash',
    ],
    [
      'a hash changed',
      "UPDATE batches SET chain = repeat('a', 64) WHERE sequence = 4",
      /the body of batch 4 has the hash .*, but chain says aaaa/,
    ],
    [
      'a column of a batch changed',
      'UPDATE batches SET revision = revision + 1 WHERE sequence = 4',
      'batch 4 has revision',
    ],
    [
      'the checkpoint moved',
      'UPDATE series SET sequence = sequence - 1',
      /the checkpoint stands at batch \d+, the last batch is/,
    ],
    [
      'the tail cut off',
      'DELETE FROM batches WHERE sequence > 6',
      /the checkpoint stands at batch \d+, the last batch is 6/,
    ],
    [
      'the tail cut off, and the checkpoint with it',
      `DELETE FROM batches WHERE sequence > 6; DELETE FROM facts WHERE sequence > 6;
       UPDATE series SET (sequence, chain, next) = (SELECT 6, b.chain, (SELECT c.next FROM saved_batches c WHERE c.sequence = 7) FROM batches b WHERE b.sequence = 6)`,
      /the ledger has had batches up to \d+, as its projector has told etcd, and ends with 6 now/,
    ],
  ];

  test.each(CASES)('names %s', async (_, sql, says) => {
    onTestFinished(restore);
    await pool.query(sql);
    const report = await verify();
    const match = typeof says === 'string' ? expect.stringContaining(says) : expect.stringMatching(says);
    expect(report.findings.map(({ detail }) => detail)).toContainEqual(match);
    expect(report.sound).toBe(false);
  });

  test('that was rewritten with all its hashes does not end as etcd does', async () => {
    onTestFinished(restore);
    const { rows } = await pool.query<{ sequence: number; body: string; revision: number }>(
      'SELECT sequence, body, revision FROM batches ORDER BY sequence',
    );
    let previous = GENESIS_CHAIN;
    for (const { sequence, body, revision } of rows) {
      const batch = { ...decodeBatch(body), previous, ...(sequence === 5 ? { node: 'somebody' } : {}) };
      const text = encodeBatch(batch);
      previous = digest(text);
      const row = batchRowOf({ batch, text, revision }, previous);
      await pool.query('UPDATE batches SET body = $1, chain = $2, node = $3 WHERE sequence = $4', [
        text,
        row.chain,
        row.node,
        sequence,
      ]);
    }
    await pool.query('UPDATE series SET chain = $1', [previous]);
    const { findings } = await verify();
    expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['journal', 'forked']));
    expect(findings.find(({ kind }) => kind === 'forked')!.detail).toContain('the ledger was rewritten');
    expect(findings[0]!.sequence).toBe(5);
  });

  test('is verified all the time by the node that writes: an alert, one line in the log, and stats', async () => {
    onTestFinished(restore);
    await pool.query("UPDATE facts SET client = 'somebody' WHERE sequence = 2 AND index = 0");
    const errors: { detail?: string }[] = [];
    const none = (): void => {};
    const logger = { debug: none, info: none, warn: none, error: (fields: object) => errors.push(fields) };
    const [node] = await startTestNodes(1, {
      endpoints: sharedEndpoints(),
      cluster,
      settings: settings(),
      logger,
    });
    onTestFinished(() => node!.close());
    const metric = (name: string): Promise<number> => readMetric(node!.url, name);
    await until('an alert', async () => (await metric('seqd_ledger_verify_problems')) === 1);
    await until(
      'the end of the pass',
      async () => (await metric('seqd_ledger_verify_last_pass_timestamp_seconds')) > 1e9,
    );
    expect(errors.filter(({ detail }) => detail?.includes('batch 2, index 0'))).toHaveLength(1);
    const http = new HttpClient();
    const { body } = await http.get(`${node!.url}/api/v1/sequence/stats`);
    http.close();
    expect(body).toMatchObject({
      ledger: { verification: { problems: 1, finding: expect.stringContaining('somebody') as string } },
    });
  });
});

test(
  'a hundred thousand batches are verified in memory that does not grow with them',
  { timeout: 240_000 },
  async () => {
    const options = optionsOf(await freshDatabase());
    await migrateUp(options);
    const ledger = new PostgresLedger({ pool: createLedgerPool(options), cluster: 'test', digest });
    const scan = new PostgresLedgerScan({ pool: createLedgerPool(options), cluster: 'test' });
    onTestFinished(async () => {
      await Promise.all([ledger.close(), scan.close()]);
    });
    const state = SeriesState.empty(SETTINGS, {
      keyAgeMsMax: 0,
      keysMax: 0,
      ingressAgeMsMax: 0,
      ingressMax: 0,
    });
    const owner = { site: 'site-1', partition: 'a', type: 'invoice' };
    const batches = 100_000;
    let rows = 0;
    for (let from = 1; from <= batches; from += 1_000) {
      const entries: JournalEntry[] = [];
      for (let sequence = from; sequence < from + 1_000; sequence += 1) {
        const { next, chain: previous } = state.head;
        const facts = [0, 1, 2].map((i): Fact => {
          const fresh = { first: next + i, last: next + i };
          return { kind: 'issue', owner, fresh, reused: [], reference: `doc-${next + i}` };
        });
        const time = Date.UTC(2026, 0, 1) + sequence * 60_000;
        const batch = { sequence, previous, time, node: 'n', serial: sequence, next, facts };
        const text = encodeBatch(batch);
        state.absorb(applyBatch(state, batch, text, digest), sequence);
        entries.push({ batch, text, revision: sequence });
        rows += factRowsOf(batch).length;
        expect(nextAfter(batch)).toBe(state.head.next);
      }
      await ledger.append(GLOBAL_SERIES, entries, 1);
    }
    const store = new MemoryStore();
    await store.commit({
      series: GLOBAL_SERIES,
      expectedHead: null,
      puts: [
        { key: KEYS.head, value: encodeHead(state.head) },
        { key: KEYS.journalStart, value: encodeJournalStart(batches + 1) },
      ],
      deletes: [],
      journalKey: 'journal/x',
    });
    let [early, peak] = [0, 0];
    const progress = (sequence: number): void => {
      const { heapUsed } = process.memoryUsage();
      if (sequence <= batches / 10) early = Math.max(early, heapUsed);
      peak = Math.max(peak, heapUsed);
    };
    const startedMs = performance.now();
    const report = await verifyLedger(GLOBAL_SERIES, { store, scan, digest, progress });
    const seconds = (performance.now() - startedMs) / 1_000;
    expect(report).toMatchObject({ sound: true, batches, rows, facts: 3 * batches, replayed: true });
    process.stderr.write(
      `verified ${batches} batches, ${rows} rows of facts in ${seconds.toFixed(1)} s, ` +
        `heap ${Math.round(early / 2 ** 20)} then at most ${Math.round(peak / 2 ** 20)} MiB\n`,
    );
    expect(peak - early).toBeLessThan(150 * 2 ** 20);
  },
);
