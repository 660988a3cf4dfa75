import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { followNumber } from '../../../dashboard/js/find-follow.js';
import { createStore } from '../../../dashboard/js/store.js';
import type { LiveEvent, LiveView, SnapshotFrame } from '../../../src/server/live/live-protocol.ts';

const SNAPSHOT = {
  type: 'snapshot',
  seq: 1,
  why: 'hello',
  view: { series: 'default/global/all' } as LiveView,
  history: emptyHistory(),
  events: [],
} as SnapshotFrame;

let asked = 0;
let isSeen = true;
let store: ReturnType<typeof createStore>;

beforeEach(() => {
  vi.useFakeTimers();
  asked = 0;
  isSeen = true;
  store = createStore({ schedule: run => void setTimeout(run, 16) });
  store.applySnapshot(SNAPSHOT);
  followNumber(store, { number: () => 42, look: () => (asked += 1), isSeen: () => isSeen });
  vi.advanceTimersByTime(5_000);
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a number that somebody looks at', () => {
  it('is not asked for again while nothing happens to it', () => {
    tell([drawn(41), drawn(43)]);
    vi.advanceTimersByTime(10_000);
    expect(asked).toBe(0);
  });

  it('is asked for again after an event about it, well within a second', () => {
    tell([drawn(42)]);
    vi.advanceTimersByTime(500);
    expect(asked).toBe(1);
  });

  it('is asked for once after events that follow each other at once', () => {
    tell([drawn(42)]);
    vi.advanceTimersByTime(50);
    tell([drawn(42)]);
    vi.advanceTimersByTime(5_000);
    expect(asked).toBe(1);
  });

  it('is asked for now and then while events are left out, if it is on the screen', () => {
    for (let second = 0; second < 9; second += 1) {
      tell([drawn(7)], 100);
      vi.advanceTimersByTime(1_000);
    }
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(asked).toBeLessThanOrEqual(4);
  });

  it('is not asked for because of what was left out while nobody sees it', () => {
    isSeen = false;
    tell([drawn(7)], 100);
    vi.advanceTimersByTime(10_000);
    expect(asked).toBe(0);
  });

  it('is asked for again after a break of the stream', () => {
    store.applySnapshot(SNAPSHOT);
    vi.advanceTimersByTime(500);
    expect(asked).toBe(1);
  });
});

function tell(events: readonly LiveEvent[], eventsSkipped = 0): void {
  store.applyDelta({
    type: 'delta',
    seq: 2,
    at: Date.now(),
    changes: {},
    samples: [],
    events,
    eventsSkipped,
  });
}

function drawn(number: number): LiveEvent {
  return {
    id: `${number}-0`,
    category: 'number',
    at: 0,
    kind: 'issue',
    numbers: [{ first: number, last: number }],
    count: 1,
    node: 'n/1',
    revision: 1,
  };
}

function emptyHistory(): SnapshotFrame['history'] {
  const columns = {
    t: [],
    numbers: [],
    requests: [],
    errors: [],
    p50: [],
    p95: [],
    p99: [],
    batch: [],
    ledgerLag: [],
  };
  return {
    minute: { stepMs: 100, ...columns },
    fiveMinutes: { stepMs: 1_000, ...columns },
    hour: { stepMs: 10_000, ...columns },
  };
}
