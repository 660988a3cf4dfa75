/** How often a node writes its clock into its registration, milliseconds. */
export const STAMP_INTERVAL_MS = 5_000;

/**
 * How far from the others' a clock may be and still be believed, milliseconds: honest clocks are that far apart at
 * worst, and it takes an etcd round trip or two to learn what they show.
 */
export const CLOCK_TOLERANCE_MS = 2_000;

/** What a node's clock showed when it was last written down. */
export interface ClockStamp {
  /** The process it belongs to. */
  readonly instance: string;
  /** Unix milliseconds. */
  readonly wallMs: number;
}

/** Our own two clocks, read at the same instant. */
export interface OwnClocks {
  readonly monotonicMs: number;
  /** Unix milliseconds. */
  readonly wallMs: number;
}

/** How far a clock is ahead of our monotonic one, at least and at most, milliseconds. */
interface Offset {
  readonly least: number;
  readonly most: number;
}

interface Reading extends Offset {
  /** The stamp it was taken from. */
  readonly wallMs: number;
}

/**
 * What time it is for the whole cluster: the lower median of all nodes' clocks, our own among them (ADR 009).
 *
 * A clock is known by its offset from our monotonic clock, taken at the look that first saw a stamp; between
 * stamps it goes on by monotonic time. How old a stamp is when it is first seen is known only within bounds, so the
 * cluster's time is too. Pure: the caller looks and says what it saw.
 */
export class ClusterTime {
  private readings = new Map<string, Reading>();
  private lookedAtMs = Number.NEGATIVE_INFINITY;
  private own: Offset = UNKNOWN;
  private median: Offset = UNKNOWN;

  /** Takes in the stamps of all *other* processes. What a look does not see counts no more. */
  look({ monotonicMs, wallMs: ownWallMs }: OwnClocks, others: readonly ClockStamp[]): void {
    // A stamp not seen before was written after the look before this one, and at most a stamp interval ago.
    const ageMsMax = Math.min(monotonicMs - this.lookedAtMs, STAMP_INTERVAL_MS);
    const readings = new Map<string, Reading>();
    for (const { instance, wallMs } of others) {
      const known = this.readings.get(instance);
      const least = wallMs - monotonicMs;
      readings.set(instance, known?.wallMs === wallMs ? known : { wallMs, least, most: least + ageMsMax });
    }
    const ownOffset = ownWallMs - monotonicMs;
    this.readings = readings;
    this.lookedAtMs = monotonicMs;
    this.own = { least: ownOffset, most: ownOffset };
    const all = [this.own, ...readings.values()];
    this.median = {
      least: lowerMedian(all.map(({ least }) => least)),
      most: lowerMedian(all.map(({ most }) => most)),
    };
  }

  /** See `Coordination.timeMs`. Minus infinity before the first look. */
  timeMs({ monotonicMs, wallMs }: OwnClocks): number {
    const floorMs = monotonicMs + this.median.least - CLOCK_TOLERANCE_MS;
    const ceilingMs = monotonicMs + this.median.most + CLOCK_TOLERANCE_MS;
    return Math.floor(Math.max(floorMs, Math.min(ceilingMs, wallMs)));
  }

  /**
   * How far our own clock was ahead of the cluster's at the last look, milliseconds: negative when behind, 0 when
   * it may be right.
   */
  get ownAheadMs(): number {
    const { own, median } = this;
    if (own.least > median.most) return own.least - median.most;
    return own.least < median.least ? own.least - median.least : 0;
  }
}

const UNKNOWN: Offset = { least: Number.NEGATIVE_INFINITY, most: Number.NEGATIVE_INFINITY };

/** The middle of an odd number of values; of an even number, the lower of the two in the middle. */
export function lowerMedian(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new RangeError('there is no median of nothing');
  return middle;
}
