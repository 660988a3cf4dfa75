import { beforeEach, describe, expect, test } from 'vitest';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import type { DeadLetter, EventPosition, OutboxHold, SeriesBacklog } from '../../src/ports/event-outbox.ts';
import { EventWorld, plainJournal } from '../kit/event-world.ts';
import { freshDatabase, query } from '../kit/postgres.ts';

const JOURNAL = plainJournal(200, 2);
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
    expect(page[3]).toEqual({ sequence: 4, revision: JOURNAL[3]!.revision, body: JOURNAL[3]!.text });
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
