import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMarkBook, LANES, marksIn, placeMarks } from '../../../dashboard/js/chart-marks.js';

const event = (id: string, at: number, text = id) => ({ id, category: 'cluster', at, text, mark: true });
const measure = (text: string) => text.length * 6;
const window = { first: 0, last: 1_000 };

describe('marks of events', () => {
  it('takes every marked event once, in order of time', () => {
    const book = createMarkBook();
    expect(book.take([event('b', 20), { id: 'n', category: 'number', at: 1 }])).toBe(true);
    expect(book.take([event('b', 20), event('a', 10)])).toBe(true);
    expect(book.take([event('b', 20)])).toBe(false);
    expect(book.marks.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('keeps the number of an event for as long as it is shown', () => {
    const book = createMarkBook();
    book.take([event('b', 20)]);
    book.take([event('a', 10)]);
    expect(book.marks.map(({ number }) => number)).toEqual([2, 1]);
  });

  it('keeps a bounded number, and does not take a dropped one again', () => {
    const book = createMarkBook();
    const events = Array.from({ length: 200 }, (_, i) => event(`e${i}`, i));
    book.take(events);
    expect(book.marks).toHaveLength(60);
    expect(book.take(events)).toBe(false);
    expect(book.marks[0]?.id).toBe('e140');
  });

  it('takes what two nodes tell of one event once', () => {
    const book = createMarkBook();
    book.take([event('a-1', 10_000, 'node x has left'), event('b-7', 10_400, 'node x has left')]);
    book.take([event('b-8', 16_000, 'node x has left')]);
    expect(book.marks.map(({ id }) => id)).toEqual(['a-1', 'b-8']);
  });

  it('shows those of the window', () => {
    const book = createMarkBook();
    book.take([event('a', 10), event('b', 20), event('c', 30)]);
    expect(marksIn(book.marks, { first: 20, last: 30 }).map(({ id }) => id)).toEqual(['b', 'c']);
  });
});

describe('labels of marks', () => {
  const place = (times: readonly number[], width: number, texts = true) => {
    const book = createMarkBook();
    book.take(times.map(at => event(`event-${at}`, at)));
    return placeMarks(book.marks, window, width, { texts, measure });
  };

  it('says the text where there is room', () => {
    const [placed] = place([500], 600);
    expect(placed).toMatchObject({ x: 300, label: '1 event-500', labelX: 303, lane: 0 });
  });

  it('stands to the left of its line at the right edge', () => {
    const [placed] = place([1_000], 600);
    expect(Number(placed?.labelX) + measure(placed?.label ?? '')).toBeLessThanOrEqual(600);
  });

  it('prefers what a demonstration did, then the newest', () => {
    const book = createMarkBook();
    const kill = { ...event('d', 480, 'leader killed'), category: 'demo' };
    book.take([kill, event('a', 500, 'a node has left'), event('b', 510, 'another leads')]);
    const placed = placeMarks(book.marks, window, 200, { texts: true, measure });
    expect(placed.map(({ label }) => label)).toEqual(['1 leader killed', '', '3 another leads']);
  });

  it('says numbers only on small charts', () => {
    expect(place([100, 500], 600, false).map(({ label }) => label)).toEqual(['1', '2']);
  });

  it('never lets two labels of a lane overlap, and draws every line where its event was', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 1_000 }), { maxLength: 40 }),
        fc.integer({ min: 100, max: 1_200 }),
        fc.boolean(),
        (times, width, texts) => {
          const placed = place(times, width, texts);
          expect(placed).toHaveLength(times.length);
          for (let lane = 0; lane < LANES; lane++) {
            let end = -Infinity;
            const labels = placed.filter(mark => mark.lane === lane && mark.label !== '');
            for (const { label, labelX } of labels.toSorted((a, b) => a.labelX - b.labelX)) {
              expect(labelX).toBeGreaterThanOrEqual(end);
              end = labelX + measure(label);
              expect(end).toBeLessThanOrEqual(width);
            }
          }
          for (const { mark, x } of placed) expect(x).toBeCloseTo((mark.at / 1_000) * width);
        },
      ),
    );
  });
});
