/** Buckets per doubling: a percentile is off by 3 % at most. */
const STEPS = 16;
const STEP_BITS = 4;
/** 2^27 µs are 134 s; nothing takes that long. */
const EXPONENT_MAX = 26;
const BUCKETS = (EXPONENT_MAX - STEP_BITS + 2) * STEPS;
const MICROSECONDS_MAX = 2 ** (EXPONENT_MAX + 1) - 1;

/**
 * How often requests took how long, in buckets whose width grows with the time, so that recording is one addition and histograms of
 * different nodes and times can be added up.
 */
export class LatencyHistogram {
  private readonly counts = new Uint32Array(BUCKETS);
  private total = 0;

  get count(): number {
    return this.total;
  }

  record(ms: number): void {
    const bucket = bucketOf(ms);
    this.counts[bucket] = this.counts[bucket]! + 1;
    this.total += 1;
  }

  add(other: LatencyHistogram): void {
    this.combine(other, 1);
  }

  /** Takes out what was added before. */
  subtract(other: LatencyHistogram): void {
    this.combine(other, -1);
  }

  clear(): void {
    if (this.total === 0) return;
    this.counts.fill(0);
    this.total = 0;
  }

  /** Milliseconds that so many percent of the requests took at most; `null` without requests. */
  percentile(percent: number): number | null {
    if (this.total === 0) return null;
    const wanted = Math.max(1, Math.ceil((this.total * percent) / 100));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.counts[bucket]!;
      if (seen >= wanted) return millisecondsOf(bucket);
    }
    return millisecondsOf(BUCKETS - 1);
  }

  /** Buckets that are not empty: number and count in turn. */
  encode(): number[] {
    const encoded: number[] = [];
    if (this.total === 0) return encoded;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const count = this.counts[bucket]!;
      if (count > 0) encoded.push(bucket, count);
    }
    return encoded;
  }

  /** Adds what {@link encode} made; what is no bucket is passed over. */
  addEncoded(encoded: readonly number[]): void {
    for (let i = 0; i + 1 < encoded.length; i += 2) {
      const bucket = encoded[i]!;
      const count = encoded[i + 1]!;
      if (!(bucket >= 0 && bucket < BUCKETS && count > 0)) continue;
      this.counts[bucket] = this.counts[bucket]! + count;
      this.total += count;
    }
  }

  private combine(other: LatencyHistogram, sign: 1 | -1): void {
    if (other.total === 0) return;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      this.counts[bucket] = this.counts[bucket]! + sign * other.counts[bucket]!;
    }
    this.total += sign * other.total;
  }
}

function bucketOf(ms: number): number {
  const us = Math.min(MICROSECONDS_MAX, Math.max(0, Math.round(ms * 1_000)));
  if (us < STEPS) return us;
  const exponent = 31 - Math.clz32(us);
  return ((exponent - STEP_BITS + 1) << STEP_BITS) | ((us >> (exponent - STEP_BITS)) & (STEPS - 1));
}

/** The middle of a bucket, to hundredths. */
function millisecondsOf(bucket: number): number {
  if (bucket < STEPS) return Math.round(bucket / 10) / 100;
  const shift = (bucket >> STEP_BITS) - 1;
  const us = (STEPS + (bucket & (STEPS - 1)) + 0.5) * 2 ** shift;
  return Math.round(us / 10) / 100;
}
