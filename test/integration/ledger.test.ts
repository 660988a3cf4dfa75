import { createHash } from 'node:crypto';
import type pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encodeBatch } from '../../src/core/batch-codec.ts';
import type { Fact } from '../../src/core/facts.ts';
import { GENESIS_CHAIN } from '../../src/core/head.ts';
import type { SeriesId } from '../../src/core/identifiers.ts';
import type { JournalEntry } from '../../src/core/records.ts';
import { nextAfter } from '../../src/ledger/ledger-rows.ts';
import { PostgresDrawFinder } from '../../src/ledger/postgres/postgres-draw-finder.ts';
import { createLedgerPool, type LedgerPoolOptions } from '../../src/ledger/postgres/ledger-pool.ts';
import {
  assertMigrated,
  ledgerContents,
  migrateDown,
  migrateUp,
  migrationStatus,
} from '../../src/ledger/postgres/migrations.ts';
import { PostgresLedger } from '../../src/ledger/postgres/postgres-ledger.ts';
import { freshDatabase, ownPostgres, query } from '../kit/postgres.ts';
import { until } from '../kit/until.ts';

const SERIES: SeriesId = { tenant: 'default', series: 'global', period: 'all' };
const MONTH_MS = 31 * 86_400_000;
const START = Date.UTC(2026, 10, 30, 23, 59, 59, 900);
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const owner = { site: 'site-1', partition: 'a', type: 'invoice' };

/** Journal entries that continue each other, from batch 1 on, some numbers each. */
function journal(batches: number, { size = 3, stepMs = 1 }: { size?: number; stepMs?: number } = {}) {
  const entries: JournalEntry[] = [];
  let previous = GENESIS_CHAIN;
  let next = 1;
  for (let sequence = 1; sequence <= batches; sequence += 1) {
    const facts = Array.from({ length: size }, (_, i): Fact => {
      const fresh = { first: next + i, last: next + i };
      return { kind: 'issue', owner, fresh, reused: [], reference: `doc-${next + i}` };
    });
    const time = START + sequence * stepMs;
    const batch = { sequence, previous, time, node: 'n', serial: sequence, next, facts };
    const text = encodeBatch(batch);
    entries.push({ batch, text, revision: 100 + sequence });
    previous = digest(text);
    next = nextAfter(batch);
  }
  return entries;
}

function optionsOf(url: string, more: Partial<LedgerPoolOptions> = {}): LedgerPoolOptions {
  const timeouts = { connectTimeoutMs: 5_000, statementTimeoutMs: 30_000 };
  return { url, schema: 'seqd', poolMax: 3, ...timeouts, tls: null, caFile: null, ...more };
}

/** A ledger in tables of its own. */
async function ledgerAt(url: string): Promise<{ ledger: PostgresLedger; pool: pg.Pool }> {
  const options = optionsOf(url);
  await migrateUp(options);
  const pool = createLedgerPool(options);
  const ledger = new PostgresLedger({ pool, cluster: 'test', digest });
  onTestFinished(() => ledger.close());
  return { ledger, pool };
}

const newLedger = async () => ledgerAt(await freshDatabase());

const positionAfter = (entries: readonly JournalEntry[]) => {
  const { batch, text } = entries.at(-1)!;
  return { sequence: batch.sequence, chain: digest(text), next: nextAfter(batch) };
};

async function counts(pool: pg.Pool): Promise<unknown> {
  const { rows } = await pool.query(
    'SELECT (SELECT count(*) FROM batches) AS batches, (SELECT sum(last - first + 1)::bigint FROM facts) AS numbers',
  );
  return rows[0];
}

describe('the ledger in PostgreSQL', () => {
  test('takes batches over months, and stands where they end', async () => {
    const { ledger, pool } = await newLedger();
    expect(await ledger.position(SERIES)).toEqual({ sequence: 0, chain: GENESIS_CHAIN, next: 0 });
    const entries = journal(30, { stepMs: MONTH_MS });
    const outcome = await ledger.append(SERIES, entries, 1);
    expect(outcome).toEqual({ status: 'appended', position: positionAfter(entries) });
    expect(await ledger.position(SERIES)).toEqual(positionAfter(entries));
    expect(await counts(pool)).toEqual({ batches: 30, numbers: 90 });
    const { rows } = await pool.query('SELECT body, chain, time, revision FROM batches WHERE sequence = 17');
    const { batch, text } = entries[16]!;
    expect(rows).toEqual([{ body: text, chain: digest(text), time: new Date(batch.time), revision: 117 }]);
    const finder = new PostgresDrawFinder({ pool, cluster: 'test' });
    expect(await finder.findDraw(SERIES, 50)).toEqual({ allocation: { sequence: 17, index: 1 }, owner });
    expect(await finder.findDraw(SERIES, 91)).toBeUndefined();
  });

  test('is not changed by what it has already, in any order (F20)', async () => {
    const { ledger, pool } = await newLedger();
    const entries = journal(10);
    const all = { status: 'appended', position: positionAfter(entries) };
    await ledger.append(SERIES, entries.slice(0, 6), 1);
    expect(await ledger.append(SERIES, entries.slice(0, 6), 1)).toMatchObject({ status: 'appended' });
    expect(await ledger.append(SERIES, entries.slice(3), 1)).toEqual(all);
    expect(await ledger.append(SERIES, entries.slice(2, 4), 1)).toEqual(all);
    expect(await ledger.append(SERIES, entries, 1)).toEqual(all);
    expect(await counts(pool)).toEqual({ batches: 10, numbers: 30 });
  });

  test('takes nothing that leaves a gap, and says where it stands', async () => {
    const { ledger } = await newLedger();
    const entries = journal(10);
    await ledger.append(SERIES, entries.slice(0, 4), 1);
    const position = positionAfter(entries.slice(0, 4));
    expect(await ledger.append(SERIES, entries.slice(5), 1)).toEqual({ status: 'elsewhere', position });
    expect(await ledger.position(SERIES)).toEqual(position);
  });

  test('refuses another chain, whether it comes after its own or instead of it', async () => {
    const { ledger, pool } = await newLedger();
    const entries = journal(6);
    const others = journal(8, { size: 2 });
    await ledger.append(SERIES, entries, 1);
    const refusal = expect.objectContaining({ code: 'invariant_violated' });
    await expect(ledger.append(SERIES, others.slice(6), 1)).rejects.toEqual(refusal);
    await expect(ledger.append(SERIES, others.slice(0, 3), 1)).rejects.toEqual(refusal);
    await expect(ledger.append(SERIES, others, 1)).rejects.toEqual(refusal);
    await expect(ledger.append(SERIES, [entries[0]!, entries[2]!], 1)).rejects.toEqual(refusal);
    await expect(ledger.append(SERIES, [], 1)).rejects.toEqual(refusal);
    expect(await counts(pool)).toEqual({ batches: 6, numbers: 18 });
  });

  test('a projector of an earlier epoch writes no more', async () => {
    const { ledger } = await newLedger();
    const entries = journal(6);
    await ledger.append(SERIES, entries.slice(0, 2), 5);
    expect(await ledger.append(SERIES, entries.slice(2, 4), 4)).toEqual({ status: 'fenced' });
    expect(await ledger.append(SERIES, entries.slice(2, 4), 6)).toMatchObject({ status: 'appended' });
    expect(await ledger.append(SERIES, entries.slice(4), 5)).toEqual({ status: 'fenced' });
  });

  test('of two projectors at once one writes, and the rows are there once', async () => {
    const url = await freshDatabase();
    const [{ ledger: a, pool }, { ledger: b }] = await Promise.all([ledgerAt(url), ledgerAt(url)]);
    const entries = journal(40);
    for (let from = 0; from < 40; from += 10) {
      const part = entries.slice(from, from + 10);
      const outcomes = await Promise.all([a.append(SERIES, part, 1), b.append(SERIES, part, 1)]);
      expect(outcomes.map(({ status }) => status)).toEqual(['appended', 'appended']);
    }
    expect(await counts(pool)).toEqual({ batches: 40, numbers: 120 });
  });

  test('holds any text a client may send', async () => {
    const { ledger, pool } = await newLedger();
    const [entry] = journal(1);
    const texts = ['a\0b', '\ud800', '"}\\{,NULL', "'; DROP TABLE facts; --", '€😀'];
    const facts = texts.map((reference, i): Fact => {
      const fresh = { first: i + 1, last: i + 1 };
      return { kind: 'issue', owner, fresh, reused: [], reference };
    });
    const batch = { ...entry!.batch, facts };
    const text = encodeBatch(batch);
    await ledger.append(SERIES, [{ batch, text, revision: 1 }], 1);
    const { rows } = await pool.query<{ reference: string }>('SELECT reference FROM facts ORDER BY first');
    expect(rows.map(({ reference }) => reference)).toEqual(['a\uFFFDb', '\uFFFD', ...texts.slice(2)]);
    const stored = await pool.query<{ body: string }>('SELECT body FROM batches');
    expect(stored.rows[0]!.body).toBe(text);
  });

  test('a database that is emptied under a running projector starts from the beginning', async () => {
    const url = await freshDatabase();
    const { ledger, pool } = await ledgerAt(url);
    const entries = journal(4);
    await ledger.append(SERIES, entries.slice(0, 2), 1);
    while ((await migrateDown(optionsOf(url))).length > 0);
    await expect(ledger.append(SERIES, entries.slice(2), 1)).rejects.toMatchObject({
      code: 'ledger_unavailable',
      message: expect.stringContaining('seqd migrate up') as string,
    });
    await migrateUp(optionsOf(url));
    expect(await ledger.append(SERIES, entries.slice(2), 1)).toMatchObject({
      status: 'elsewhere',
      position: { sequence: 0 },
    });
    expect(await ledger.append(SERIES, entries, 1)).toMatchObject({ status: 'appended' });
    expect(await counts(pool)).toEqual({ batches: 4, numbers: 12 });
  });
});

describe('somebody who stands still in the middle of a write', () => {
  test(
    'holds up others for seconds only, and what they wait for longer they are told',
    { timeout: 60_000 },
    async () => {
      const url = await freshDatabase();
      const { ledger, pool } = await ledgerAt(url);
      const entries = journal(4);
      await ledger.append(SERIES, entries.slice(0, 2), 1);
      // As a process that was stopped between its UPDATE and its COMMIT.
      const frozen = await pool.connect();
      await frozen.query('BEGIN');
      await frozen.query('UPDATE series SET epoch = epoch');
      const keepalive = await frozen.query<{ idle: string }>(
        "SELECT current_setting('tcp_keepalives_idle') AS idle",
      );
      expect(keepalive.rows[0]!.idle).toBe('10');
      expect(await ledger.append(SERIES, entries.slice(2), 2)).toMatchObject({ status: 'appended' });
      await expect(frozen.query('COMMIT')).rejects.toThrow();
      frozen.release(true);
      const impatient = createLedgerPool(
        optionsOf(url, { statementTimeoutMs: 0, settings: ['lock_timeout=100'] }),
      );
      const hasty = new PostgresLedger({ pool: impatient, cluster: 'test', digest });
      onTestFinished(() => hasty.close());
      const holder = await pool.connect();
      await holder.query('BEGIN');
      await holder.query('UPDATE series SET epoch = epoch');
      const next = journal(5).slice(4);
      await expect(hasty.append(SERIES, next, 2)).rejects.toMatchObject({
        code: 'ledger_unavailable',
        message: expect.stringContaining('pg_stat_activity') as string,
      });
      await holder.query('ROLLBACK');
      holder.release();
    },
  );
});

describe('monthly tables', () => {
  test('that somebody has detached are named, and taken for partitions no more', async () => {
    const { ledger, pool } = await newLedger();
    const entries = journal(4);
    await ledger.append(SERIES, entries.slice(0, 2), 1);
    await pool.query('ALTER TABLE facts DETACH PARTITION facts_2026_11');
    const append = () => ledger.append(SERIES, entries.slice(2), 1);
    await append().catch(() => {});
    await expect(append()).rejects.toMatchObject({
      code: 'ledger_unavailable',
      message: expect.stringContaining('ATTACH PARTITION facts_2026_11') as string,
    });
  });

  test('are made for the last time that there is', async () => {
    const { ledger } = await newLedger();
    const [entry] = journal(1);
    const batch = { ...entry!.batch, time: Number.MAX_SAFE_INTEGER };
    await expect(
      ledger.append(SERIES, [{ batch, text: encodeBatch(batch), revision: 1 }], 1),
    ).resolves.toMatchObject({ status: 'appended' });
  });

  test('of a ledger that begins in the middle come with a documented hole', async () => {
    const { ledger, pool } = await newLedger();
    await ledger.append(SERIES, journal(6).slice(3), 1, { beginsHere: true });
    const { rows } = await pool.query('SELECT first, last, actor FROM ledger_holes');
    expect(rows).toEqual([{ first: 1, last: 3, actor: 'seqd' }]);
  });
});

describe('a database that stops', () => {
  test('in the middle of an append leaves all of it or nothing, and the same ledger goes on after its restart', async () => {
    const server = await ownPostgres();
    const { ledger, pool } = await ledgerAt(server.url);
    const entries = journal(3_000, { size: 10 });
    let appended = 0;
    let failures = 0;
    for (let round = 0; round < 5; round += 1) {
      const part = entries.slice(appended, appended + 600);
      const outcome = ledger.append(SERIES, part, 1).then(
        () => 'appended',
        (error: { code: string }) => error.code,
      );
      // At different places: before, in and after the inserts.
      await new Promise(resolve => setTimeout(resolve, round * 12));
      await server.kill();
      const result = await outcome;
      expect(['appended', 'ledger_unavailable']).toContain(result);
      if (result !== 'appended') failures += 1;
      await expect(ledger.position(SERIES)).rejects.toMatchObject({ code: 'ledger_unavailable' });
      await server.start();
      await server.ready();
      const { sequence } = await ledger.position(SERIES);
      expect([appended, appended + part.length]).toContain(sequence);
      appended = sequence;
      expect(await counts(pool)).toEqual({
        batches: appended,
        numbers: appended === 0 ? null : appended * 10,
      });
    }
    expect(failures).toBeGreaterThan(0);
    await ledger.append(SERIES, entries.slice(appended), 1);
    expect(await ledger.position(SERIES)).toEqual(positionAfter(entries));
  });

  test('breaks idle connections without ending the process, and the pool makes new ones', async () => {
    const server = await ownPostgres();
    const options = optionsOf(server.url);
    await migrateUp(options);
    const lost: string[] = [];
    const pool = createLedgerPool({ ...options, onLostConnection: ({ code }) => lost.push(code) });
    onTestFinished(() => pool.end());
    await pool.query('SELECT 1');
    await server.stop();
    await until('the pool has noticed', () => lost.length > 0);
    expect(lost[0]).toBe('ledger_unavailable');
    await server.start();
    await server.ready();
    expect((await pool.query('SELECT 9007199254740991::bigint AS n')).rows).toEqual([{ n: 2 ** 53 - 1 }]);
    await expect(pool.query('SELECT 9007199254740992::bigint AS n')).rejects.toThrow('2^53');
  });

  test('that never answers, or does not exist, is unavailable', async () => {
    const unreachable = new PostgresLedger({
      pool: createLedgerPool(optionsOf('postgres://u:p@127.0.0.1:1/db', { connectTimeoutMs: 500 })),
      cluster: 'test',
      digest,
    });
    onTestFinished(() => unreachable.close());
    await expect(unreachable.position(SERIES)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    const url = await freshDatabase();
    await expect(migrateUp(optionsOf(`${url}x`))).rejects.toMatchObject({ code: 'ledger_unavailable' });
    const { pool } = await ledgerAt(url);
    const slow = createLedgerPool(optionsOf(url, { statementTimeoutMs: 1_000 }));
    onTestFinished(() => slow.end());
    const ledger = new PostgresLedger({ pool: slow, cluster: 'test', digest });
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('LOCK TABLE series');
    await expect(ledger.append(SERIES, journal(1), 1)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    await client.query('ROLLBACK');
    client.release();
    expect(await ledger.append(SERIES, journal(1), 1)).toMatchObject({ status: 'appended' });
  });
});

describe('migrations', () => {
  test('go up, down and up again, on an empty and on a filled database', async () => {
    const url = await freshDatabase();
    const options = optionsOf(url);
    const { pending } = await migrationStatus(options);
    expect(pending[0]).toBe('001_ledger');
    expect(await ledgerContents(options)).toBeUndefined();
    for (const filled of [false, true]) {
      expect(await migrateUp(options)).toEqual(pending);
      expect(await migrateUp(options)).toEqual([]);
      if (filled) {
        const { ledger } = await ledgerAt(url);
        await ledger.append(SERIES, journal(5, { stepMs: MONTH_MS }), 1);
        expect(await ledgerContents(options)).toEqual({ series: 1, batches: 5, rows: 15 });
      }
      for (const name of pending.toReversed()) expect(await migrateDown(options)).toEqual([name]);
      expect(await migrateDown(options)).toEqual([]);
      const left = await query(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'seqd'");
      expect(left).toEqual([{ tablename: 'migrations' }]);
      expect(await migrationStatus(options)).toMatchObject({ applied: [], pending });
    }
    const { ledger } = await ledgerAt(url);
    expect(await ledger.append(SERIES, journal(2), 1)).toMatchObject({ status: 'appended' });
  });

  test('of several at once are applied once', async () => {
    const options = optionsOf(await freshDatabase());
    const { pending } = await migrationStatus(options);
    const applied = await Promise.all(Array.from({ length: 4 }, () => migrateUp(options)));
    expect(applied.flat()).toEqual(pending);
  });

  test('of a newer program are left alone, and missing ones are named', async () => {
    const url = await freshDatabase();
    const { pool } = await ledgerAt(url);
    await assertMigrated(pool, 'seqd');
    await pool.query("INSERT INTO migrations (name, run_on) VALUES ('999_future', now())");
    const refusal = expect.objectContaining({ code: 'unsupported_format' });
    await expect(migrateUp(optionsOf(url))).rejects.toEqual(refusal);
    await expect(migrateDown(optionsOf(url))).rejects.toEqual(refusal);
    await expect(assertMigrated(pool, 'seqd')).rejects.toEqual(refusal);
    const careful = new PostgresLedger({ pool, cluster: 'test', schema: 'seqd', digest });
    const entries = journal(30, { stepMs: MONTH_MS });
    await expect(careful.append(SERIES, entries, 1)).rejects.toEqual(refusal);
    expect((await careful.position(SERIES)).sequence).toBe(0);
    expect((await migrationStatus(optionsOf(url))).unknown).toEqual(['999_future']);
    await expect(assertMigrated(pool, 'elsewhere')).rejects.toMatchObject({ code: 'ledger_unavailable' });
  });

  test('keep to their schema, whatever else the database holds', async () => {
    const url = await freshDatabase();
    await query(url, 'CREATE TABLE series (mine text)');
    const other = optionsOf(url, { schema: 'invoices' });
    await migrateUp(optionsOf(url));
    await migrateUp(other);
    await migrateDown(other);
    await assertMigrated((await ledgerAt(url)).pool, 'seqd');
    expect(await query(url, 'SELECT * FROM public.series')).toEqual([]);
  });
});
