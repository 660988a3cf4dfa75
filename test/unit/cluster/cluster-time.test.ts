import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CLOCK_TOLERANCE_MS,
  type ClockStamp,
  ClusterTime,
  lowerMedian,
  STAMP_INTERVAL_MS,
} from '../../../src/cluster/cluster-time.ts';

const EPOCH_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LOOK_MS = 500;

/** A node that looks every half second at others whose clocks are this far ahead; its own is right by default. */
class Watcher {
  monotonicMs = 77;
  ownAheadMs = 0;
  aheadMs: Record<string, number>;
  readonly time = new ClusterTime();
  private stamps: ClockStamp[] = [];
  private dead: readonly ClockStamp[] = [];

  constructor(aheadMs: Record<string, number>) {
    this.aheadMs = aheadMs;
    this.stampAll();
  }

  get trueMs(): number {
    return EPOCH_MS + this.monotonicMs;
  }

  /** What it would stamp now, as milliseconds ahead of the true time. */
  get stampedAheadMs(): number {
    const { monotonicMs, trueMs, ownAheadMs } = this;
    return this.time.timeMs({ monotonicMs, wallMs: trueMs + ownAheadMs }) - trueMs;
  }

  stampAll(): void {
    const living = Object.entries(this.aheadMs).map(([instance, aheadMs]) => ({
      instance,
      wallMs: this.trueMs + aheadMs,
    }));
    this.stamps = [...this.dead, ...living];
  }

  /** All others end, and their registrations stand. */
  killAll(): void {
    this.dead = this.stamps;
    this.aheadMs = {};
  }

  /** The leases of those that ended run out. */
  bury(): void {
    this.stamps = this.stamps.filter(stamp => !this.dead.includes(stamp));
    this.dead = [];
  }

  look(): void {
    const { monotonicMs, trueMs, ownAheadMs } = this;
    this.time.look({ monotonicMs, wallMs: trueMs + ownAheadMs }, this.stamps);
  }

  /** Everybody stamps and looks as they do, for as long. */
  pass(durationMs: number): void {
    const endMs = this.monotonicMs + durationMs;
    for (let stampMs = this.monotonicMs; this.monotonicMs < endMs; this.monotonicMs += LOOK_MS) {
      if (this.monotonicMs - stampMs >= STAMP_INTERVAL_MS) {
        stampMs = this.monotonicMs;
        this.stampAll();
      }
      this.look();
    }
  }
}

/** Most that what is learnt of another clock may be wrong once it has been watched. */
const SLACK_MS = CLOCK_TOLERANCE_MS + LOOK_MS;

describe('the lower median', () => {
  test.each([
    [[5], 5],
    [[5, 1], 1],
    [[9, 1, 5], 5],
    [[9, 1, 5, 7], 5],
    [[-1, -1, DAY_MS], -1],
  ])('of %j is %d', (values, expected) => expect(lowerMedian(values)).toBe(expected));

  test('lies among the values of any majority', () => {
    const values = fc.array(fc.integer(), { minLength: 1, maxLength: 9 });
    const liars = fc.array(fc.integer(), { maxLength: 8 });
    fc.assert(
      fc.property(values, liars, (honest, others) => {
        const few = others.slice(0, honest.length - 1);
        const median = lowerMedian([...honest, ...few]);
        expect(median).toBeGreaterThanOrEqual(Math.min(...honest));
        expect(median).toBeLessThanOrEqual(Math.max(...honest));
      }),
    );
  });
});

describe('a node among others', () => {
  test.each([DAY_MS, -DAY_MS])('does not stamp its own time when that is %d ms off', aheadMs => {
    const watcher = new Watcher({ b: 0, c: 0 });
    watcher.ownAheadMs = aheadMs;
    watcher.look();
    // What is read first may be as old as a stamp gets.
    expect(Math.abs(watcher.stampedAheadMs)).toBeLessThanOrEqual(CLOCK_TOLERANCE_MS + STAMP_INTERVAL_MS);
    watcher.pass(2 * STAMP_INTERVAL_MS);
    expect(Math.abs(watcher.stampedAheadMs)).toBeLessThanOrEqual(SLACK_MS);
    expect(Math.abs(watcher.time.ownAheadMs - aheadMs)).toBeLessThanOrEqual(LOOK_MS);
  });

  test.each([DAY_MS, -DAY_MS])('stamps its own time, to the millisecond, when one other is %d ms off', b => {
    const watcher = new Watcher({ b, c: 300 });
    for (let i = 0; i < 100; i += 1) {
      watcher.pass(700);
      expect(watcher.stampedAheadMs).toBe(0);
      expect(Math.abs(watcher.time.ownAheadMs)).toBeLessThanOrEqual(300);
    }
  });

  test('stamps its own time from its first look on, however old the stamps of the others are then', () => {
    for (const ageMs of [0, 1, STAMP_INTERVAL_MS]) {
      const watcher = new Watcher({ b: 0, c: 0 });
      watcher.monotonicMs += ageMs;
      watcher.look();
      expect(watcher.stampedAheadMs).toBe(0);
      expect(watcher.time.ownAheadMs).toBe(0);
    }
  });

  test('does not follow its own clock when that jumps, between looks or after (F17)', () => {
    for (const jumpMs of [HOUR_MS, -HOUR_MS]) {
      const watcher = new Watcher({ b: 0, c: 0 });
      watcher.pass(20_000);
      watcher.ownAheadMs = jumpMs;
      expect(Math.abs(watcher.stampedAheadMs)).toBeLessThanOrEqual(SLACK_MS);
      watcher.pass(20_000);
      expect(Math.abs(watcher.stampedAheadMs)).toBeLessThanOrEqual(SLACK_MS);
      watcher.ownAheadMs = 0;
      watcher.look();
      expect(watcher.stampedAheadMs).toBe(0);
    }
  });

  test('follows the others when most of them were set right', () => {
    const watcher = new Watcher({ b: DAY_MS, c: DAY_MS });
    watcher.pass(10_000);
    expect(Math.abs(watcher.stampedAheadMs - DAY_MS)).toBeLessThanOrEqual(SLACK_MS);
    watcher.aheadMs = { b: 0, c: 0 };
    watcher.pass(STAMP_INTERVAL_MS + LOOK_MS);
    expect(watcher.stampedAheadMs).toBe(0);
  });

  test('counts on a clock that is not stamped any more, for as long as it is registered', () => {
    const watcher = new Watcher({ b: 0, c: 0 });
    watcher.pass(10_000);
    watcher.ownAheadMs = DAY_MS;
    for (let i = 0; i < 600; i += 1) {
      watcher.monotonicMs += LOOK_MS;
      watcher.look();
    }
    expect(Math.abs(watcher.stampedAheadMs)).toBeLessThanOrEqual(SLACK_MS);
  });

  test('that stood still for an hour goes on with the time of the others', () => {
    const watcher = new Watcher({ b: 0, c: 0 });
    watcher.pass(10_000);
    watcher.ownAheadMs = DAY_MS;
    watcher.monotonicMs += HOUR_MS;
    watcher.stampAll();
    watcher.look();
    expect(Math.abs(watcher.stampedAheadMs)).toBeLessThanOrEqual(CLOCK_TOLERANCE_MS + STAMP_INTERVAL_MS);
  });
});

/** A node that starts an hour after all others ended, while their registrations still stand. */
function afterOutage(ownAheadMs = 0): Watcher {
  const watcher = new Watcher({ b: 0, c: 0 });
  watcher.killAll();
  watcher.monotonicMs += HOUR_MS;
  watcher.ownAheadMs = ownAheadMs;
  watcher.look();
  return watcher;
}

describe('after an outage', () => {
  test('what a node finds at its first look leaves the time in doubt until it is gone', () => {
    const watcher = afterOutage();
    expect(watcher.time.inDoubt).toBe(true);
    watcher.pass(3_000);
    expect(watcher.time.inDoubt).toBe(true);
    watcher.bury();
    watcher.look();
    expect(watcher.time.inDoubt).toBe(false);
    expect(watcher.stampedAheadMs).toBe(0);
    expect(watcher.time.ownAheadMs).toBe(0);
  });

  test('stamps that stand for two intervals count no more, though they are still there', () => {
    const watcher = afterOutage();
    watcher.pass(2 * STAMP_INTERVAL_MS);
    expect(watcher.time.inDoubt).toBe(true);
    watcher.pass(2 * LOOK_MS);
    expect(watcher.time.inDoubt).toBe(false);
    expect(watcher.stampedAheadMs).toBe(0);
  });

  test('stamps that stand because nobody could write are not taken for dead ones', () => {
    const watcher = new Watcher({ b: 0, c: 0 });
    watcher.ownAheadMs = DAY_MS;
    watcher.look();
    watcher.monotonicMs += HOUR_MS;
    watcher.look();
    expect(watcher.time.inDoubt).toBe(true);
    watcher.stampAll();
    watcher.pass(2 * STAMP_INTERVAL_MS);
    expect(watcher.time.inDoubt).toBe(false);
    expect(watcher.stampedAheadMs).toBeLessThanOrEqual(SLACK_MS);
  });

  test('no doubt remains once as many have started as are dead', () => {
    const watcher = afterOutage();
    for (const starting of [{ d: 0 }, { d: 0, e: 0 }]) {
      watcher.aheadMs = starting;
      watcher.stampAll();
      watcher.monotonicMs += LOOK_MS;
      watcher.look();
      const most = Object.keys(starting).length >= 2;
      expect(watcher.time.inDoubt).toBe(!most);
      if (most) expect(watcher.stampedAheadMs).toBe(0);
    }
  });

  test('the clocks that were watched before are known at once, also from stamps as old as the outage', () => {
    for (const ownAheadMs of [0, DAY_MS, -DAY_MS]) {
      const watcher = new Watcher({ b: 0, c: 0 });
      watcher.pass(10_000);
      watcher.stampAll();
      watcher.monotonicMs += HOUR_MS;
      watcher.ownAheadMs = ownAheadMs;
      watcher.look();
      expect(watcher.time.inDoubt).toBe(false);
      expect(Math.abs(watcher.stampedAheadMs)).toBeLessThanOrEqual(ownAheadMs === 0 ? 0 : SLACK_MS);
    }
  });

  test('processes that came and went meanwhile do not change what time it is', () => {
    for (const ownAheadMs of [0, DAY_MS, -DAY_MS]) {
      const watcher = new Watcher({ b: 0, c: 0 });
      watcher.pass(10_000);
      watcher.aheadMs = { d: 0, e: 0 };
      watcher.stampAll();
      watcher.monotonicMs += HOUR_MS;
      watcher.ownAheadMs = ownAheadMs;
      watcher.look();
      expect(Math.abs(watcher.stampedAheadMs)).toBeLessThanOrEqual(ownAheadMs === 0 ? 0 : SLACK_MS);
    }
  });
});

describe('a node that joins', () => {
  test('is in doubt only while its clock is ahead of stamps it has not seen change, and held back as long', () => {
    const watcher = new Watcher({ b: 0, c: 0 });
    watcher.ownAheadMs = DAY_MS;
    watcher.look();
    while (watcher.time.inDoubt) {
      expect(watcher.stampedAheadMs).toBeLessThanOrEqual(CLOCK_TOLERANCE_MS + STAMP_INTERVAL_MS);
      watcher.monotonicMs += LOOK_MS;
      if (watcher.monotonicMs > STAMP_INTERVAL_MS) watcher.stampAll();
      watcher.look();
    }
    expect(watcher.monotonicMs).toBeLessThanOrEqual(STAMP_INTERVAL_MS + 2 * LOOK_MS);
    expect(watcher.stampedAheadMs).toBeLessThanOrEqual(SLACK_MS);
  });

  test.each([0, -DAY_MS])('is not in doubt with a clock %d ms ahead', ownAheadMs => {
    const watcher = new Watcher({ b: 0, c: 0, d: -DAY_MS });
    watcher.monotonicMs += STAMP_INTERVAL_MS;
    watcher.ownAheadMs = ownAheadMs;
    watcher.look();
    expect(watcher.time.inDoubt).toBe(false);
  });
});

describe('with few nodes', () => {
  test('of two the clock that is behind counts, on both', () => {
    const fast = new Watcher({ b: 0 });
    fast.ownAheadMs = DAY_MS;
    fast.pass(10_000);
    expect(fast.stampedAheadMs).toBeLessThanOrEqual(SLACK_MS);
    const right = new Watcher({ b: DAY_MS });
    right.pass(10_000);
    expect(right.stampedAheadMs).toBe(0);
  });

  test('a node alone is believed, and after a jump from its next look on', () => {
    const watcher = new Watcher({});
    watcher.look();
    expect(watcher.stampedAheadMs).toBe(0);
    for (const jumpMs of [HOUR_MS, -HOUR_MS]) {
      watcher.ownAheadMs = jumpMs;
      expect(Math.abs(watcher.stampedAheadMs - jumpMs)).toBeGreaterThan(HOUR_MS / 2);
      watcher.look();
      expect(watcher.stampedAheadMs).toBe(jumpMs);
    }
  });

  test('a node whose others have left trusts itself', () => {
    const watcher = new Watcher({ b: 0, c: 0 });
    watcher.ownAheadMs = DAY_MS;
    watcher.pass(10_000);
    watcher.aheadMs = {};
    watcher.stampAll();
    watcher.look();
    expect(watcher.stampedAheadMs).toBe(DAY_MS);
    expect(watcher.time.ownAheadMs).toBe(0);
  });

  test('before its first look it knows no time, so that the newest batch keeps its own', () => {
    const time = new ClusterTime();
    expect(time.timeMs({ monotonicMs: 5, wallMs: EPOCH_MS })).toBe(Number.NEGATIVE_INFINITY);
    expect(time.ownAheadMs).toBe(0);
  });
});
