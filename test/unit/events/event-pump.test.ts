import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Fact } from '../../../src/core/facts.ts';
import { EventPump, type EventPumpOptions } from '../../../src/events/event-pump.ts';
import type { DeliveryOutcome, EventSink, OutgoingEvent } from '../../../src/ports/event-sink.ts';
import { silentLogger } from '../../../src/ports/logger.ts';
import { journalEntries } from '../../kit/journal-entries.ts';
import { MemoryOutbox } from '../../kit/memory-outbox.ts';
import { until } from '../../kit/until.ts';

const owner = { site: 'site-1', partition: 'a', type: 'invoice' };
/** Five batches of three numbers. */
const JOURNAL = journalEntries(5, next =>
  [0, 1, 2].map((i): Fact => ({
    kind: 'issue',
    owner,
    fresh: { first: next + i, last: next + i },
    reused: [],
  })),
);
const ALL = Array.from({ length: 15 }, (_, i) => i + 1);
const END = { sequence: 6, index: 0 };

const firstOf = ({ event }: OutgoingEvent): number => event.data.numbers[0]!.first;

/** Answers as a test says; accepts otherwise. */
class ScriptedSink implements EventSink {
  readonly asked: number[][] = [];
  readonly accepted: number[] = [];
  /** Does not hear that the outcome is no longer wanted. */
  deaf = false;
  answer: (numbers: number[]) => DeliveryOutcome | Promise<DeliveryOutcome> = () => ({ status: 'accepted' });

  async deliver(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<DeliveryOutcome> {
    const numbers = events.map(firstOf);
    this.asked.push(numbers);
    let abort = (): void => {};
    const givenUp = new Promise<DeliveryOutcome>(resolve => {
      abort = () => resolve({ status: 'later', reason: 'given up' });
    });
    if (!this.deaf) signal.addEventListener('abort', abort);
    if (!this.deaf && signal.aborted) abort();
    const outcome = await Promise.race([this.answer(numbers), givenUp]);
    signal.removeEventListener('abort', abort);
    if (outcome.status === 'accepted') this.accepted.push(...numbers);
    return outcome;
  }

  async close(): Promise<void> {}
}

interface World {
  readonly outbox: MemoryOutbox;
  readonly sink: ScriptedSink;
  readonly pauses: number[];
  readonly counted: { delivered: number; failed: number; dead: number };
  readonly pump: EventPump;
}

function world(options: Partial<EventPumpOptions> = {}): World {
  const outbox = (options.outbox as MemoryOutbox | undefined) ?? new MemoryOutbox(JOURNAL);
  const sink = new ScriptedSink();
  const pauses: number[] = [];
  const counted = { delivered: 0, failed: 0, dead: 0 };
  const pump = new EventPump({
    cluster: 'test',
    name: 'sink',
    from: 'beginning',
    kinds: undefined,
    sink,
    outbox,
    holder: 'node-1',
    limits: { batchSizeMax: 4, attemptsMax: 3, retryDelayMsMax: 60_000 },
    reluctant: () => false,
    random: () => 1,
    logger: silentLogger,
    observer: {
      eventsDelivered: (_, count) => void (counted.delivered += count),
      deliveryFailed: () => void (counted.failed += 1),
      deadLetters: (_, count) => void (counted.dead += count),
    },
    // Time passes at once, but never within a turn.
    pause: async (ms, signal) => {
      pauses.push(ms);
      await new Promise(resolve => setTimeout(resolve, 1));
      signal.throwIfAborted();
    },
    ...options,
  });
  onTestFinished(() => pump.close());
  return { outbox, sink, pauses, counted, pump };
}

const delivered = ({ outbox }: World) =>
  until('all is delivered', () => outbox.position.sequence === END.sequence);

describe('a pump', () => {
  test('delivers everything in order, so many at once, and stands at the end', async () => {
    const it = world();
    it.pump.start();
    await delivered(it);
    expect(it.sink.accepted).toEqual(ALL);
    expect(Math.max(...it.sink.asked.map(numbers => numbers.length))).toBe(4);
    expect(it.outbox.position).toMatchObject(END);
    await until('it is counted', () => it.counted.delivered === ALL.length);
  });

  test('moves the position only after the sink has accepted', async () => {
    const it = world();
    const held: (() => void)[] = [];
    it.sink.answer = () => new Promise(resolve => held.push(() => resolve({ status: 'accepted' })));
    it.pump.start();
    await until('the first are sent', () => held.length === 1);
    expect(it.outbox.position).toEqual({ sequence: 1, index: 0, since: 0 });
    held[0]!();
    await until('the next are sent', () => held.length === 2);
    expect(it.outbox.position).toMatchObject({ sequence: 2, index: 1 });
  });

  test('sends what a sink cannot take now again, until it can, with pauses that grow', async () => {
    const it = world();
    let left = 5;
    it.sink.answer = () => (left-- > 0 ? { status: 'later', reason: 'busy' } : { status: 'accepted' });
    it.pump.start();
    await delivered(it);
    expect(it.sink.accepted).toEqual(ALL);
    expect(it.sink.asked.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => [1, 2, 3, 4]));
    const growing = it.pauses.filter(ms => [250, 500, 1_000, 2_000, 4_000].includes(ms));
    expect(growing.slice(0, 2)).toEqual([250, 500]);
    expect(it.pauses).toContain(4_000);
    expect(it.outbox.dead).toEqual([]);
  });

  test('waits as long as a sink asks for', async () => {
    const it = world();
    let left = 1;
    it.sink.answer = () =>
      left-- > 0 ? { status: 'later', reason: 'busy', retryAfterMs: 17_000 } : { status: 'accepted' };
    it.pump.start();
    await delivered(it);
    expect(it.pauses).toContain(17_000);
  });

  test('makes only the refused event a dead letter, after a bounded number of attempts, and goes on in order', async () => {
    const it = world();
    it.sink.answer = numbers =>
      numbers.includes(7) ? { status: 'refused', reason: 'HTTP 422' } : { status: 'accepted' };
    it.pump.start();
    await delivered(it);
    expect(it.sink.accepted).toEqual(ALL.filter(number => number !== 7));
    expect(it.outbox.dead).toMatchObject([
      { position: { sequence: 3, index: 0 }, kind: 'issue', reason: 'HTTP 422', attempts: 5 },
    ]);
    expect(it.counted.dead).toBe(1);
  });

  test('goes on past a sink that refuses everything, with every event a dead letter', async () => {
    const it = world();
    it.sink.answer = () => ({ status: 'refused', reason: 'HTTP 404' });
    it.pump.start();
    await delivered(it);
    expect(it.outbox.dead.map(({ position }) => `${position.sequence}-${position.index}`)).toEqual(
      ALL.map((_, i) => `${Math.floor(i / 3) + 1}-${i % 3}`),
    );
    expect(it.counted.delivered).toBe(0);
  });

  test('takes a sink that throws for one that has not accepted', async () => {
    const it = world();
    let left = 2;
    it.sink.answer = () => {
      if (left-- > 0) throw new Error('a mistake');
      return { status: 'accepted' };
    };
    it.pump.start();
    await delivered(it);
    expect(it.sink.accepted).toEqual(ALL);
  });

  test('delivers again what was accepted but could not be noted', async () => {
    const it = world();
    it.outbox.failAdvances = 1;
    it.pump.start();
    await delivered(it);
    expect(it.sink.accepted).toEqual([1, 2, 3, 4, ...ALL]);
  });

  test('delivers a dead letter again when asked to, and forgets it once it is accepted', async () => {
    const it = world();
    let refused = true;
    it.sink.answer = numbers =>
      refused && numbers.includes(7) ? { status: 'refused', reason: 'no' } : { status: 'accepted' };
    it.pump.start();
    await delivered(it);
    it.outbox.dead[0]!.requested = true;
    await until('it is refused once more', () => !it.outbox.dead[0]!.requested);
    refused = false;
    it.outbox.dead[0]!.requested = true;
    await until('it is gone', () => it.outbox.dead.length === 0);
    expect(it.sink.accepted.at(-1)).toBe(7);
  });

  test('passes over kinds that the sink does not want', async () => {
    const it = world({ kinds: new Set(['void']) });
    it.pump.start();
    await delivered(it);
    expect(it.sink.asked).toEqual([]);
  });

  test('that stands behind the end of a ledger that was restored waits, and says nothing is wrong', async () => {
    const it = world();
    it.outbox.positions.set(0, { sequence: 100, index: 0, since: 0 });
    const read = vi.spyOn(it.outbox, 'read');
    it.pump.start();
    await until('it has looked', () => it.pump.lag.length > 0);
    expect(it.pump.lag).toMatchObject([{ batches: 0 }]);
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(read).not.toHaveBeenCalled();
  });

  test('never steps over a batch that cannot be read', async () => {
    const it = world();
    it.outbox.journals[0]!.batches[2] = { sequence: 3, revision: 3, body: '{"f":99}', branch: null };
    it.pump.start();
    await until('it has got that far', () => it.outbox.position.sequence === 3);
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(it.outbox.position).toMatchObject({ sequence: 3, index: 0 });
    expect(it.sink.accepted).toEqual(ALL.slice(0, 6));
  });

  test('never steps over a batch that is not there', async () => {
    const it = world();
    it.outbox.journals[0]!.batches.splice(0, 1);
    it.pump.start();
    await until('it has looked', () => it.pauses.length > 20);
    expect(it.sink.asked).toEqual([]);
    expect(it.outbox.position).toMatchObject({ sequence: 1, index: 0 });
  });

  test('of two that both believe to hold a sink, nothing is lost and first deliveries are in order', async () => {
    const outbox = new MemoryOutbox(JOURNAL);
    outbox.gullible = true;
    const one = world({ outbox });
    const gate: (() => void)[] = [];
    one.sink.deaf = true;
    onTestFinished(() => {
      one.sink.deaf = false;
      for (const open of gate) open();
    });
    one.sink.answer = () => new Promise(resolve => gate.push(() => resolve({ status: 'accepted' })));
    one.pump.start();
    await until('the first one is sending', () => gate.length === 1);
    // Its hold runs out, and another node goes on.
    outbox.held = false;
    const two = world({ outbox, holder: 'node-2' });
    two.pump.start();
    await delivered(two);
    gate[0]!();
    await until('the first one has an answer', () => one.sink.accepted.length === 4);
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(one.sink.asked).toEqual([[1, 2, 3, 4]]);
    expect(two.sink.accepted).toEqual(ALL);
    expect(outbox.position).toMatchObject(END);
  });

  test('gives the sink up when it is closed, and the next one goes on from there', async () => {
    const it = world();
    it.sink.answer = numbers =>
      numbers[0]! > 4 ? { status: 'later', reason: 'down' } : { status: 'accepted' };
    it.pump.start();
    await until('a part is delivered', () => it.outbox.position.sequence === 2);
    await it.pump.close();
    expect(it.outbox.held).toBe(false);
    const next = world({ outbox: it.outbox });
    next.pump.start();
    await delivered(next);
    expect(next.sink.accepted).toEqual(ALL.slice(4));
  });
});
