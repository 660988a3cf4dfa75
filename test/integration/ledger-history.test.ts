import type pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type AuditEnd, streamAudit } from '../../src/ledger/audit/audit-stream.ts';
import { readAuditPage } from '../../src/ledger/audit/audit-trail.ts';
import { auditStatement } from '../../src/ledger/postgres/audit-query.ts';
import { numberLifeStatement } from '../../src/ledger/postgres/number-life.ts';
import type { AuditPoint } from '../../src/ledger/audit/row-page.ts';
import { readNumberLife } from '../../src/ledger/life/number-life.ts';
import { createLedgerPool } from '../../src/ledger/postgres/ledger-pool.ts';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import { createReaderPool } from '../../src/ledger/postgres/open-postgres-ledger-reader.ts';
import { PostgresLedgerReader } from '../../src/ledger/postgres/postgres-ledger-reader.ts';
import { PostgresLedger } from '../../src/ledger/postgres/postgres-ledger.ts';
import { makeReport } from '../../src/ledger/report/series-report.ts';
import { reportText } from '../../src/ledger/report/report-text.ts';
import { PostgresRecoveryLedger } from '../../src/ledger/postgres/postgres-recovery-ledger.ts';
import type { AuditFilter, AuditOrder, LedgerFact, LedgerReader } from '../../src/ports/ledger-reader.ts';
import type { SequenceStore } from '../../src/ports/sequence-store.ts';
import { HistoryWorld, SERIES } from '../kit/history-world.ts';
import { freshDatabase } from '../kit/postgres.ts';
import { digest } from '../kit/series-world.ts';
import { until } from '../kit/until.ts';

const owner = { site: 'site-1', partition: 'partition-a', type: 'on-cycle' };
const other = { site: 'site-2', partition: 'partition-a', type: 'off-cycle' };
const place = { site: 'site-1', partition: 'partition-a' };
const issue = (count = 1, of = owner) => ({ kind: 'issue' as const, owner: of, count });

interface Place {
  readonly ledger: PostgresLedger;
  readonly reader: PostgresLedgerReader;
  readonly pool: pg.Pool;
}

async function openLedger(): Promise<Place> {
  const options = {
    url: await freshDatabase(),
    schema: 'seqd',
    poolMax: 3,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 30_000,
    tls: null,
    caFile: null,
  };
  await migrateUp(options);
  const [pool, readers] = [createLedgerPool(options), createReaderPool(options)];
  const ledger = new PostgresLedger({ pool, cluster: 'test', digest });
  const reader = new PostgresLedgerReader({ pool: readers, cluster: 'test' });
  onTestFinished(async () => {
    await Promise.all([ledger.close(), reader.close()]);
  });
  return { ledger, reader, pool };
}

/** Everything that can happen to a number. */
async function eventfulWorld(): Promise<HistoryWorld> {
  const world = new HistoryWorld();
  // 1: a run of plain draws, numbers 1 to 5.
  await world.run(Array.from({ length: 5 }, () => ({ command: issue(), origin: {} })));
  // 2: a block, 6 to 2,005, over two pages.
  await world.do({ kind: 'block', owner: other, count: 2_000 }, { client: 'erp', trace: 't-1' });
  // 3: a draw that says all it can, 2,006.
  await world.do(issue(), {
    key: 'k-1',
    fingerprint: 'f',
    client: 'shop',
    trace: 't-2',
    reference: 'INV-2006',
  });
  // 4 and 5: 3 goes back, and comes to another document.
  await world.do({ kind: 'release', number: 3, ...place, reason: 'cancelled' }, { client: 'shop' });
  await world.do(issue(1, other), { reference: 'INV-3' });
  // 6 and 7: a reservation that is confirmed, 2,007 and 2,008.
  await world.do({ kind: 'reserve', owner, count: 2, holdMs: 60_000 });
  await world.do({ kind: 'confirm', reservation: { sequence: 6, index: 0 }, ...place });
  // 8 and 9: one that is cancelled, 2,009.
  await world.do({ kind: 'reserve', owner, count: 1, holdMs: 60_000 });
  await world.do({ kind: 'cancel', reservation: { sequence: 8, index: 0 }, ...place });
  // 10 and 11: one that expires, 2,009 again.
  await world.do({ kind: 'reserve', owner, count: 1, holdMs: 1_000 });
  world.now += 60_000;
  await world.do({ kind: 'expire', reservation: { sequence: 10, index: 0 } });
  // 12: 5 is taken out for good.
  await world.do({ kind: 'void', number: 5, ...place, reason: 'misprint', actor: 'ann' });
  // 13: 2,010 to 2,999 are skipped.
  await world.do({ kind: 'raise', next: 3_000, reason: 'new range', actor: 'bob' });
  return world;
}

const eventsOf = async (world: HistoryWorld, reader: PostgresLedgerReader | undefined, number: number) =>
  readNumberLife({ store: world.store, series: SERIES, reader }, number, { limit: 100 });

describe('the life of a number', () => {
  const lives: readonly [number, string, string[]][] = [
    [2, 'issued', ['issued']],
    [3, 'issued', ['issued', 'released', 'reissued']],
    [5, 'void', ['issued', 'void']],
    [6, 'issued', ['issued']],
    [2_005, 'issued', ['issued']],
    [2_006, 'issued', ['issued']],
    [2_008, 'issued', ['reserved', 'confirmed']],
    [2_009, 'pooled', ['reserved', 'cancelled', 'reserved', 'expired']],
    [2_500, 'void', ['skipped']],
  ];

  test('is the same from the ledger, from the journal, and from both however far the ledger is behind', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    const last = world.entries.length;
    for (let position = 0; position <= last; position += 1) {
      if (position > 0) await world.project(ledger, position);
      for (const [number, status, names] of lives) {
        const life = await eventsOf(world, reader, number);
        expect(life, `${number} with a ledger up to ${position}`).toMatchObject({
          state: { status },
          complete: true,
          consistent: true,
          ledgerSequence: position,
          journalSequence: last,
        });
        expect(life.events.map(({ event }) => event)).toEqual(names);
        const alone = await eventsOf(world, undefined, number);
        expect(alone.events).toEqual(life.events);
        expect(alone.state).toEqual(life.state);
        expect(alone).toMatchObject({ complete: true, consistent: true, ledgerSequence: null });
      }
    }
  });

  test('says who, when, where, for which document, and names the fact in the middle of a run', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger);
    const middle = await eventsOf(world, reader, 2);
    expect(middle.events[0]).toMatchObject({
      position: { sequence: 1, index: 1 },
      allocation: { sequence: 1, index: 1 },
      numbers: { first: 2, last: 2 },
      owner,
      node: 'node-1',
      revision: world.entries[0]!.revision,
      time: world.entries[0]!.batch.time,
    });
    expect((await eventsOf(world, reader, 2_006)).events[0]).toMatchObject({
      client: 'shop',
      trace: 't-2',
      reference: 'INV-2006',
      key: 'k-1',
    });
    const reissued = await eventsOf(world, reader, 3);
    expect(reissued.events[1]).toMatchObject({ reason: 'cancelled', releasedTo: 'pool', client: 'shop' });
    expect(reissued.state).toMatchObject({ owner: other, allocation: { sequence: 5, index: 0 } });
    expect((await eventsOf(world, reader, 5)).events[1]).toMatchObject({ actor: 'ann', reason: 'misprint' });
    expect((await eventsOf(world, reader, 2_008)).state.allocation).toEqual({ sequence: 6, index: 0 });
    expect((await eventsOf(world, reader, 6)).events[0]!.numbers).toEqual({ first: 6, last: 2_005 });
  });

  test('comes page by page', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger, 9);
    const sources = { store: world.store, series: SERIES, reader };
    const names: string[] = [];
    let after: { sequence: number; index: number } | undefined;
    for (let pages = 1; ; pages += 1) {
      const life = await readNumberLife(sources, 2_009, { after, limit: 1 });
      names.push(...life.events.map(({ event }) => event));
      expect(life.state.status).toBe('pooled');
      if (!life.more) break;
      after = life.events.at(-1)!.position;
      expect(pages).toBeLessThan(5);
    }
    expect(names).toEqual(['reserved', 'cancelled', 'reserved', 'expired']);
  });

  test('without a ledger says from where on it is complete', async () => {
    const world = await eventfulWorld();
    await world.prune(4);
    const life = await eventsOf(world, undefined, 3);
    expect(life).toMatchObject({ complete: false, from: 4, state: { status: 'issued', owner: other } });
    expect(life.events.map(({ event }) => event)).toEqual(['released', 'reissued']);
  });

  test('comes from the journal while the ledger does not answer; all other questions fail', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger, 6);
    await reader.close();
    expect(await eventsOf(world, reader, 3)).toMatchObject({ complete: true, ledgerSequence: null });
    const sources = { store: world.store, series: SERIES, reader };
    await expect(
      readAuditPage(sources, {}, { order: 'asc', limit: 1, expanded: false }),
    ).rejects.toMatchObject({
      code: 'ledger_unavailable',
    });
  });

  test('of a number never drawn is an error that says what comes next', async () => {
    const world = await eventfulWorld();
    for (const number of [3_000, Number.MAX_SAFE_INTEGER])
      await expect(eventsOf(world, undefined, number)).rejects.toMatchObject({
        code: 'never_issued',
        message: expect.stringContaining('3000'),
      });
  });

  test('notices events that somebody has taken out of the ledger', async () => {
    const { ledger, reader, pool } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger);
    await pool.query("DELETE FROM facts WHERE kind = 'release'");
    await pool.query("DELETE FROM facts WHERE kind = 'issue' AND NOT fresh");
    await pool.query("DELETE FROM facts WHERE kind = 'void'");
    expect((await eventsOf(world, reader, 5)).consistent).toBe(false);
  });

  test('reads every partition by an index, within bounds', async () => {
    const { ledger, reader, pool } = await openLedger();
    const world = new HistoryWorld();
    for (let month = 0; month < 6; month += 1) {
      for (let i = 0; i < 20; i += 1)
        await world.run(
          Array.from({ length: 30 }, (_, j) => ({
            command: issue(),
            origin: { key: `${month}-${i}-${j}`, fingerprint: 'f' },
          })),
        );
      await world.do({ kind: 'release', number: month * 600 + 7, ...place, reason: 'r' });
      world.now += 31 * 86_400_000;
    }
    await world.project(ledger);
    await pool.query('ANALYZE');
    const { text } = numberLifeStatement(1, 7, { through: 1e9, limit: 100 });
    const client = await pool.connect();
    onTestFinished(() => client.release());
    await client.query(`PREPARE life AS ${text}`);
    // Made for this number, and as the reader uses it, for any.
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      await client.query(`SET plan_cache_mode = ${mode}`);
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        'EXPLAIN (ANALYZE, TIMING OFF) EXECUTE life (1, 7, 1000000000, 0, 0, 100)',
      );
      const plan = rows.map(row => row['QUERY PLAN']);
      const scans = plan.flatMap((line, i) =>
        /Scan.* on facts_\d/.test(line) ? [`${line}\n${plan[i + 1]}`] : [],
      );
      expect(scans.length, plan.join('\n')).toBeGreaterThanOrEqual(6);
      for (const scan of scans) {
        expect(scan).toMatch(/Index.* Scan/);
        expect(scan).toMatch(/Index Cond:.*last >= /);
        // Either both bounds, or an index whose first row is the only one that is read.
        if (!/last < /.test(scan)) expect(scan).toMatch(/rows=[01](\.00)? loops=1|never executed/);
      }
    }
    expect((await eventsOf(world, reader, 7)).events.map(({ event }) => event)).toEqual([
      'issued',
      'released',
      'reissued',
    ]);
  });
});

/** All pages of a question, with `between` done between two of them. */
async function allPages(
  world: HistoryWorld,
  reader: PostgresLedgerReader | undefined,
  filter: AuditFilter,
  {
    limit,
    order = 'asc',
    expanded = false,
    between,
  }: { limit: number; order?: AuditOrder; expanded?: boolean; between?: () => Promise<void> },
): Promise<LedgerFact[]> {
  const facts: LedgerFact[] = [];
  let after: AuditPoint | undefined;
  for (;;) {
    const page = await readAuditPage({ store: world.store, series: SERIES, reader }, filter, {
      order,
      after,
      limit,
      expanded,
    });
    facts.push(...page.facts);
    expect(page.facts.length).toBeLessThanOrEqual(limit);
    if (page.next === null) return facts;
    after = page.next;
    await between?.();
  }
}

const names = (facts: readonly LedgerFact[]): string[] =>
  facts.map(({ kind, sequence, index, part }) => `${sequence}-${index}/${part} ${kind}`);

describe('a question that nobody waits for any more', () => {
  test('holds no connection, and the server works on it no longer', async () => {
    const { ledger, reader, pool } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger);
    const holder = await pool.connect();
    onTestFinished(() => holder.release(true));
    await holder.query('BEGIN; LOCK TABLE facts IN ACCESS EXCLUSIVE MODE');
    const begin = performance.now();
    // Three times as many as there are connections.
    const questions = Array.from({ length: 9 }, (_, i) => {
      const asked = { through: 100, limit: 10, signal: AbortSignal.timeout(400) };
      return i % 2 === 0
        ? reader.factsOf(SERIES, 3, asked)
        : reader.facts(SERIES, {}, { ...asked, order: 'asc' });
    });
    for (const outcome of await Promise.allSettled(questions))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ledger_unavailable' } });
    // The server itself would stop them after 30 s.
    expect(performance.now() - begin).toBeLessThan(15_000);
    const waiting = `SELECT count(*)::integer AS waiting FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await until(
      'the server has stopped them',
      async () => (await holder.query<{ waiting: number }>(waiting)).rows[0]!.waiting === 0,
    );
    await holder.query('ROLLBACK');
    const life = await readNumberLife({ store: world.store, series: SERIES, reader }, 3, { limit: 10 });
    expect(life.ledgerSequence).toBe(world.entries.length);
  });
});

describe('the audit trail', () => {
  test('has every row once, in order, from page to page, whatever the ledger has yet', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    const whole = names(await allPages(world, undefined, {}, { limit: 1_000 }));
    expect(whole.length).toBeGreaterThan(12);
    for (const position of [1, 4, 9, world.entries.length]) {
      await world.project(ledger, position);
      for (const limit of [1, 2, 3, 7, 100]) {
        expect(names(await allPages(world, reader, {}, { limit }))).toEqual(whole);
        expect(names(await allPages(world, reader, {}, { limit, order: 'desc' }))).toEqual(
          whole.toReversed(),
        );
      }
    }
  });

  test('has on its newest pages nothing of what comes later, and nothing twice', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    const before = names(await allPages(world, undefined, {}, { limit: 1_000 }));
    await world.project(ledger, 3);
    const between = async (): Promise<void> => {
      await world.do(issue());
      // Pages before came from the journal, those after come from the ledger.
      await world.project(ledger, world.entries.length - 2);
    };
    const facts = await allPages(world, reader, {}, { limit: 2, order: 'desc', between });
    expect(names(facts)).toEqual(before.toReversed());
  });

  test('with its journal pruned begins where the journal does, from both ends', async () => {
    const world = await plainWorld(700);
    await world.prune(401);
    const sources = { store: world.store, series: SERIES, reader: undefined };
    for (const order of ['asc', 'desc'] as const) {
      const facts = await allPages(world, undefined, {}, { limit: 33, order });
      expect(facts).toHaveLength(300);
      const page = await readAuditPage(sources, {}, { order, limit: 33, expanded: false });
      expect(page.from).toBe(401);
    }
  });

  test('reads its newest page backwards along an index, and none of the older partitions', async () => {
    const { ledger, pool } = await openLedger();
    const world = new HistoryWorld();
    for (let month = 0; month < 4; month += 1) {
      for (let i = 0; i < 300; i += 1) await world.do(issue());
      world.now += 31 * 86_400_000;
    }
    await world.project(ledger);
    await pool.query('ANALYZE');
    const last = world.entries.at(-1)!.batch;
    const page = { seriesId: 1, ownerIds: undefined, cover: undefined, through: 1e9, limit: 50 };
    for (const [order, from] of [
      ['asc', undefined],
      ['desc', undefined],
      ['desc', { time: last.time - 5_000, sequence: last.sequence - 5, index: 0, part: 0 }],
    ] as const) {
      const { text, values } = auditStatement({}, { ...page, order, from });
      const { rows } = await pool.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (ANALYZE, TIMING OFF) ${text}`,
        values,
      );
      const plan = rows.map(row => row['QUERY PLAN']);
      const read = plan.filter(line => / on facts_\d/.test(line) && !line.includes('never executed'));
      expect(read, plan.join('\n')).toHaveLength(1);
      expect(read[0]).toMatch(order === 'desc' ? /Index Scan Backward/ : /Index Scan using/);
      // No more of it than the page takes, and the rows of one more moment.
      expect(Number(/rows=([\d.]+) loops/.exec(read[0]!)![1])).toBeLessThan(60);
    }
  });

  test('stays in step while rows are added and the ledger catches up', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger, 3);
    let added = 0;
    const facts = await allPages(
      world,
      reader,
      {},
      {
        limit: 2,
        between: async () => {
          if (added === 4) return;
          added += 1;
          await world.do(issue());
          await world.project(ledger, world.entries.length - 2);
        },
      },
    );
    expect(names(facts)).toEqual(names(await allPages(world, undefined, {}, { limit: 1_000 })));
  });

  test('filters alike in SQL and in memory', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    const time = world.entries[4]!.batch.time;
    const filters: AuditFilter[] = [
      { site: 'site-1' },
      { site: 'site-2', type: 'off-cycle' },
      { site: 'nowhere' },
      { partition: 'partition-a' },
      { client: 'shop' },
      { reference: 'INV-2006' },
      { key: 'k-1' },
      { kinds: ['release', 'void'] },
      { from: time },
      { to: time },
      { from: time, to: time + 1 },
      { numbers: { first: 3, last: 3 } },
      { numbers: { first: 2_004, last: 2_009 } },
      { numbers: { first: 2_600, last: Number.MAX_SAFE_INTEGER } },
      { numbers: { first: 1, last: 3 }, kinds: ['issue'], site: 'site-1' },
    ];
    const expected = await Promise.all(
      filters.map(filter => allPages(world, undefined, filter, { limit: 3 })),
    );
    await world.project(ledger);
    for (const [i, filter] of filters.entries()) {
      const found = await allPages(world, reader, filter, { limit: 3 });
      expect(found, JSON.stringify(filter)).toEqual(expected[i]);
    }
    expect(expected.map(facts => facts.length > 0)).toEqual(filters.map(({ site }) => site !== 'nowhere'));
  });

  test('gives a run as one row, or a number a row, over page borders too', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger);
    const [run] = await allPages(world, reader, {}, { limit: 100 });
    expect(run).toMatchObject({ facts: 5, first: 1, last: 5 });
    const numbers = { first: 1, last: 5 };
    for (const limit of [1, 2, 4, 100]) {
      const rows = await allPages(world, reader, { numbers, kinds: ['issue'] }, { limit, expanded: true });
      expect(rows.map(({ first, index }) => `${first}@${index}`)).toEqual([
        '1@0',
        '2@1',
        '3@2',
        '4@3',
        '5@4',
        '3@0',
      ]);
      const newestFirst = await allPages(
        world,
        reader,
        { numbers, kinds: ['issue'] },
        { limit, expanded: true, order: 'desc' },
      );
      expect(newestFirst).toEqual(rows.toReversed());
    }
    const block = await allPages(world, reader, { kinds: ['block'] }, { limit: 1_000, expanded: true });
    expect(block.map(({ first }) => first)).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 6));
  });

  test('takes whatever is asked as a value, never as SQL', async () => {
    const { ledger, reader, pool } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger);
    const hostile = ["'; DROP TABLE facts; --", "' OR '1'='1", '$1', '\\', '%', "x'::regclass", '🙂\u0000'];
    for (const text of hostile) {
      for (const field of ['site', 'partition', 'type', 'client', 'reference', 'key'] as const) {
        const page = await readAuditPage(
          { store: world.store, series: SERIES, reader },
          { [field]: text },
          { order: 'asc', limit: 10, expanded: false },
        );
        expect(page.facts).toEqual([]);
      }
    }
    const { rows } = await pool.query('SELECT count(*) > 0 AS there FROM facts');
    expect(rows[0]).toEqual({ there: true });
  });

  test('streams all of it at one moment, and gives the connection back when the reader leaves', async () => {
    const { ledger, reader, pool } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger, 8);
    const sources = { store: world.store, series: SERIES, reader };
    const streamed: LedgerFact[] = [];
    for await (const facts of streamAudit(sources, {}, {})) streamed.push(...facts);
    expect(names(streamed)).toEqual(names(await allPages(world, reader, {}, { limit: 1_000 })));
    for (let i = 0; i < 10; i += 1) {
      const gone = new AbortController();
      for await (const _ of streamAudit(sources, {}, { signal: gone.signal })) {
        gone.abort();
        break;
      }
    }
    const open =
      "SELECT count(*)::integer AS open FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    // The server takes a moment to see that a connection has ended.
    await until(
      'no transaction is open',
      async () => (await pool.query<{ open: number }>(open)).rows[0]!.open === 0,
    );
  });
});

describe('the completeness report', () => {
  const sourcesOf = (world: HistoryWorld, reader?: PostgresLedgerReader) => ({
    store: world.store,
    series: SERIES,
    cluster: 'test',
    reader,
    node: 'node-1',
    now: () => 0,
  });
  const all = { range: { by: 'number' as const } };

  test('accounts for every number, with the tail, whatever the ledger has', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    const last = world.entries.length;
    for (const position of [0, 1, 6, last]) {
      if (position > 0) await world.project(ledger, position);
      const report = await makeReport(sourcesOf(world, reader), all);
      expect(report).toMatchObject({
        complete: true,
        from: 1,
        to: 2_999,
        numbers: 2_999,
        issued: 2_007,
        reserved: 0,
        pooled: 1,
        void: 991,
        imported: 0,
        missing: 0,
        drawnTwice: 0,
        problems: [],
        journal: { batch: last, chain: digest(world.entries.at(-1)!.text) },
        ledger: { batch: position, tail: last - position, chainAgrees: true },
        voidReasons: [
          { reason: 'new range', numbers: 990, runs: 1, ranges: [{ first: 2_010, last: 2_999 }] },
          { reason: 'misprint', numbers: 1, runs: 1, ranges: [{ first: 5, last: 5 }] },
        ],
      });
      expect(reportText(report).at(-1)).toMatch(/^COMPLETE: every number from 1 to 2999/);
    }
    const without = await makeReport(sourcesOf(world), all);
    expect(without).toMatchObject({ complete: true, numbers: 2_999, ledger: null });
  });

  test('is of the range and the revision that are asked for', async () => {
    const { ledger, reader } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger);
    const part = await makeReport(sourcesOf(world, reader), { range: { by: 'number', first: 4, last: 6 } });
    expect(part).toMatchObject({ complete: true, from: 4, to: 6, numbers: 3, issued: 2, void: 1 });
    const then = await makeReport(sourcesOf(world, reader), { ...all, at: world.entries[1]!.revision });
    expect(then).toMatchObject({ complete: true, to: 2_005, issued: 2_005, void: 0, voidReasons: [] });
    expect(then.journal).toMatchObject({ batch: 2, chain: digest(world.entries[1]!.text) });
    const time = world.entries[1]!.batch.time;
    const dated = await makeReport(sourcesOf(world, reader), {
      range: { by: 'time', from: time, to: time + 2_000 },
    });
    expect(dated).toMatchObject({ complete: true, from: 6, to: 2_006 });
    const never = await makeReport(sourcesOf(world, reader), { range: { by: 'time', from: time + 1e12 } });
    expect(never).toMatchObject({ complete: true, numbers: 0, from: null });
    await expect(makeReport(sourcesOf(world), { range: { by: 'time', from: time } })).rejects.toMatchObject({
      code: 'ledger_unavailable',
    });
  });

  test('finds numbers whose record is gone, drawn twice, or void without a reason, and another chain', async () => {
    const { ledger, reader, pool } = await openLedger();
    const world = await eventfulWorld();
    await world.project(ledger);
    const reportAfter = async (statement: string) => {
      await pool.query(statement);
      const report = await makeReport(sourcesOf(world, reader), all);
      expect(report.complete).toBe(false);
      return report;
    };
    expect(await reportAfter('DELETE FROM facts WHERE sequence = 3')).toMatchObject({
      missing: 1,
      missingRanges: [{ first: 2_006, last: 2_006 }],
    });
    expect(await reportAfter('UPDATE facts SET first = 4 WHERE sequence = 2')).toMatchObject({
      drawnTwice: 2,
    });
    const unexplained = await reportAfter("DELETE FROM facts WHERE kind = 'void'");
    expect(unexplained.problems.join()).toContain('number 5 is void in etcd, and no record says why');
    const chain = await reportAfter("UPDATE batches SET chain = repeat('f', 64) WHERE sequence = 13");
    expect(chain.ledger).toMatchObject({ chainAgrees: false });
  });
});

/** A draw a batch, so that numbers and batches are the same. */
async function plainWorld(batches: number): Promise<HistoryWorld> {
  const world = new HistoryWorld();
  for (let i = 0; i < batches; i += 1) await world.do(issue());
  return world;
}

describe('a ledger that will never have some batches', () => {
  test.each([
    ['because it began after the journal was pruned', 0],
    ['because that was accepted', 5],
  ])('%s, says so, and accuses nobody', async (_why, before) => {
    const { ledger, reader, pool } = await openLedger();
    const world = await plainWorld(25);
    await world.project(ledger, before);
    await world.prune(11);
    if (before > 0) {
      const recovery = new PostgresRecoveryLedger({ pool, cluster: 'test', digest });
      const chain = digest(world.entries[9]!.text);
      const why = { reason: 'lost', actor: 'ann' };
      await recovery.skipTo(SERIES, { sequence: 10, chain, next: 11 }, why);
    }
    await ledger.append(SERIES, world.entries.slice(10, 20), 1, { beginsHere: before === 0 });
    const sources = { store: world.store, series: SERIES, reader, cluster: 'test', node: 'n', now: () => 0 };
    expect(await makeReport(sources, { range: { by: 'number' } })).toMatchObject({
      complete: true,
      issued: 25,
      missing: 0,
      problems: [],
      witnessedByStateOnly: 10 - before,
    });
    expect(await eventsOf(world, reader, 8)).toMatchObject({
      state: { status: 'issued' },
      events: [],
      complete: false,
      from: 11,
      consistent: null,
    });
    for (const number of [15, 25])
      expect(await eventsOf(world, reader, number)).toMatchObject({ complete: true, consistent: true });
    for (const order of ['asc', 'desc'] as const) {
      const page = await readAuditPage(sources, {}, { order, limit: 100, expanded: false });
      expect(page).toMatchObject({ from: 11, facts: { length: 15 + before } });
    }
    const chunks = streamAudit(sources, {}, {});
    let read = await chunks.next();
    while (read.done !== true) read = await chunks.next();
    expect(read.value).toEqual({ from: 11, behindLedger: false });
  });

  test('believes etcd of what became in them of older numbers, but excuses nothing else that is missing', async () => {
    const { ledger, reader, pool } = await openLedger();
    const world = await plainWorld(6);
    await world.do({ kind: 'void', number: 3, ...place, reason: 'misprint', actor: 'ann' });
    for (let i = 0; i < 10; i += 1) await world.do(issue());
    await world.project(ledger, 5);
    await world.prune(11);
    const recovery = new PostgresRecoveryLedger({ pool, cluster: 'test', digest });
    // As if it was accepted twice: batches 6 to 8, and once more 9 and 10.
    for (const sequence of [8, 10]) {
      const { previous: chain, next } = world.entries[sequence]!.batch;
      await recovery.skipTo(SERIES, { sequence, chain, next }, { reason: 'lost', actor: 'ann' });
    }
    const sources = { store: world.store, series: SERIES, reader, cluster: 'test', node: 'n', now: () => 0 };
    const report = () => makeReport(sources, { range: { by: 'number' } });
    for (const projected of [false, true]) {
      if (projected) await ledger.append(SERIES, world.entries.slice(10), 1);
      expect(await report()).toMatchObject({
        complete: true,
        missing: 0,
        problems: [],
        voidReasons: [{ reason: '(its record is no longer kept)', ranges: [{ first: 3, last: 3 }] }],
      });
    }
    await pool.query('DELETE FROM facts WHERE sequence IN (2, 5)');
    await pool.query('DELETE FROM batches WHERE sequence IN (2, 5)');
    expect(await report()).toMatchObject({
      complete: false,
      missingRanges: [
        { first: 2, last: 2 },
        { first: 5, last: 9 },
      ],
    });
  });

  test('goes with them when the history that they are of is set aside', async () => {
    const { ledger, reader, pool } = await openLedger();
    const world = await plainWorld(15);
    await world.project(ledger, 5);
    await world.prune(11);
    const recovery = new PostgresRecoveryLedger({ pool, cluster: 'test', digest });
    const { previous: chain, next } = world.entries[10]!.batch;
    await recovery.skipTo(SERIES, { sequence: 10, chain, next }, { reason: 'lost', actor: 'ann' });
    const wholeFrom = async () => (await reader.factsOf(SERIES, 1, { through: 5, limit: 1 })).wholeFrom;
    expect(await wholeFrom()).toBe(11);
    await recovery.detach(SERIES, 3, { period: `${SERIES.period}~lost-4-1`, branch: '1' });
    expect(await wholeFrom()).toBe(1);
  });
});

/** A store that is read through this, as far as it is overridden. */
function around<T extends object>(inner: T, over: Partial<T>): T {
  return new Proxy(inner, {
    get: (target, name) => {
      const found: unknown = Reflect.get(name in over ? over : target, name);
      return typeof found === 'function' ? found.bind(name in over ? over : target) : found;
    },
  });
}

describe('a ledger that etcd is behind', () => {
  const sourcesOf = (store: SequenceStore, reader?: LedgerReader) => ({
    store,
    series: SERIES,
    cluster: 'test',
    reader,
    node: 'node-1',
    now: () => 0,
  });
  const all = { range: { by: 'number' as const } };
  const page = { order: 'asc', limit: 100, expanded: false } as const;

  async function exported(sources: ReturnType<typeof sourcesOf>) {
    const facts: LedgerFact[] = [];
    const chunks = streamAudit(sources, {}, {});
    for (;;) {
      const read = await chunks.next();
      if (read.done === true) return { facts, end: read.value satisfies AuditEnd };
      facts.push(...read.value);
    }
  }

  test('makes nothing complete, and numbers that only it knows are told', async () => {
    const { ledger, reader } = await openLedger();
    await (await plainWorld(25)).project(ledger);
    for (const kept of [20, 0]) {
      const { store } = await plainWorld(kept);
      const sources = sourcesOf(store, reader);
      const report = await makeReport(sources, all);
      expect(report.complete).toBe(false);
      expect(report.problems.join()).toMatch(/etcd is behind the ledger.*batch 25.*seqd recover/);
      expect(report.ledger).not.toBeNull();
      expect(reportText(report).at(-1)).toMatch(/^NOT COMPLETE: 1 problems/);
      const life = await readNumberLife(sources, 23, { limit: 10 });
      expect(life).toMatchObject({
        state: { status: 'issued', owner },
        events: [{ event: 'issued' }],
        complete: false,
        consistent: false,
        ledgerSequence: 25,
        journalSequence: kept,
        problem: expect.stringContaining('seqd recover'),
      });
      await expect(readNumberLife(sources, 26, { limit: 10 })).rejects.toMatchObject({
        code: 'never_issued',
        message: expect.stringContaining('etcd is behind the ledger'),
      });
      const trail = await readAuditPage(sources, {}, page);
      expect(trail.problem).toContain('seqd recover');
      expect(trail.facts.map(({ first }) => first)).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
      expect((await readAuditPage(sources, {}, { ...page, order: 'desc' })).facts).toEqual(
        trail.facts.toReversed(),
      );
      const { facts, end } = await exported(sources);
      expect(facts).toEqual(trail.facts);
      expect(end).toEqual({ from: 1, behindLedger: true });
    }
  });

  test('is behind only when it still is at a second look', async () => {
    const { ledger, reader } = await openLedger();
    const world = await plainWorld(25);
    await world.project(ledger);
    const { revision } = world.entries[19]!;
    /** Batches 21 to 25 come right after the first look at the head. */
    const late = () => {
      let looked = false;
      return sourcesOf(
        around<SequenceStore>(world.store, {
          read: async (series, key) => {
            if (looked) return world.store.read(series, key);
            looked = true;
            const query = { series, from: key, to: `${key}\0`, revision };
            return { record: (await world.store.range(query)).records[0]!, revision };
          },
        }),
        reader,
      );
    };
    expect(await makeReport(late(), all)).toMatchObject({ complete: true, to: 20, problems: [] });
    expect(await readNumberLife(late(), 23, { limit: 10 })).toMatchObject({
      consistent: true,
      problem: null,
    });
    expect(await readNumberLife(late(), 3, { limit: 10 })).toMatchObject({
      consistent: true,
      complete: true,
    });
    expect(await readAuditPage(late(), {}, page)).toMatchObject({ problem: null, facts: { length: 20 } });
    expect((await exported(late())).end).toEqual({ from: 1, behindLedger: false });
  });

  test('keeps a lost history, and the report names it and what was drawn in both', async () => {
    const { ledger, reader, pool } = await openLedger();
    await (await plainWorld(25)).project(ledger);
    const recovery = new PostgresRecoveryLedger({ pool, cluster: 'test', digest });
    await recovery.detach(SERIES, 20, { period: 'all~lost-21-x', branch: 'lost-21' });
    const world = await plainWorld(20);
    await world.do(issue(2, other));
    await world.do({ kind: 'raise', next: 30, reason: 'recovery', actor: 'bob' });
    await ledger.append(SERIES, world.entries.slice(20), 1);
    const report = await makeReport(sourcesOf(world.store, reader), all);
    const lost = { period: 'all~lost-21-x', first: 21, last: 25, numbers: { first: 21, last: 25 } };
    expect(report).toMatchObject({
      complete: false,
      lostHistories: [{ ...lost, both: { first: 21, last: 22 } }],
    });
    expect(report.problems).toEqual([
      'a lost history of numbers 21 to 25 is kept in the ledger under period all~lost-21-x (batches 21 to 25); numbers 21 to 22 were drawn in both',
    ]);
    expect(reportText(report).join('\n')).toContain('lost history');
    const before = await makeReport(sourcesOf(world.store, reader), {
      range: { by: 'number', first: 1, last: 20 },
    });
    expect(before).toMatchObject({ complete: true, lostHistories: [{ numbers: null, both: null }] });
    const after = await makeReport(sourcesOf(world.store, reader), {
      range: { by: 'number', first: 24 },
    });
    expect(after).toMatchObject({
      complete: false,
      lostHistories: [{ numbers: { first: 24, last: 25 }, both: null }],
    });
  });

  test('with a hole before the journal never has a whole export', async () => {
    const { ledger, reader } = await openLedger();
    for (const position of [undefined, 0, 5]) {
      const world = await plainWorld(20);
      if (position === 5) await world.project(ledger, position);
      await world.prune(11);
      const sources = sourcesOf(world.store, position === undefined ? undefined : reader);
      const { facts, end } = await exported(sources);
      expect(end).toEqual({ from: 11, behindLedger: false });
      expect(facts).toHaveLength(10 + (position ?? 0));
      expect((await readAuditPage(sources, {}, page)).from).toBe(11);
    }
  });

  test('is not needed to notice what is pruned while an export is read', async () => {
    const world = await plainWorld(300);
    const chunks = streamAudit(sourcesOf(world.store), {}, {});
    await chunks.next();
    await world.prune(281);
    let read = await chunks.next();
    while (read.done !== true) read = await chunks.next();
    expect(read.value).toEqual({ from: 281, behindLedger: false });
  });

  test('may take longer than etcd keeps a revision, and the journal a batch', async () => {
    const { ledger, reader } = await openLedger();
    const world = await plainWorld(25);
    await world.project(ledger, 20);
    let compacted = false;
    const store = around<SequenceStore>(world.store, {
      range: async query => {
        if (compacted && query.revision !== undefined)
          throw new Error('required revision has been compacted');
        return world.store.range(query);
      },
    });
    const slow = around<LedgerReader>(reader, {
      evidence: async (...args) => {
        const found = await reader.evidence(...args);
        compacted = true;
        return found;
      },
    });
    expect(await makeReport(sourcesOf(store, slow), all)).toMatchObject({ complete: true, problems: [] });
    compacted = false;
    const chunks = streamAudit(sourcesOf(store, reader), {}, {});
    const facts: LedgerFact[] = [];
    for (let read = await chunks.next(); ; read = await chunks.next()) {
      if (read.done === true) {
        expect(read.value).toEqual({ from: 1, behindLedger: false });
        break;
      }
      facts.push(...read.value);
      compacted = true;
      // The ledger has gone on, and the journal goes.
      if (facts.length === 20) await world.prune(24);
    }
    expect(facts).toHaveLength(25);
  });

  test('is asked no more for a report that nobody waits for', async () => {
    const { ledger, reader } = await openLedger();
    const world = await plainWorld(5);
    await world.project(ledger);
    const gone = new AbortController();
    let asked = 0;
    const slow = around<LedgerReader>(reader, {
      evidence: async (...args) => {
        const found = await reader.evidence(...args);
        gone.abort(new Error('gone'));
        return found;
      },
      lostHistories: async () => {
        asked += 1;
        return [];
      },
    });
    await expect(
      makeReport(sourcesOf(world.store, slow), { ...all, signal: gone.signal }),
    ).rejects.toBeDefined();
    expect(asked).toBe(0);
  });
});
