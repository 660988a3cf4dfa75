import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Position } from '../../../src/core/identifiers.ts';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import type { Request } from '../../../src/core/requests.ts';
import type { SeriesState } from '../../../src/core/state.ts';
import { silentLogger } from '../../../src/ports/logger.ts';
import { Housekeeping } from '../../../src/sequencer/housekeeping.ts';
import { JournalIndex } from '../../../src/sequencer/journal-index.ts';
import type { SequencerDependencies } from '../../../src/sequencer/options.ts';

const LOOK_MS = 250;
const BATCH = 10;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A leader with reservations, and room for so many requests at once. */
class Leader {
  room: number;
  /** When those that it takes in are answered. */
  answered = Promise.resolve();
  /** How often one was asked for. */
  asked = 0;
  /** Ended, or being ended. */
  readonly ending: Position[] = [];
  readonly housekeeping: Housekeeping;
  private readonly held: Set<{ readonly position: Position; readonly deadline: number }>;

  /** @param deadline of all; 0 when they are overdue */
  constructor(reservations: number, room: number, deadline = 0) {
    this.room = room;
    const positions = Array.from({ length: reservations }, (_, index) => ({ sequence: 1, index }));
    this.held = new Set(positions.map(position => ({ position, deadline })));
    // All of the engine that it has to do with before its first look at the journal.
    const deps = {
      coordination: { leads: () => true, timeMs: () => 1_000 },
      limits: { batchSizeMax: BATCH },
      logger: silentLogger,
    } as unknown as SequencerDependencies;
    this.housekeeping = new Housekeeping(GLOBAL_SERIES, deps, {
      state: () => ({ reservations: () => this.held.values() }) as unknown as SeriesState,
      journal: new JournalIndex(),
      submit: request => this.submit(request),
      catchUp: () => Promise.resolve(),
    });
  }

  private submit({ command }: Request): Promise<unknown> | undefined {
    this.asked += 1;
    if (this.room === 0 || command.kind !== 'expire') return undefined;
    this.room -= 1;
    const { reservation } = command;
    this.ending.push(reservation);
    for (const one of this.held) if (one.position === reservation) this.held.delete(one);
    return this.answered;
  }
}

test('reservations are ended up to the first that is refused, and from there on at the next look', async () => {
  const leader = new Leader(25, 4);
  await vi.advanceTimersByTimeAsync(LOOK_MS);
  expect([leader.asked, leader.ending.length]).toEqual([5, 4]);
  await vi.advanceTimersByTimeAsync(LOOK_MS);
  expect([leader.asked, leader.ending.length]).toEqual([6, 4]);
  leader.room = 100;
  await vi.advanceTimersByTimeAsync(LOOK_MS);
  expect(leader.ending.map(({ index }) => index)).toEqual(Array.from({ length: 25 }, (_, i) => i));
  leader.housekeeping.close();
});

test('nothing is asked for a reservation that is not due', async () => {
  const leader = new Leader(25, 100, 1_001);
  await vi.advanceTimersByTimeAsync(4 * LOOK_MS);
  expect(leader.asked).toBe(0);
  leader.housekeeping.close();
});

test('while a batch of them is on its way no more are asked for', async () => {
  const leader = new Leader(25, 100);
  let answer = (): void => {};
  leader.answered = new Promise(resolve => (answer = resolve));
  await vi.advanceTimersByTimeAsync(4 * LOOK_MS);
  expect(leader.asked).toBe(BATCH);
  answer();
  await vi.advanceTimersByTimeAsync(0);
  expect(leader.ending).toHaveLength(25);
  leader.housekeeping.close();
});
