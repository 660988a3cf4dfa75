import { readFile, writeFile, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import type { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient } from '../kit/http-client.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { freshDatabase, query } from '../kit/postgres.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { until } from '../kit/until.ts';
import { run } from '../unit/cli/run.ts';

const open: SeqdNode[] = [];
afterEach(() => Promise.all(open.splice(0).map(node => node.close())));

interface Api extends SequenceApi {
  readonly database: string;
}

/** A node with a ledger, and 40 numbers: 3 was released and reissued, 40 is the last. */
async function startApi({ ledger = true } = {}): Promise<Api> {
  const http = new HttpClient();
  onTestFinished(() => http.close());
  const database = ledger ? await freshDatabase() : '';
  const options = {
    url: database,
    schema: 'seqd',
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 30_000,
    tls: null,
    caFile: null,
  };
  if (ledger) await migrateUp(options);
  const settings: Record<string, string> = ledger ? { 'sequence.ledger.url': database } : {};
  const [node] = await startTestNodes(1, {
    endpoints: sharedEndpoints(),
    cluster: uniqueCluster(),
    settings,
  });
  open.push(node!);
  const api = Object.assign(new SequenceApi(node!.url, http), { database });
  for (let i = 0; i < 3; i += 1) await api.next({ reference: `INV-${i + 1}`, clientId: '=cmd|x' });
  await api.release(3);
  await api.next({ siteId: 'site-2', reference: 'INV-3b' });
  await api.next({ count: 37, contiguous: true });
  return api;
}

async function projected(api: Api): Promise<void> {
  await until('the ledger has everything', async () => {
    const { body } = await api.get('/api/v1/numbers/1');
    return body.ledger?.batch === body.journal.batch;
  });
}

describe('the routes of the ledger', () => {
  test('tell the life of a number before and after it is in the ledger', async () => {
    const api = await startApi();
    for (const round of ['at once', 'from the ledger']) {
      const { status, body } = await api.get('/api/v1/numbers/3');
      expect(status, round).toBe(200);
      expect(body).toMatchObject({ complete: true, consistent: true, next: null });
      expect(body.state).toMatchObject({
        status: 'issued',
        siteId: 'site-2',
        allocationId: body.events[2].position,
      });
      expect(body.events.map(({ event }: { event: string }) => event)).toEqual([
        'issued',
        'released',
        'reissued',
      ]);
      expect(body.events[1]).toMatchObject({ reason: 'cancelled', releasedTo: 'pool' });
      if (round === 'at once') await projected(api);
    }
    expect(await api.get('/api/v1/numbers/41')).toMatchObject({
      status: 404,
      body: { code: 'never_issued' },
    });
    expect(await api.get('/api/v1/numbers/x')).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    });
    expect(await api.get('/api/v1/numbers/3?afer=1-0')).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('did you mean after?') },
    });
  });

  test('answer without a ledger from the journal', async () => {
    const api = await startApi({ ledger: false });
    expect((await api.get('/api/v1/numbers/3')).body).toMatchObject({ complete: true, ledger: null });
    expect((await api.get('/api/v1/audit?number=3')).body).toMatchObject({
      complete: true,
      ledger: null,
      rows: { length: 3 },
    });
    expect((await api.get('/api/v1/report')).body).toMatchObject({
      complete: true,
      numbers: 40,
      missing: 0,
      ledger: null,
    });
    expect(await api.get('/api/v1/report?from=2026-01-01')).toMatchObject({
      status: 503,
      body: { code: 'ledger_unavailable' },
    });
  });

  test('page, filter, and refuse nonsense', async () => {
    const api = await startApi();
    await projected(api);
    const rows: object[] = [];
    for (let cursor = ''; ;) {
      const { status, body } = await api.get(`/api/v1/audit?limit=2${cursor}`);
      expect(status).toBe(200);
      rows.push(...body.rows);
      if (body.next === null) break;
      cursor = `&cursor=${body.next}`;
    }
    expect(rows.length).toBeGreaterThanOrEqual(5);
    expect(rows).toEqual((await api.get('/api/v1/audit')).body.rows);
    const newest = await run(['audit', '--url', api.url, '--newest-first', '--limit', '2', '--json']);
    const [first, next] = [JSON.parse(newest.stdout), ['--cursor', JSON.parse(newest.stdout).next]];
    expect(first.rows).toEqual(rows.slice(-2).toReversed());
    const second = await run([
      'audit',
      '--url',
      api.url,
      '--newest-first',
      '--limit',
      '2',
      '--json',
      ...next,
    ]);
    expect(JSON.parse(second.stdout).rows).toEqual(rows.slice(-4, -2).toReversed());
    expect(await run(['audit', '--url', api.url, ...next])).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('another order'),
    });
    expect((await api.get('/api/v1/audit?reference=INV-3b')).body.rows).toMatchObject([
      { first: 3, event: 'reissued', siteId: 'site-2' },
    ]);
    for (const [parameters, code, says] of [
      ['siteId=site-9', 'unknown_site', 'site-1'],
      ['invoiceType=on-cycel', 'unknown_type', 'did you mean on-cycle?'],
      ['site=site-1', 'invalid_request', 'did you mean siteId?'],
      ['cursor=abc', 'invalid_request', 'cursor'],
      [`reference=${encodeURIComponent("'; DROP TABLE facts; --")}&limit=x`, 'invalid_request', 'limit'],
    ]) {
      const { body } = await api.get(`/api/v1/audit?${parameters}`);
      expect(body).toMatchObject({ code });
      expect(JSON.stringify(body)).toContain(says);
    }
    const hostile = encodeURIComponent("' OR 1=1; DROP TABLE facts; --");
    for (const field of ['reference', 'clientId', 'idempotencyKey'])
      expect(await api.get(`/api/v1/audit?${field}=${hostile}`)).toMatchObject({
        status: 200,
        body: { rows: [] },
      });
    expect(await api.send('POST', '/../audit')).toMatchObject({ status: 405 });
  });

  test('export all of it, and a cut-off export is recognised by seqd audit --check', async () => {
    const api = await startApi();
    await projected(api);
    const directory = await mkdtemp(join(tmpdir(), 'seqd-export-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    for (const format of ['csv', 'json']) {
      const file = join(directory, `audit.${format}`);
      const saved = await run(['audit', '--url', api.url, '--format', format, '--expand', '--output', file]);
      expect(saved, saved.stderr).toMatchObject({ exitCode: 0 });
      const text = await readFile(file, 'utf8');
      expect(text).not.toMatch(/(^|,)=cmd/m);
      const rows = Number(/^(\d+) rows/.exec(saved.stderr)![1]);
      expect(rows).toBeGreaterThanOrEqual(42);
      expect(await run(['audit', '--check', file])).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining(`${rows} rows`),
      });
      await writeFile(file, text.slice(0, -40));
      expect(await run(['audit', '--check', file])).toMatchObject({
        exitCode: 1,
        stdout: expect.stringContaining('NOT complete'),
      });
    }
  });

  test('stop the query of an export whose reader has gone', async () => {
    const api = await startApi();
    await projected(api);
    // 120 MB more than fit into any buffer, in few rows, since PostgreSQL keeps seven indexes of them.
    await query(
      api.database,
      `INSERT INTO seqd.facts (series_id, sequence, index, part, time, kind, facts, first, last, fresh, client, reason)
       SELECT 1, 1, i, 0, (SELECT time FROM seqd.batches WHERE sequence = 1), 'release', 1, 1, 1, false, repeat('x', 3000), repeat('y', 3000) FROM generate_series(10, 20010) i`,
    );
    const busy = `SELECT count(*)::integer AS busy FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND query LIKE 'FETCH%'`;
    await new Promise<void>((resolve, reject) => {
      const sent = request(`${api.url}/api/v1/audit?format=csv`, response => {
        response.once('data', () => {
          response.destroy();
          resolve();
        });
      });
      sent.on('error', reject);
      sent.end();
    });
    await until('the transaction has ended', async () => (await query(api.database, busy))[0]!['busy'] === 0);
    expect((await api.get('/api/v1/audit?limit=1')).status).toBe(200);
  });

  test('end a report that nobody waits for, and run none for a HEAD', async () => {
    const api = await startApi();
    await projected(api);
    const waiting = `SELECT count(*)::integer AS waiting FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%facts%' AND query NOT LIKE '%pg_stat_activity%'`;
    const count = async (): Promise<unknown> => (await query(api.database, waiting))[0]!['waiting'];
    const holder = new pg.Client(api.database);
    await holder.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE seqd.facts IN ACCESS EXCLUSIVE MODE');
      for (const path of [
        '/api/v1/report',
        '/api/v1/audit',
        '/api/v1/audit?format=csv',
        '/api/v1/report?format=html',
        '/api/v1/verify',
      ]) {
        const answer = await api.send('HEAD', `/..${path.slice('/api/v1'.length)}`);
        expect(answer, path).toMatchObject({ status: 200 });
        expect(answer.headers['x-report-complete']).toBeUndefined();
        expect(answer.headers['content-length']).toBeUndefined();
      }
      expect(await count()).toBe(0);
      const sent = request(`${api.url}/api/v1/report`);
      sent.on('error', () => {});
      sent.end();
      await until('the report waits', async () => (await count()) === 1);
      sent.destroy();
      await until('its query has ended', async () => (await count()) === 0);
    } finally {
      await holder.end();
    }
    expect((await api.get('/api/v1/report')).body).toMatchObject({ complete: true });
  });

  test('say when etcd is behind the ledger', async () => {
    const api = await startApi();
    await projected(api);
    await query(api.database, 'UPDATE seqd.series SET sequence = sequence + 5');
    expect((await api.get('/api/v1/report')).body).toMatchObject({
      complete: false,
      problems: [expect.stringContaining('seqd recover')],
    });
    const reported = await run(['report', '--url', api.url]);
    expect(reported).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('NOT COMPLETE') });
    expect((await api.get('/api/v1/audit')).body).toMatchObject({
      complete: false,
      problem: expect.stringContaining('seqd recover'),
    });
    const saved = await run(['audit', '--url', api.url, '--format', 'csv']);
    expect(saved).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('seqd recover') });
    const shown = await run(['show', '3', '--url', api.url]);
    expect(shown.stdout).toContain('etcd is behind the ledger');
  });

  test('report in every form, and the command ends with 0', async () => {
    const api = await startApi();
    await projected(api);
    const { body } = await api.get('/api/v1/report');
    expect(body).toMatchObject({
      complete: true,
      from: 1,
      to: 40,
      numbers: 40,
      issued: 40,
      missing: 0,
      problems: [],
    });
    expect(body.ledger).toMatchObject({ batch: body.journal.batch, tail: 0, chainAgrees: true });
    const page = await api.get('/api/v1/report?format=html');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.body).toContain('COMPLETE: every number from 1 to 40');
    expect((await api.get('/api/v1/report?format=csv')).body).toContain('result,complete,true,1,40');
    const text = await run(['report', '--url', api.url, '--series', 'global', '--from', '1', '--to', '10']);
    expect(text, text.stderr).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('COMPLETE: every number from 1 to 10'),
    });
    const shown = await run(['show', '3', '--url', api.url]);
    expect(shown.stdout).toContain('3 of default/global/all is issued');
    expect(shown.stdout).toContain('document INV-3b');
    expect(await api.get(`/api/v1/report?at=${body.revision + 1_000_000}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    });
    await query(api.database, 'DELETE FROM seqd.facts WHERE first = 2');
    const broken = await run(['report', '--url', api.url]);
    expect(broken).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('missing: 2') });
  });
});
