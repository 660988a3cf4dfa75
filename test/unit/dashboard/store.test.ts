import { describe, expect, test } from 'vitest';
import { createStore, EVENTS_MAX, isOld } from '../../../dashboard/js/store.js';
import type { LiveEvent } from '../../../src/server/live/live-protocol.ts';
import { deltaOf, eventOf, historyOf, sampleOf, snapshotOf, viewOf } from '../../kit/live-frames.ts';

/** A store whose animation frames come when the test says so. */
function setUp() {
  const frames: (() => void)[] = [];
  const errors: unknown[] = [];
  let now = 5_000;
  const store = createStore({
    schedule: run => void frames.push(run),
    onError: error => errors.push(error),
    clock: () => now,
  });
  return {
    store,
    errors,
    frames,
    setClock: (value: number) => {
      now = value;
    },
    frame: () => {
      for (const run of frames.splice(0)) run();
    },
  };
}

describe('the store', () => {
  test('tells a listener once per frame of all that has changed for it', () => {
    const { store, frame, frames } = setUp();
    const told: string[][] = [];
    store.on(['numbers', 'event'], changed => told.push([...changed].sort()));
    store.applySnapshot(snapshotOf());
    frame();
    store.applyDelta(deltaOf(1, { changes: { numbers: viewOf().numbers } }));
    store.applyDelta(deltaOf(2, { events: [eventOf('a')], changes: { traffic: viewOf().traffic } }));
    expect(frames).toHaveLength(1);
    frame();
    expect(told).toEqual([
      ['event', 'numbers'],
      ['event', 'numbers'],
    ]);
  });

  test('tells nobody of what nobody listens to', () => {
    const { store, frame, frames } = setUp();
    store.applySnapshot(snapshotOf());
    store.on('alerts', () => {});
    frame();
    store.applyDelta(deltaOf(1, { changes: { traffic: viewOf().traffic } }));
    expect(frames).toHaveLength(0);
  });

  test('tells those who show an age of each second, as soon as there is something to show', () => {
    const { store, frame } = setUp();
    let told = 0;
    store.on('second', () => {
      told += 1;
    });
    store.tick();
    frame();
    expect(told).toBe(0);
    store.applySnapshot(snapshotOf());
    store.tick();
    store.tick();
    frame();
    expect(told).toBe(1);
  });

  test('shows who comes late what there is', () => {
    const { store, frame } = setUp();
    store.applySnapshot(snapshotOf());
    let told = 0;
    store.on('numbers', () => {
      told += 1;
    });
    frame();
    expect(told).toBe(1);
  });

  test('goes on when a listener throws', () => {
    const { store, frame, errors } = setUp();
    let told = 0;
    store.on('snapshot', () => {
      throw new Error('broken');
    });
    store.on('snapshot', () => {
      told += 1;
    });
    store.applySnapshot(snapshotOf());
    frame();
    expect([told, errors]).toEqual([1, [new Error('broken')]]);
  });

  test('forgets who does not listen any more', () => {
    const { store, frame } = setUp();
    let told = 0;
    const off = store.on('snapshot', () => {
      told += 1;
    });
    off();
    store.applySnapshot(snapshotOf());
    frame();
    expect(told).toBe(0);
  });

  test('keeps the newest 500 events and counts all', () => {
    const { store } = setUp();
    store.applySnapshot(snapshotOf({ events: [eventOf('first')] }));
    const { events } = store;
    for (let seq = 1; seq <= 60; seq += 1) {
      const ten = Array.from({ length: 10 }, (_, i) => eventOf(`${seq}-${i}`));
      store.applyDelta(deltaOf(seq, { events: ten, eventsSkipped: 2 }));
    }
    expect(store.events).toBe(events);
    expect(store.events).toHaveLength(EVENTS_MAX);
    expect(store.events.at(-1)?.id).toBe('60-9');
    expect([store.eventsSeen, store.eventsSkipped]).toEqual([601, 120]);
  });

  test('keeps its events through a resync, each once, and takes those of another stream instead', () => {
    const { store } = setUp();
    const ids = () => store.events.map(event => event.id);
    store.applySnapshot(snapshotOf({ events: [eventOf('a'), eventOf('b')] }));
    store.applySnapshot(snapshotOf({ why: 'resync', events: [eventOf('b'), eventOf('c')] }));
    expect(ids()).toEqual(['a', 'b', 'c']);
    store.applySnapshot(snapshotOf({ why: 'hello', events: [eventOf('c')] }));
    expect(ids()).toEqual(['c']);
  });

  test('puts what a resync brings where it belongs by its time', () => {
    const { store } = setUp();
    const at = (id: string, time: number) => ({ ...eventOf(id), at: time });
    store.applySnapshot(snapshotOf({ events: [at('a', 1)] }));
    store.applyDelta(deltaOf(1, { events: [at('c', 3)], eventsSkipped: 1 }));
    store.applySnapshot(snapshotOf({ why: 'resync', events: [at('a', 1), at('b', 2), at('c', 3)] }));
    expect(store.events.map(event => event.id)).toEqual(['a', 'b', 'c']);
  });

  test('keeps the last 60 marked events, each once, however many others come', () => {
    const { store } = setUp();
    const marked = (id: string) => ({ ...eventOf(id), mark: true }) as LiveEvent;
    store.applySnapshot(snapshotOf({ events: [marked('m-0'), eventOf('other')] }));
    store.applyDelta(deltaOf(1, { events: Array.from({ length: 600 }, (_, i) => eventOf(`e-${i}`)) }));
    store.applySnapshot(snapshotOf({ events: [marked('m-0')] }));
    expect(store.marks.map(event => event.id)).toEqual(['m-0']);
    const { marks } = store;
    store.applyDelta(deltaOf(2, { events: Array.from({ length: 60 }, (_, i) => marked(`m-${i + 1}`)) }));
    expect(store.marks).toBe(marks);
    expect([marks.length, marks[0]?.id, marks.at(-1)?.id]).toEqual([60, 'm-1', 'm-60']);
  });

  test('says that what it shows is old once nothing new came for a while', () => {
    expect((['connecting', 'live', 'stale', 'offline'] as const).map(state => isOld({ state }))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  test('keeps the history up', () => {
    const { store } = setUp();
    store.applySnapshot(snapshotOf({ history: historyOf({ minute: [sampleOf(100)] }) }));
    store.applyDelta(deltaOf(1, { samples: [sampleOf(200), sampleOf(300)] }));
    expect(store.history.minute.t).toEqual([100, 200, 300]);
  });

  test('tells the time of the cluster, by the frame that was under way least', () => {
    const { store, setClock } = setUp();
    store.applySnapshot(snapshotOf());
    store.applyDelta(deltaOf(1, { at: 7_900 }));
    setClock(6_000);
    expect(store.now()).toBe(8_900);
    store.applyDelta(deltaOf(2, { at: 9_000 }));
    expect(store.now()).toBe(9_000);
    store.applyHeartbeat(8_000);
    expect(store.now()).toBeGreaterThan(8_990);
    store.applyHeartbeat(90_000);
    expect(store.now()).toBe(90_000);
  });

  test('tells of the connection only when something about it is new', () => {
    const { store, frame, frames } = setUp();
    store.applySnapshot(snapshotOf());
    let told = 0;
    store.on('connection', () => {
      told += 1;
    });
    frame();
    store.setConnection({ state: 'live', node: 'one' });
    frame();
    store.setConnection({ state: 'live', node: 'one', lastFrameAt: 9 });
    expect([told, frames.length, store.connection.lastFrameAt]).toEqual([2, 0, 9]);
  });
});
