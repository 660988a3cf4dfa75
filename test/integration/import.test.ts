import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { StatsReply } from '../../src/client/index.ts';
import { readAdminToken } from '../../src/config/admin-token-file.ts';
import type { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient } from '../kit/http-client.ts';
import { createTestNode, verifyCluster } from '../kit/nodes.ts';
import { freshDatabase, query } from '../kit/postgres.ts';
import { type CliRun, run } from '../unit/cli/run.ts';

let directory: string;
let nodes: SeqdNode[] = [];
let cluster: string;
const http = new HttpClient();

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'seqd-import-'));
});
afterEach(async () => {
  for (const node of nodes) await node.close();
  nodes = [];
});
afterAll(() => {
  http.close();
  rmSync(directory, { recursive: true });
});

async function start(settings: Record<string, string> = {}, count = 1): Promise<void> {
  cluster = uniqueCluster();
  for (let index = 0; index < count; index += 1) {
    const node = createTestNode({ endpoints: sharedEndpoints(), cluster, index, settings });
    await node.start();
    nodes.push(node);
  }
}

function file(numbers: readonly (number | string)[]): string {
  const path = join(directory, 'old.csv');
  writeFileSync(path, `no\n${numbers.join('\n')}\n`);
  return path;
}

const seqd = (args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> =>
  run([...args, '--url', nodes.at(-1)!.url], { env });
const importing = (numbers: readonly (number | string)[], ...args: string[]): Promise<CliRun> =>
  seqd(['import', file(numbers), '--column', 'no', '--actor', 'test', ...args]);

const PLACE = ['--site', 'site-1', '--partition', 'partition-a', '--type', 'on-cycle'];
async function draw(): Promise<number> {
  const { stdout, stderr } = await seqd(['next', ...PLACE]);
  expect(stdout, stderr).toMatch(/^\d+\n$/);
  return Number(stdout);
}
const verify = (): ReturnType<typeof verifyCluster> => verifyCluster(sharedEndpoints(), cluster);
async function stats(): Promise<StatsReply> {
  return JSON.parse((await seqd(['stats', '--json'])).stdout) as StatsReply;
}

const admin = (): Record<string, string> => ({ authorization: `Bearer ${readAdminToken(nodes[0]!.url)}` });

const OLD = [100, 101, 104, 105, 107];

describe('seqd import on a real cluster', () => {
  it('adopts a numbering: gaps become void, the next number is one above, and again it changes nothing', async () => {
    // The second node forwards to the first.
    await start({}, 2);
    const first = await importing(OLD, '--yes');
    expect(first, first.stderr).toMatchObject({ exitCode: 0 });
    expect(first.stdout).toContain(
      'imported: the next new number is 108; 5 numbers are documented as imported, 3 missing ones as void',
    );
    expect(await verify()).toMatchObject({
      complete: true,
      start: 100,
      next: 108,
      imported: 5,
      void: 3,
      issued: 0,
    });
    const again = await importing(OLD, '--yes');
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.stdout).toContain('imported before; nothing was changed');
    expect(await draw()).toBe(108);
    expect(await stats()).toMatchObject({ holes: 0, imported: 5, void: 3, issued: 1, openImport: null });
    expect(await verify()).toMatchObject({ complete: true, batches: 3 });
  });

  it('gaps that go to the pool are drawn first; imported numbers cannot be released', async () => {
    await start();
    expect(await importing(OLD, '--gaps', 'pool', '--yes')).toMatchObject({ exitCode: 0 });
    const drawn = [await draw(), await draw(), await draw(), await draw()];
    expect(drawn).toEqual([102, 103, 106, 108]);
    const place = ['--site', 'site-1', '--partition', 'partition-a', '--reason', 'x'];
    const released = await seqd(['release', '104', ...place]);
    expect(released.exitCode).toBe(3);
    expect(released.stderr).toContain('(not_owner)');
    expect(await verify()).toMatchObject({ complete: true, imported: 5, issued: 4, pooled: 0, void: 0 });
  });

  it('a series that went beyond the old numbers refuses them, and nothing changes', async () => {
    await start({ 'sequence.core.global-counter-start': '104' });
    await draw();
    const before = await stats();
    const refused = await importing(OLD, '--yes');
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain('(counter_lowered)');
    expect(await importing(OLD, '--dry-run')).toMatchObject({ exitCode: 2 });
    expect((await stats()).journal.sequence).toBe(before.journal.sequence);
  });

  it('between what seqd has issued and the old numbers is a documented hole', async () => {
    await start();
    expect(await draw()).toBe(1);
    expect(await importing(OLD, '--yes')).toMatchObject({ exitCode: 0 });
    expect(await verify()).toMatchObject({ complete: true, issued: 1, void: 98 + 3, imported: 5 });
  });

  it('an interrupted import keeps its numbers from being drawn, and is continued', async () => {
    await start();
    const numbers = Array.from({ length: 2_500 }, (_, i) => 1 + 2 * i);
    const dry = await importing(numbers, '--dry-run', '--json');
    const { source } = JSON.parse(dry.stdout) as { source: string };
    expect((await stats()).next).toBe(1);
    const url = `${nodes[0]!.url}/api/v1/admin`;
    const said = { reason: 'cutover', actor: 'somebody else' };
    const raise = { next: 5_000, ...said, imported: { first: 1, source, gapsTo: 'void' } };
    expect(await http.post(`${url}/raise`, raise, { 'idempotency-key': 'mine', ...admin() })).toMatchObject({
      status: 200,
      body: { next: 5_000, skipped: null, imported: { first: 1, last: 4_999, source } },
    });
    expect(await draw()).toBe(5_000);
    expect(await verify()).toMatchObject({ complete: true, openImport: { first: 1, last: 4_999 } });
    const other = await importing([...numbers, 4_998], '--yes');
    expect(other.exitCode).toBe(3);
    const continued = await importing(numbers, '--yes');
    expect(continued.stdout, continued.stderr).toContain('the import was continued and is complete');
    expect(await verify()).toMatchObject({
      complete: true,
      imported: 2_500,
      void: 2_499,
      issued: 1,
      openImport: null,
    });
  });

  it('--start-only only raises the counter', async () => {
    await start();
    expect((await importing(OLD, '--start-only', '--yes')).stdout).toContain('the next new number is 108\n');
    expect((await importing(OLD, '--start-only', '--yes')).stdout).toContain('nothing was changed');
    expect(await draw()).toBe(108);
    expect(await verify()).toMatchObject({ complete: true, start: 108, imported: 0, void: 0 });
  });

  it.each([
    ['no --yes', OLD, [], 'say --yes'],
    ['a row that is no number', [1, 'x'], ['--yes'], '1 lines hold no number'],
    ['duplicates', [1, 1], ['--yes'], '--allow-duplicates'],
    ['mixed prefixes', ['1', 'C2'], ['--yes'], 'say --prefix "" --prefix "C"'],
    ['no number', [], ['--yes'], 'there are no numbers'],
  ])('%s: nothing is changed', async (_what, numbers, args, message) => {
    await start();
    const { exitCode, stderr } = await importing(numbers, ...args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(await stats()).toMatchObject({ next: 1, journal: { sequence: 0 } });
  });

  it('another administrator may repeat it, for another reason', async () => {
    await start();
    expect(await importing(OLD, '--yes')).toMatchObject({ exitCode: 0 });
    const again = await importing(OLD, '--yes', '--actor', 'somebody else', '--reason', 'again');
    expect(again.stdout, again.stderr).toContain('imported before; nothing was changed');
    expect(await importing(OLD, '--gaps', 'pool', '--yes')).toMatchObject({ exitCode: 3 });
  });

  it('one whose file is lost can be closed: what is not said stays imported, and others can follow', async () => {
    await start();
    const url = `${nodes[0]!.url}/api/v1/admin`;
    const said = { reason: 'cutover', actor: 'somebody' };
    const raise = { next: 50, ...said, imported: { first: 10, source: 'lost', gapsTo: 'void' } };
    const headers = { 'idempotency-key': 'mine', ...admin() };
    expect(await http.post(`${url}/raise`, raise, headers)).toMatchObject({ status: 200 });
    expect((await importing(OLD, '--dry-run')).stderr).toContain(
      'another import is under way and goes on at 10',
    );
    expect((await importing(OLD, '--yes')).stderr).toContain('(import_conflict)');
    expect(await seqd(['import', '--close'])).toMatchObject({ exitCode: 2 });
    const dry = await seqd(['import', '--close', '--dry-run']);
    expect(dry.stdout, dry.stderr).toContain(
      'all of 10 to 49 (40 numbers of source lost) stay documented as imported',
    );
    expect(await stats()).toMatchObject({ openImport: { first: 10, last: 49 } });
    const closed = await seqd(['import', '--close', '--yes']);
    expect(closed.stdout, closed.stderr).toContain('the import is closed: all of 10 to 49');
    expect(await verify()).toMatchObject({ complete: true, imported: 40, openImport: null });
    expect((await seqd(['import', '--close', '--yes'])).stderr).toContain('no import is under way');
    expect(await importing(OLD, '--yes')).toMatchObject({ exitCode: 0 });
    expect(await verify()).toMatchObject({ complete: true, imported: 45, openImport: null });
  });

  it('a dry run says what the series would refuse', async () => {
    await start({ 'sequence.core.gap-recovery-enabled': 'false', 'sequence.core.maximum': '120' });
    const pooled = await importing(OLD, '--gaps', 'pool', '--dry-run');
    expect([pooled.exitCode, pooled.stderr]).toEqual([2, expect.stringContaining('never reuses numbers')]);
    const beyond = await importing([100, 121], '--dry-run');
    expect([beyond.exitCode, beyond.stderr]).toEqual([2, expect.stringContaining('the series ends at 120')]);
    expect(await importing(OLD, '--dry-run')).toMatchObject({ exitCode: 0 });
  });

  it('a file without a line end at its end is imported only when somebody says it is whole', async () => {
    await start();
    const path = join(directory, 'cut.csv');
    writeFileSync(path, 'no\n555149\n5551');
    const args = ['import', path, '--column', 'no', '--yes'];
    const refused = await seqd(args);
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('last line, 3 ("5551")')]);
    expect(await stats()).toMatchObject({ next: 1, journal: { sequence: 0 } });
    expect(await seqd([...args, '--last-line-complete'])).toMatchObject({ exitCode: 0 });
  });

  it('without a configured token, whoever cannot read the one that the node made is refused', async () => {
    await start();
    const { url } = nodes[0]!;
    const body = { next: 10, reason: 'r', actor: 'a' };
    const post = (headers: Record<string, string>): Promise<{ status: number }> =>
      http.post(`${url}/api/v1/admin/raise`, body, { 'idempotency-key': 'k', ...headers });
    expect(await post({})).toMatchObject({ status: 403 });
    const token = readAdminToken(url);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await post({ authorization: `Bearer ${token}` })).toMatchObject({ status: 200 });
    await nodes.pop()!.close();
    expect(readAdminToken(url)).toBeUndefined();
  });

  it('needs the token where one is configured', async () => {
    const token = 'a-token-of-enough-characters';
    await start({ 'server.admin-token': token });
    const refused = await importing(OLD, '--yes');
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain('(admin_required)');
    const args = ['import', file(OLD), '--column', 'no', '--yes'];
    expect(await seqd(args, { SEQD_SERVER_ADMIN_TOKEN: token })).toMatchObject({ exitCode: 0 });
  });

  it('refuses a request without a key, or with anything wrong in it', async () => {
    await start();
    const url = `${nodes[0]!.url}/api/v1/admin`;
    const key = { 'idempotency-key': 'k', ...admin() };
    const ok = { next: 10, reason: 'r', actor: 'a' };
    expect(await http.post(`${url}/raise`, ok, admin())).toMatchObject({ status: 400 });
    for (const wrong of [
      {},
      { ...ok, next: 0 },
      { ...ok, next: 2 ** 53 },
      { ...ok, next: '10' },
      { ...ok, reason: '' },
      { ...ok, surprise: 1 },
      { ...ok, imported: { first: 10, source: 's', gapsTo: 'void' } },
    ])
      expect(await http.post(`${url}/raise`, wrong, key), JSON.stringify(wrong)).toMatchObject({
        status: 400,
        body: { code: 'invalid_request' },
      });
    const adopt = { first: 1, last: 2, gaps: [], source: 's', reason: 'r', actor: 'a' };
    expect(await http.post(`${url}/adopt`, adopt, key)).toMatchObject({
      status: 409,
      body: { code: 'import_conflict' },
    });
    expect(await http.get(`${url}/raise`)).toMatchObject({ status: 405 });
    expect((await stats()).journal.sequence).toBe(0);
  });
});

describe('a numbering in a database', () => {
  const table = async (): Promise<string> => {
    const url = await freshDatabase();
    await query(url, 'CREATE SCHEMA "Old Shop"');
    await query(url, 'CREATE TABLE "Old Shop"."Invoices" ("No" bigint, "Year" int)');
    await query(
      url,
      'INSERT INTO "Old Shop"."Invoices" SELECT i, 2020 + i % 2 FROM generate_series(1, 25000) i WHERE i % 1000 <> 7',
    );
    return url;
  };
  const scan = (url: string, ...args: string[]): Promise<CliRun> => run(['scan', ...args, '--database', url]);

  it('is read through a cursor, whatever its names', async () => {
    expect(inject('postgresUrl')).toBeTruthy();
    const url = await table();
    const { stdout, stderr } = await scan(url, '--table', 'Old Shop.Invoices', '--column', 'No');
    expect(stdout, stderr).toContain('25 missing in 25 runs, longest 1 (7), 0 duplicates');
    const sql = 'SELECT "No" AS n FROM "Old Shop"."Invoices" WHERE "No" <= 100; -- all';
    expect((await scan(url, '--query', sql, '--column', 'n')).exitCode).not.toBe(0);
    const fine = 'SELECT "No" AS n FROM "Old Shop"."Invoices" WHERE "No" <= 100 -- some';
    expect((await scan(url, '--query', fine, '--column', 'n')).stdout).toContain('1 missing in 1 run');
  });

  it('a query can change nothing, be only one statement, and take only so long', async () => {
    const url = await table();
    const count = async (): Promise<unknown> =>
      (await query(url, 'SELECT count(*)::int AS n FROM "Old Shop"."Invoices"'))[0]!['n'];
    const before = await count();
    for (const sql of [
      'DELETE FROM "Old Shop"."Invoices" RETURNING "No"',
      'SELECT 1 AS "No") AS x; DELETE FROM "Old Shop"."Invoices"; SELECT (1',
      'WITH gone AS (DELETE FROM "Old Shop"."Invoices" RETURNING "No") SELECT * FROM gone',
    ]) {
      const { exitCode } = await scan(url, '--query', sql, '--column', 'No');
      expect(exitCode, sql).toBe(2);
    }
    expect(await count()).toBe(before);
    const slow = await scan(
      url,
      '--query',
      'SELECT 1 AS n, pg_sleep(20)',
      '--column',
      'n',
      '--query-timeout',
      '0.2',
    );
    expect(slow.exitCode).toBe(4);
    expect(slow.stderr).toContain('stopped the query');
  });

  it('unknown tables and columns are named, with what may have been meant', async () => {
    const url = await table();
    const wrongTable = await scan(url, '--table', 'Old Shop.Invoice', '--column', 'No');
    expect(wrongTable).toMatchObject({ exitCode: 2 });
    expect(wrongTable.stderr).toContain('did you mean "Old Shop.Invoices"?');
    const wrongColumn = await scan(url, '--table', 'Old Shop.Invoices', '--column', 'no_');
    expect(wrongColumn.stderr).toContain('did you mean "No"?');
    const injected = await scan(url, '--table', 'Old Shop.Invoices" WHERE true --', '--column', 'No');
    expect(injected).toMatchObject({ exitCode: 2 });
  });

  it('a database that does not answer is named without its password', async () => {
    const { exitCode, stderr } = await scan(
      'postgres://me:geheim@127.0.0.1:1/x',
      '--table',
      't',
      '--column',
      'n',
    );
    expect(exitCode).toBe(4);
    expect(stderr).not.toContain('geheim');
  });
});
