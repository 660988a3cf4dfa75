import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { STEP_MS } from '../../../../src/server/live/cluster-samples.ts';
import { History } from '../../../../src/server/live/history.ts';
import type {
  DeltaFrame,
  LiveEvent,
  LiveFrame,
  LiveSample,
  LiveView,
  SnapshotFrame,
} from '../../../../src/server/live/live-protocol.ts';
import { LiveStream } from '../../../../src/server/live/live-stream.ts';
import { numbersOf, viewOf } from '../../../kit/live-frames.ts';

/** A stream with its clock; each tick is a tenth of a second with so many numbers. */
class StreamWorld {
  readonly history = new History();
  readonly stream = new LiveStream({ stream: 's1', node: 'node-1', version: '1.0.0' }, this.history);
  nowMs = 0;

  constructor() {
    this.stream.settle(viewOf(), this.nowMs);
  }

  tick(seen: LiveView, count = 0, events: readonly LiveEvent[] = []): LiveFrame | undefined {
    this.nowMs += STEP_MS;
    this.note(count, events);
    const text = this.stream.next(seen, { nowMs: this.nowMs, at: this.nowMs });
    return text === undefined ? undefined : (JSON.parse(text) as LiveFrame);
  }

  /** A tick without anybody who watches. */
  unseen(count: number): void {
    this.nowMs += STEP_MS;
    this.note(count, []);
    this.stream.settle(viewOf(), this.nowMs);
  }

  snapshot(why: SnapshotFrame['why'] = 'resync'): SnapshotFrame {
    return JSON.parse(this.stream.snapshot(why)) as SnapshotFrame;
  }

  private note(count: number, events: readonly LiveEvent[]): void {
    const step = { t: this.nowMs, numbers: count, requests: count, errors: 0, batches: 0, facts: 0 };
    const samples: LiveSample[] = [this.history.push({ ...step, latency: undefined }, null)];
    this.stream.note({ samples, events, eventsSkipped: 0 });
  }
}

function numberEvent(sequence: number, index = 0): LiveEvent {
  return {
    id: `${sequence}-${index}`,
    category: 'number',
    at: sequence,
    kind: 'issue',
    numbers: [{ first: sequence, last: sequence }],
    count: 1,
    node: 'node-1',
    revision: sequence,
  };
}

function clusterEvent(id: string, at = 0): LiveEvent {
  return { id, category: 'cluster', at, kind: 'node:left', text: id, mark: true };
}

const changed = (i: number): LiveView => viewOf({ numbers: numbersOf({ sequence: i, issued: i }) });

describe('the numbering of frames', () => {
  const STEPS = fc.array(
    fc.record({
      numbers: fc.constantFrom(0, 0, 5),
      change: fc.boolean(),
      events: fc.nat(12),
      joins: fc.boolean(),
      watched: fc.boolean(),
    }),
    { maxLength: 60 },
  );

  test('has no gap, and whoever joins at any time and applies the deltas has the samples and the view', () => {
    fc.assert(
      fc.property(STEPS, steps => {
        const world = new StreamWorld();
        const watchers: { seq: number; t: number[]; view: LiveView }[] = [];
        let seen = viewOf();
        for (const [i, step] of steps.entries()) {
          if (watchers.length === 0 && !step.watched) {
            world.unseen(step.numbers);
            seen = viewOf();
            continue;
          }
          if (step.change) seen = changed(i + 1);
          const events = Array.from({ length: step.events }, (_, n) => numberEvent(i + 1, n));
          const frame = world.tick(seen, step.numbers, events);
          for (const watcher of watchers) {
            if (frame === undefined) continue;
            expect(frame.seq).toBe(watcher.seq + 1);
            watcher.seq = frame.seq;
            if (frame.type !== 'delta') continue;
            watcher.t.push(...frame.samples.map(({ t }) => t));
            watcher.view = { ...watcher.view, ...frame.changes };
          }
          if (!step.joins) continue;
          const { seq, view: whole, history } = world.snapshot();
          watchers.push({ seq, t: [...history.minute.t], view: whole });
        }
        // The last of them may wait for a frame.
        const last = world.tick(changed(1_000)) as DeltaFrame;
        const end = world.snapshot();
        for (const watcher of watchers) {
          const t = [...watcher.t, ...last.samples.map(sample => sample.t)];
          expect(t).toEqual(t.map((_, n) => t[0]! + n * STEP_MS));
          expect(t.at(-1)).toBe(world.nowMs);
          expect({ ...watcher.view, ...last.changes }).toEqual(end.view);
        }
      }),
    );
  });

  test('begins where the hello says', () => {
    const world = new StreamWorld();
    world.tick(changed(1));
    expect(JSON.parse(world.stream.hello(100))).toEqual({
      type: 'hello',
      protocol: 'seqd.live.1',
      stream: 's1',
      seq: 1,
      node: 'node-1',
      version: '1.0.0',
      intervalMs: 100,
    });
    expect(world.snapshot('hello')).toMatchObject({ type: 'snapshot', why: 'hello', seq: 1 });
    expect(world.tick(changed(2))!.seq).toBe(2);
  });
});

describe('a delta', () => {
  test('has the sections that changed, whole, and no others', () => {
    const world = new StreamWorld();
    const frame = world.tick(changed(3)) as DeltaFrame;
    expect(frame).toMatchObject({ type: 'delta', seq: 1, at: 100, changes: { numbers: { issued: 3 } } });
    expect(Object.keys(frame.changes)).toEqual(['numbers']);
  });

  test('is not sent when nothing has changed; after a second there is a heartbeat, and samples wait', () => {
    const world = new StreamWorld();
    world.tick(changed(1));
    const frames = Array.from({ length: 20 }, () => world.tick(changed(1)));
    expect(frames.filter(frame => frame !== undefined)).toEqual([
      { type: 'heartbeat', seq: 2, at: 1_100 },
      { type: 'heartbeat', seq: 3, at: 2_100 },
    ]);
    expect((world.tick(changed(2)) as DeltaFrame).samples).toHaveLength(21);
  });

  test('brings the samples of a long rest before they are many: nobody misses one, and who comes then has them', () => {
    const world = new StreamWorld();
    const seen = changed(1);
    const first = world.tick(seen) as DeltaFrame;
    const steps = [...first.samples];
    for (let i = 0; i < 700; i += 1) {
      const frame = world.tick(seen);
      if (frame?.type === 'delta') steps.push(...frame.samples);
      expect(world.nowMs - world.snapshot().history.minute.t.at(-1)!).toBeLessThanOrEqual(10_000);
    }
    expect(steps.length).toBeGreaterThan(600);
    expect(steps.map(({ t }) => t)).toEqual(steps.map((_, i) => (i + 1) * STEP_MS));
  });

  test('is sent for what always moves only now and then, unless something in it is urgent', () => {
    const world = new StreamWorld();
    const lag = (lagSeconds: number, state: 'ok' | 'lagging' = 'ok'): LiveView =>
      viewOf({ ledger: { ...viewOf().ledger, state, lagSeconds } });
    world.nowMs = 1_000;
    const sent = [lag(1), lag(2), lag(3), lag(4, 'lagging'), lag(5, 'lagging')].map(
      seen => (world.tick(seen) as DeltaFrame | undefined)?.changes.ledger?.lagSeconds,
    );
    expect(sent).toEqual([1, undefined, undefined, 4, undefined]);
  });

  test('has at most eight numbers, the newest in their order, and says how many it left out', () => {
    const world = new StreamWorld();
    const events = [3, 1, 2].flatMap(sequence => [0, 1, 2, 3].map(index => numberEvent(sequence, index)));
    const frame = world.tick(changed(1), 12, [...events, clusterEvent('left')]) as DeltaFrame;
    expect(frame.events.map(({ id }) => id)).toEqual([
      'left',
      '2-0',
      '2-1',
      '2-2',
      '2-3',
      '3-0',
      '3-1',
      '3-2',
      '3-3',
    ]);
    expect(frame.eventsSkipped).toBe(4);
  });
});

describe('events', () => {
  test('of the cluster are not pushed out of the snapshot by numbers', () => {
    const world = new StreamWorld();
    world.tick(changed(1), 1, [clusterEvent('left')]);
    for (let i = 2; i < 102; i += 1)
      world.tick(
        changed(i),
        1,
        Array.from({ length: 8 }, (_, n) => numberEvent(i, n)),
      );
    const { events } = world.snapshot();
    expect(events.length).toBeLessThanOrEqual(200);
    expect(events.some(({ id }) => id === 'left')).toBe(true);
    expect(events.at(-1)!.id).toBe('101-7');
  });

  test('are kept while nobody watches, more than a delta would have', () => {
    const world = new StreamWorld();
    world.stream.note({
      samples: [],
      events: Array.from({ length: 30 }, (_, n) => numberEvent(1, n)),
      eventsSkipped: 0,
    });
    world.stream.settle(viewOf(), 0);
    expect(world.snapshot().events).toHaveLength(30);
  });

  test('of another node are put in once', () => {
    const world = new StreamWorld();
    world.tick(changed(1), 1, [clusterEvent('b', 20)]);
    world.stream.adoptEvents([clusterEvent('a', 10), clusterEvent('b', 20)]);
    expect(world.snapshot().events.map(({ id }) => id)).toEqual(['a', 'b']);
  });
});
