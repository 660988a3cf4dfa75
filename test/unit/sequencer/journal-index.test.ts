import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { INDEX_CAPACITY, type IndexedEntry, JournalIndex } from '../../../src/sequencer/journal-index.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { defaultConfig } from '../../../src/config/defaults.ts';

/** A batch that takes `bytes` and before which the counter stood at `next`. */
const entryOf = (sequence: number, bytes = 10, next = sequence): IndexedEntry => ({
  batch: { sequence, next },
  text: 'x'.repeat(bytes),
});

/** Batches `first` to `last`, of `bytes` each; each draws one number, its own sequence. */
const entries = (first: number, last: number, bytes = 10): IndexedEntry[] =>
  Array.from({ length: last - first + 1 }, (_, i) => entryOf(first + i, bytes));

function indexOf(noted: readonly IndexedEntry[], capacity?: number): JournalIndex {
  const index = new JournalIndex(capacity);
  for (const entry of noted) index.note(entry);
  return index;
}

describe('the bytes of what comes after a batch', () => {
  test('are counted where they are indexed', () => {
    const index = indexOf([...entries(1, 5, 10), ...entries(6, 10, 100)]);
    expect([0, 4, 5, 9, 10, 99].map(sequence => index.bytesAfter(sequence))).toEqual([
      550, 510, 500, 100, 0, 0,
    ]);
    expect(new JournalIndex().bytesAfter(0)).toBe(0);
  });

  test('are estimated where they are not', () => {
    const index = indexOf(entries(101, 110, 50));
    expect(index.bytesAfter(100)).toBe(500);
    expect(index.bytesAfter(0)).toBe(5_500);
  });
});

describe('what fits into a byte limit', () => {
  test('is not decided while all that is indexed fits', () => {
    expect(new JournalIndex().firstWithin(1)).toBeUndefined();
    expect(indexOf(entries(2_501, 3_500)).firstWithin(10_000)).toBeUndefined();
    expect(indexOf(entries(1, 5)).firstWithin(50)).toBeUndefined();
  });

  test.each([
    [49, 2],
    [40, 2],
    [39, 3],
    [10, 5],
    [9, 6],
  ])('of five batches of 10 bytes, %i bytes hold those from %i on', (bytesMax, first) => {
    expect(indexOf(entries(1, 5)).firstWithin(bytesMax)).toBe(first);
  });

  test('is measured in bytes of UTF-8', () => {
    const index = new JournalIndex();
    index.note({ ...entryOf(1), text: '発票' });
    index.note({ ...entryOf(2), text: 'Grüße 🧾' });
    expect(index.bytes).toBe(6 + 12);
    expect(index.firstWithin(18)).toBeUndefined();
    expect(index.firstWithin(17)).toBe(2);
  });

  test('is not decided by forgetting the oldest for want of room', () => {
    const index = indexOf(entries(1, 101), 80);
    expect(index).toMatchObject({ first: 22, size: 80 });
    expect(index.firstWithin(10_000)).toBeUndefined();
    expect(index.firstWithin(100)).toBe(92);
  });
});

describe('older batches added', () => {
  test('decide what fits, and find draws', () => {
    const index = indexOf(entries(101, 200));
    expect([index.firstWithin(1_500), index.findDraw(77)]).toEqual([undefined, undefined]);
    index.prepend(entries(41, 100));
    expect(index).toMatchObject({ first: 41, size: 160, bytes: 1_600 });
    expect([index.firstWithin(1_500), index.findDraw(77)]).toEqual([51, 77]);
    index.prepend(entries(1, 40));
    expect([index.first, index.firstWithin(1_500)]).toEqual([1, 51]);
    index.note(entryOf(201));
    expect(index.firstWithin(1_500)).toBe(52);
  });

  test.each([
    ['nothing', []],
    ['with a gap before the index', entries(1, 8)],
    ['that overlap it', entries(5, 10)],
    ['after it', entries(21, 22)],
  ])('are ignored when they do not fit: %s', (_what, older) => {
    const index = indexOf(entries(10, 20));
    index.prepend(older);
    expect(index).toMatchObject({ first: 10, size: 11, bytes: 110 });
  });

  test('stay as far as there is room, the newest of them', () => {
    const index = indexOf(entries(91, 100), 15);
    expect(index.room).toBe(5);
    index.prepend(entries(1, 90));
    expect(index).toMatchObject({ first: 86, size: 15, room: 0 });
    index.prepend(entries(1, 85));
    expect(index).toMatchObject({ first: 86, size: 15, room: 0 });
  });
});

test('a jump starts the index anew', () => {
  const index = indexOf([...entries(1, 5), ...entries(9, 10)]);
  expect(index).toMatchObject({ first: 9, size: 2, bytes: 20 });
  expect(index.firstWithin(20)).toBeUndefined();
});

test('holds as many batches as the configuration lets a journal have', () => {
  const withBatchesMax = (batchesMax: number): unknown => ({
    ...defaultConfig,
    sequence: { ...defaultConfig.sequence, journal: { ...defaultConfig.sequence.journal, batchesMax } },
  });
  expect(configSchema.safeParse(withBatchesMax(INDEX_CAPACITY)).success).toBe(true);
  expect(configSchema.safeParse(withBatchesMax(INDEX_CAPACITY + 1)).success).toBe(false);
});

test('whatever is noted and added, it answers as a plain list of batches would', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('note' as const), bytes: fc.nat(9), drawn: fc.nat(2) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('jump' as const), by: fc.integer({ min: 1, max: 9 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('prepend' as const), count: fc.nat(9) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 4, max: 40 }), (steps, capacity) => {
      const index = new JournalIndex(capacity);
      // Everything that was ever committed; the model holds the last `held` batches of it.
      const journal = entries(1, 30, 3);
      let next = 31;
      let held = 0;
      for (const action of steps) {
        if (action.kind === 'note') {
          const entry = entryOf(journal.length + 1, action.bytes, next);
          next += action.drawn;
          journal.push(entry);
          index.note(entry);
          held += 1;
          if (held > capacity * 1.25) held = capacity;
        } else if (action.kind === 'jump') {
          for (let i = 0; i < action.by; i += 1) journal.push(entryOf(journal.length + 1, 3, next));
          // Only what is noted next shows it.
          const entry = entryOf(journal.length + 1, 3, next);
          journal.push(entry);
          index.note(entry);
          held = 1;
        } else if (held > 0) {
          const before = journal.length - held;
          const older = journal.slice(Math.max(0, before - action.count), before);
          index.prepend(older);
          held += Math.min(older.length, Math.max(0, capacity - held));
        }
        if (held > 0) expectModel(index, journal.slice(-held));
      }
    }),
  );
});

/** Compares every answer of the index with what the batches it should hold say. */
function expectModel(index: JournalIndex, held: readonly IndexedEntry[]): void {
  const sizes = held.map(({ text }) => text.length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  expect([index.first, index.size, index.bytes]).toEqual([held[0]!.batch.sequence, held.length, total]);
  for (let bytesMax = 0; bytesMax <= total; bytesMax += 5) {
    let first = held.length;
    let taken = 0;
    while (first > 0 && taken + sizes[first - 1]! <= bytesMax) taken += sizes[(first -= 1)]!;
    const expected = first === 0 ? undefined : held[0]!.batch.sequence + first;
    expect(index.firstWithin(bytesMax), `within ${bytesMax}`).toBe(expected);
  }
  const last = held.at(-1)!.batch;
  for (let number = held[0]!.batch.next - 1; number <= last.next + 1; number += 1) {
    const drew = held.findLast(({ batch }) => batch.next <= number)?.batch.sequence;
    expect(index.findDraw(number), `draw of ${number}`).toBe(drew === last.sequence ? undefined : drew);
  }
}
