import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { DocumentEvent } from '../../src/core/document-event.ts';
import type { Fact } from '../../src/core/facts.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import { readSinks } from '../../src/events/event-admin.ts';
import { createLedgerPool } from '../../src/ledger/postgres/ledger-pool.ts';
import { PostgresRecoveryLedger } from '../../src/ledger/postgres/postgres-recovery-ledger.ts';
import type { DeadLetter, EventPosition, OutboxHold, SeriesBacklog } from '../../src/ports/event-outbox.ts';
import type { EventSink } from '../../src/ports/event-sink.ts';
import { EventWorld, plainJournal } from '../kit/event-world.ts';
import { journalEntries } from '../kit/journal-entries.ts';
import { freshDatabase, query } from '../kit/postgres.ts';
import { digest } from '../kit/series-world.ts';
import { until } from '../kit/until.ts';

const JOURNAL = plainJournal(200, 2);
const LIMITS = { connectTimeoutMs: 2_000, statementTimeoutMs: 10_000, tls: null, caFile: null };
const LEASE = { leaseMs: 60_000, from: 'beginning' as const };

let url: string;
let world: EventWorld;

beforeEach(async () => {
  url = await freshDatabase();
  world = await EventWorld.open(url);
});

async function take(holder = 'a', sink = 'erp'): Promise<OutboxHold> {
  const hold = await world.outbox.take({ sink, holder, ...LEASE });
  if (hold === undefined) throw new Error('it is held');
  return hold;
}

async function backlog(hold: OutboxHold): Promise<SeriesBacklog> {
  return (await world.outbox.backlog(hold))[0]!;
}

const move = (from: EventPosition, sequence: number, index = 0, dead: DeadLetter[] = []) => ({
  from,
  to: { sequence, index, since: 1_700_000_000_000 },
  dead,
});
const letter = (sequence: number, index: number): DeadLetter => ({
  position: { sequence, index },
  time: JOURNAL[sequence - 1]!.batch.time,
  kind: 'issue',
  reason: 'HTTP 422: a\0b',
  attempts: 3,
});

describe('the hold of a sink', () => {
  test('is one node’s at a time, each sink for itself', async () => {
    await take('a');
    expect(await world.outbox.take({ sink: 'erp', holder: 'b', ...LEASE })).toBeUndefined();
    await take('b', 'bus');
    const many = await Promise.all(
      Array.from({ length: 8 }, (_, i) => world.outbox.take({ sink: 'new', holder: `n${i}`, ...LEASE })),
    );
    expect(many.filter(hold => hold !== undefined)).toHaveLength(1);
  });

  test('passes on when it is given up, or has run out by the server’s clock', async () => {
    const first = await take('a');
    await world.outbox.giveUp(first);
    const second = await take('b');
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(await world.outbox.keep(second, 1, null)).toBe(true);
    await query(url, "UPDATE seqd.event_sinks SET held_until = now() - interval '1 s'");
    await take('c');
    expect(await world.outbox.keep(second, 60_000, null)).toBe(false);
    // Giving up what is somebody else's changes nothing.
    await world.outbox.giveUp(second);
    expect(await world.outbox.take({ sink: 'erp', holder: 'd', ...LEASE })).toBeUndefined();
  });
});

describe('the position of a sink', () => {
  test('begins with the oldest batch, and moves from where it is only', async () => {
    await world.append(JOURNAL);
    const hold = await take();
    const { seriesId, position, batches, oldest } = await backlog(hold);
    expect({ position, batches, oldest }).toEqual({
      position: { sequence: 1, index: 0, since: 0 },
      batches: 200,
      oldest: JOURNAL[0]!.batch.time,
    });
    expect(await world.outbox.advance(hold, seriesId, move(position, 1, 1))).toBe(true);
    expect(await world.outbox.advance(hold, seriesId, move(position, 1, 1))).toBe(false);
    const { position: at } = await backlog(hold);
    expect(at).toEqual({ sequence: 1, index: 1, since: 1_700_000_000_000 });
    expect(await world.outbox.advance(hold, seriesId, move({ ...at, index: 0 }, 9))).toBe(false);
    expect(await world.outbox.advance(hold, seriesId, move(at, 201))).toBe(true);
    expect(await backlog(hold)).toMatchObject({ batches: 0, oldest: undefined });
  });

  test('is not moved by who holds the sink no more', async () => {
    await world.append(JOURNAL);
    const old = await take('a');
    const { seriesId, position } = await backlog(old);
    await world.outbox.giveUp(old);
    await take('b');
    expect(await world.outbox.advance(old, seriesId, move(position, 2))).toBe(false);
  });

  test('of a sink that wants only what is new begins at the end, but with the first batch of a series yet to come', async () => {
    await world.append(JOURNAL.slice(0, 50));
    const hold = (await world.outbox.take({ sink: 'new', holder: 'a', leaseMs: 1_000, from: 'end' }))!;
    expect(await backlog(hold)).toMatchObject({ batches: 0, position: { sequence: 51, index: 0 } });
    await world.append(JOURNAL, { ...GLOBAL_SERIES, period: '2027' });
    expect(await backlog(hold)).toMatchObject({
      series: { period: '2027' },
      batches: 200,
      position: { sequence: 1 },
    });
  });

  test('gives as many batches as one read may hold, in order, and stops at a hole', async () => {
    await world.append(JOURNAL);
    const hold = await take();
    const series = await backlog(hold);
    const page = await world.outbox.read(series);
    expect(page.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 64 }, (_, i) => i + 1));
    const { revision, text } = JOURNAL[3]!;
    expect(page[3]).toEqual({ sequence: 4, revision, body: text, branch: null });
    await query(url, 'DELETE FROM seqd.batches WHERE sequence = 5');
    expect(await world.outbox.read(series)).toHaveLength(4);
    const at5 = { ...series, position: { ...series.position, sequence: 5 } };
    expect(await world.outbox.read(at5)).toEqual([]);
  });
});

describe('dead letters', () => {
  test('are kept in the step that moves past them, or not at all', async () => {
    await world.append(JOURNAL);
    const hold = await take();
    const { seriesId, position } = await backlog(hold);
    const wrong = move({ ...position, index: 1 }, 2, 0, [letter(1, 1)]);
    expect(await world.outbox.advance(hold, seriesId, wrong)).toBe(false);
    expect(await query(url, 'SELECT * FROM seqd.event_dead_letters')).toEqual([]);
    expect(
      await world.outbox.advance(hold, seriesId, move(position, 2, 0, [letter(1, 0), letter(1, 1)])),
    ).toBe(true);
    expect(await query(url, 'SELECT index, reason FROM seqd.event_dead_letters ORDER BY id')).toEqual([
      { index: 0, reason: 'HTTP 422: a\uFFFDb' },
      { index: 1, reason: 'HTTP 422: a\uFFFDb' },
    ]);
  });

  test('that are asked for come with their batch, and go once they are delivered', async () => {
    await world.append(JOURNAL);
    const hold = await take();
    const { seriesId, position } = await backlog(hold);
    await world.outbox.advance(hold, seriesId, move(position, 8, 0, [letter(7, 1)]));
    expect(await world.outbox.requested(hold, 10)).toEqual([]);
    await query(url, 'UPDATE seqd.event_dead_letters SET requested_at = now()');
    const [asked] = await world.outbox.requested(hold, 10);
    expect(asked).toMatchObject({ index: 1, series: GLOBAL_SERIES, batch: { body: JOURNAL[6]!.text } });
    await world.outbox.settle(hold, asked!.id, 'still no');
    expect(await world.outbox.requested(hold, 10)).toEqual([]);
    expect(await query(url, 'SELECT attempts, reason FROM seqd.event_dead_letters')).toEqual([
      { attempts: 4, reason: 'still no' },
    ]);
    await world.outbox.settle(hold, asked!.id, undefined);
    expect(await query(url, 'SELECT * FROM seqd.event_dead_letters')).toEqual([]);
  });
});

describe('a recovery of the ledger', () => {
  const other = journalEntries(12, (next, sequence) =>
    Array.from({ length: 2 }, (_, i): Fact => ({
      kind: 'issue',
      owner: { site: sequence > 5 ? 'site-2' : 'site-1', partition: 'a', type: 'invoice' },
      fresh: { first: next + i, last: next + i },
      reused: [],
      reference: `d${next + i}`,
    })),
  );
  let recovery: PostgresRecoveryLedger;

  beforeEach(() => {
    const pool = createLedgerPool({ url, schema: 'seqd', poolMax: 2, ...LIMITS });
    recovery = new PostgresRecoveryLedger({ pool, cluster: world.cluster, digest });
    onTestFinished(() => recovery.close());
  });

  test('that keeps both histories has sinks told of the one that goes on, by other ids, and of the lost one no more', async () => {
    await world.append(JOURNAL.slice(0, 10));
    const told: DocumentEvent[] = [];
    const pump = world.startPump(collectorOf(told));
    await until('all was told', () => told.length === 20);
    await recovery.detach(GLOBAL_SERIES, 5, { period: 'all~lost-6-x', branch: 'x' });
    await recovery.append(GLOBAL_SERIES, other.slice(5), 1);
    await until('the rest was told', () => told.length >= 34);
    const after = told.slice(20);
    expect(after.map(({ data }) => data.sequence)).toEqual([6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12]);
    expect(after.every(({ data }) => data.owner!.site === 'site-2')).toBe(true);
    expect(after[0]!.id).toBe('events-test/default/global/all/6-0~x');
    expect(new Set(told.map(({ id }) => id)).size).toBe(34);
    await until('nothing waits', () => pump.lag.length === 1 && pump.lag[0]!.batches === 0);
    const pool = createLedgerPool({ url, schema: 'seqd', poolMax: 1, ...LIMITS });
    onTestFinished(() => pool.end());
    expect(await readSinks(pool, world.cluster)).toMatchObject([{ series: 'default/global/all', lag: 0 }]);
  });

  test('ends the holds, so that who delivers the lost batches does not move past those in their place', async () => {
    await world.append(JOURNAL.slice(0, 10));
    const hold = await take();
    const { seriesId, position } = await backlog(hold);
    const at6 = { ...position, sequence: 6 };
    expect(await world.outbox.advance(hold, seriesId, { from: position, to: at6, dead: [] })).toBe(true);
    await recovery.detach(GLOBAL_SERIES, 5, { period: 'all~lost-6-x', branch: 'x' });
    await recovery.append(GLOBAL_SERIES, other.slice(5), 1);
    expect(await world.outbox.advance(hold, seriesId, move(at6, 11))).toBe(false);
    expect(await backlog(await take('b'))).toMatchObject({ position: { sequence: 6 }, batches: 7 });
  });

  test('takes dead letters of the lost history along, each with its own batch and id', async () => {
    await world.append(JOURNAL.slice(0, 10));
    const hold = await take();
    const { seriesId, position } = await backlog(hold);
    await world.outbox.advance(hold, seriesId, move(position, 11, 0, [letter(8, 1)]));
    await recovery.detach(GLOBAL_SERIES, 5, { period: 'all~lost-6-x', branch: 'x' });
    await recovery.append(GLOBAL_SERIES, other.slice(5), 1);
    await query(url, 'UPDATE seqd.event_dead_letters SET requested_at = now()');
    const [requested] = await world.outbox.requested(await take('b'), 10);
    expect(requested).toMatchObject({
      series: { period: 'all~lost-6-x' },
      batch: { sequence: 8, body: JOURNAL[7]!.text, branch: null },
    });
  });

  test('of a ledger that may have lost batches, too, has later batches told by other ids; done again it changes nothing', async () => {
    await world.append(JOURNAL.slice(0, 5));
    await recovery.branch(GLOBAL_SERIES, 5, 'x');
    await recovery.branch(GLOBAL_SERIES, 5, 'y');
    await world.append(JOURNAL.slice(5, 7));
    const page = await world.outbox.read(await backlog(await take()));
    expect(page.map(({ branch }) => branch)).toEqual([null, null, null, null, null, 'x', 'x']);
  });

  test('that accepts a hole has sinks go on behind it, wherever they were, and documents it', async () => {
    await world.append(JOURNAL.slice(0, 3));
    const told: DocumentEvent[] = [];
    const pump = world.startPump(collectorOf(told));
    await until('all was told', () => told.length === 6);
    const { previous: chain, next } = JOURNAL[6]!.batch;
    const why = { reason: 'the backup was old', actor: 'eve' };
    await recovery.skipTo(GLOBAL_SERIES, { sequence: 6, chain, next }, why);
    await recovery.skipTo(GLOBAL_SERIES, { sequence: 6, chain, next }, why);
    await recovery.append(GLOBAL_SERIES, JOURNAL.slice(6, 10), 1);
    const late: DocumentEvent[] = [];
    world.startPump(collectorOf(late), 'node-2', { name: 'late' });
    for (const events of [told, late]) await until('the rest was told', () => events.length === 14);
    expect(told.slice(6).map(({ data }) => data.sequence)).toEqual([7, 7, 8, 8, 9, 9, 10, 10]);
    await until('nothing waits', () => pump.lag[0]?.batches === 0);
    const holes = await query(url, 'SELECT first, last, reason, actor FROM seqd.ledger_holes');
    expect(holes).toEqual([{ first: '4', last: '6', ...why }]);
  });
});

function collectorOf(told: DocumentEvent[]): EventSink {
  return {
    deliver: async events => {
      told.push(...events.map(({ event }) => event));
      return { status: 'accepted' };
    },
    close: async () => {},
  };
}
