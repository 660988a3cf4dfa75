/** How often a node writes its clock into its registration, milliseconds. */
export const STAMP_INTERVAL_MS = 5_000;

/**
 * How far from the others' a clock may be and still be believed, milliseconds: honest clocks are that far apart at
 * worst, and it takes an etcd round trip or two to learn what they show.
 */
export const CLOCK_TOLERANCE_MS = 2_000;

/** How long a stamp of unknown age may stand while we watch before its process is taken for dead, milliseconds. */
const STAMP_STANDS_MS_MAX = 2 * STAMP_INTERVAL_MS;

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
  /** How long we have watched that stamp stand, milliseconds. */
  readonly watchedMs: number;
}

/**
 * What time it is for the whole cluster: the lower median of all nodes' clocks, our own among them (ADR 009).
 *
 * A clock is known by its offset from our monotonic clock, taken at the look that first saw a stamp; between
 * stamps it goes on by monotonic time. How old a stamp is when it is first seen is known only within bounds, so the
 * cluster's time is too. Pure: the caller looks and says what it saw.
 *
 * Nothing bounds the age of what is found at the first look, or at the first after looks failed for longer than a
 * stamp interval: after an outage the stamps of processes that died before it still stand. A clock that was known
 * before has gone on, as far as the new stamp allows it, and one that is new is expected to show the cluster's time;
 * any other stamp is taken for fresh until it has changed. Where that holds our own clock back, the time is in doubt.
 */
export class ClusterTime {
  private readings = new Map<string, Reading>();
  private lookedAtMs = Number.NEGATIVE_INFINITY;
  private own: Offset = UNKNOWN;
  private median: Offset = UNKNOWN;
  /** What `median.most` would be if stamps of unknown age were as old as can be. */
  private utmost = Number.NEGATIVE_INFINITY;

  /** Takes in the stamps of all *other* processes. What a look does not see counts no more. */
  look({ monotonicMs, wallMs: ownWallMs }: OwnClocks, others: readonly ClockStamp[]): void {
    const sinceLookMs = monotonicMs - this.lookedAtMs;
    // While looks fail, stamps may fail too: how old those found afterwards are is unknown, and standing proves nothing.
    const interrupted = sinceLookMs > STAMP_INTERVAL_MS;
    const readings = new Map<string, Reading>();
    for (const { instance, wallMs } of others) {
      const known = this.readings.get(instance);
      if (known?.wallMs === wallMs) {
        readings.set(instance, { ...known, watchedMs: known.watchedMs + (interrupted ? 0 : sinceLookMs) });
        continue;
      }
      const least = wallMs - monotonicMs;
      // A stamp not seen before was written after the look before this one.
      const offset = interrupted
        ? narrowed({ least, most: Number.POSITIVE_INFINITY }, known ?? this.median)
        : { least, most: least + sinceLookMs };
      readings.set(instance, { ...offset, wallMs, watchedMs: 0 });
    }
    const ownOffset = ownWallMs - monotonicMs;
    this.readings = readings;
    this.lookedAtMs = monotonicMs;
    this.own = { least: ownOffset, most: ownOffset };
    const all = [this.own, ...[...readings.values()].filter(isAlive)];
    this.median = {
      least: lowerMedian(all.map(({ least }) => least)),
      most: lowerMedian(all.map(({ least, most }) => (isBounded(most) ? most : least + STAMP_INTERVAL_MS))),
    };
    this.utmost = lowerMedian(all.map(({ most }) => most));
  }

  /** See `Coordination.timeMs`. Minus infinity before the first look. */
  timeMs({ monotonicMs, wallMs }: OwnClocks): number {
    const floorMs = monotonicMs + this.median.least - CLOCK_TOLERANCE_MS;
    const ceilingMs = monotonicMs + this.median.most + CLOCK_TOLERANCE_MS;
    return Math.floor(Math.max(floorMs, Math.min(ceilingMs, wallMs)));
  }

  /**
   * Whether our own clock is held back by stamps that may be older than they look: either it is ahead, or they are
   * from before an outage. Watching tells within `STAMP_STANDS_MS_MAX`: a live clock is stamped again.
   */
  get inDoubt(): boolean {
    const { own, median, utmost } = this;
    return Math.min(own.most, utmost + CLOCK_TOLERANCE_MS) - median.most > 2 * CLOCK_TOLERANCE_MS;
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

/** What two findings about an offset have in common; the first when they contradict each other: the clock was set. */
function narrowed(offset: Offset, before: Offset): Offset {
  const least = Math.max(offset.least, before.least);
  const most = Math.min(offset.most, before.most);
  return least <= most ? { least, most } : offset;
}

/** False for a stamp of unknown age that has stood for too long: whose it is writes no more. */
function isAlive({ most, watchedMs }: Reading): boolean {
  return isBounded(most) || watchedMs <= STAMP_STANDS_MS_MAX;
}

/** Whether it is known how old the stamp was when it was first seen. */
function isBounded(most: number): boolean {
  return most < Number.POSITIVE_INFINITY;
}

/** The middle of an odd number of values; of an even number, the lower of the two in the middle. */
export function lowerMedian(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new RangeError('there is no median of nothing');
  return middle;
}
