import { LatencyHistogram } from './latency-histogram.ts';
import type { LiveSample, LiveTraffic } from './live-protocol.ts';
import type { NodeSample } from './node-sampler.ts';

/** Length of the shortest samples, milliseconds. */
export const STEP_MS = 100;

/** What all nodes together did in a stretch of time; counts may be fractions where a node's sample was longer. */
export interface Tally {
  requests: number;
  errors: number;
  numbers: number;
  batches: number;
  facts: number;
  /** `undefined` without requests. */
  latency: LatencyHistogram | undefined;
}

/** A step of {@link STEP_MS} that nothing is added to any more. */
export interface ClosedStep extends Readonly<Tally> {
  /** Its end, Unix milliseconds. */
  readonly t: number;
}

/** Of rates. */
const RATE_STEPS = 10;
/** Of percentiles. */
const LATENCY_STEPS = 100;
/** Of steps that are missing, when this process stood still; more is a hole in the past. */
const CATCH_UP_STEPS_MAX = 600;
/** What says that it is from so far ahead is not believed. */
const AHEAD_MS_MAX = 60_000;

/** Adds up what the nodes tell, step by step, and says what the cluster does at the moment. */
export class ClusterSamples {
  private readonly open = new Map<number, Tally>();
  private closedThrough: number;
  /** The last {@link LATENCY_STEPS}, oldest first. */
  private readonly recent: ClosedStep[] = [];
  private readonly recentLatency = new LatencyHistogram();

  /** @param fromMs Unix milliseconds: what was before is not counted */
  constructor(fromMs: number) {
    this.closedThrough = floorToStep(fromMs);
  }

  /** End of the last closed step. */
  get through(): number {
    return this.closedThrough;
  }

  /**
   * Adds a node's sample, spread over the steps it covers; its latencies count for the last one. What falls into closed steps is
   * lost.
   */
  add(sample: NodeSample): void {
    const end = floorToStep(sample.t + STEP_MS / 2);
    const steps = Math.max(1, Math.round(sample.spanMs / STEP_MS));
    if (end <= this.closedThrough || end > this.closedThrough + AHEAD_MS_MAX) return;
    for (let step = 0; step < Math.min(steps, CATCH_UP_STEPS_MAX); step += 1) {
      const t = end - step * STEP_MS;
      if (t > this.closedThrough) this.addPart(t, sample, 1 / steps);
    }
    if (sample.latency.length > 0) {
      const last = this.openAt(end);
      last.latency ??= new LatencyHistogram();
      last.latency.addEncoded(sample.latency);
    }
  }

  /** Closes all steps that end at `throughMs` or before; they are returned in order, without a gap between them. */
  close(throughMs: number): ClosedStep[] {
    const through = floorToStep(throughMs);
    const closed: ClosedStep[] = [];
    this.closedThrough = Math.max(this.closedThrough, through - CATCH_UP_STEPS_MAX * STEP_MS);
    while (this.closedThrough < through) {
      const t = this.closedThrough + STEP_MS;
      const step = { t, ...(this.open.get(t) ?? emptyTally()) };
      this.open.delete(t);
      this.closedThrough = t;
      this.remember(step);
      closed.push(step);
    }
    for (const t of this.open.keys()) if (t <= this.closedThrough) this.open.delete(t);
    return closed;
  }

  /** Rates over the last second, percentiles over the last ten, of what is closed. */
  traffic(): LiveTraffic {
    const last = this.recent.slice(-RATE_STEPS);
    const seconds = (RATE_STEPS * STEP_MS) / 1_000;
    const { requests, errors, numbers, batches, facts } = addUp(last);
    return {
      numbersPerSecond: round(numbers / seconds),
      requestsPerSecond: round(requests / seconds),
      errorsPerSecond: round(errors / seconds),
      batchesPerSecond: round(batches / seconds),
      batchSize: batches === 0 ? 0 : round(facts / batches),
      p50: this.recentLatency.percentile(50) ?? 0,
      p95: this.recentLatency.percentile(95) ?? 0,
      p99: this.recentLatency.percentile(99) ?? 0,
    };
  }

  private addPart(t: number, sample: NodeSample, part: number): void {
    const tally = this.openAt(t);
    tally.requests += sample.requests * part;
    tally.errors += sample.errors * part;
    tally.numbers += sample.numbers * part;
    tally.batches += sample.batches * part;
    tally.facts += sample.facts * part;
  }

  private openAt(t: number): Tally {
    let tally = this.open.get(t);
    if (tally === undefined) {
      tally = emptyTally();
      this.open.set(t, tally);
    }
    return tally;
  }

  private remember(step: ClosedStep): void {
    this.recent.push(step);
    if (step.latency !== undefined) this.recentLatency.add(step.latency);
    if (this.recent.length <= LATENCY_STEPS) return;
    const { latency } = this.recent.shift()!;
    if (latency !== undefined) this.recentLatency.subtract(latency);
  }
}

/** Several steps as one. */
export function addUp(steps: readonly Readonly<Tally>[]): Tally {
  const sum = emptyTally();
  for (const { requests, errors, numbers, batches, facts, latency } of steps) {
    sum.requests += requests;
    sum.errors += errors;
    sum.numbers += numbers;
    sum.batches += batches;
    sum.facts += facts;
    if (latency === undefined) continue;
    sum.latency ??= new LatencyHistogram();
    sum.latency.add(latency);
  }
  return sum;
}

/** Steps as viewers are told of them. */
export function sampleOf(
  { requests, errors, numbers, batches, facts, latency }: Readonly<Tally>,
  { t, ms, ledgerLag }: { t: number; ms: number; ledgerLag: number | null },
): LiveSample {
  const perSecond = 1_000 / ms;
  return {
    t,
    numbers: round(numbers * perSecond),
    requests: round(requests * perSecond),
    errors: round(errors * perSecond),
    p50: latency?.percentile(50) ?? null,
    p95: latency?.percentile(95) ?? null,
    p99: latency?.percentile(99) ?? null,
    batch: batches === 0 ? null : round(facts / batches),
    ledgerLag,
  };
}

function emptyTally(): Tally {
  return { requests: 0, errors: 0, numbers: 0, batches: 0, facts: 0, latency: undefined };
}

function floorToStep(ms: number): number {
  return Math.floor(ms / STEP_MS) * STEP_MS;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
