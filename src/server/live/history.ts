import { addUp, type ClosedStep, sampleOf, STEP_MS } from './cluster-samples.ts';
import type { LiveHistory, LiveSample, LiveSamples } from './live-protocol.ts';

/** Resolutions, and how many samples of each there are. */
const RESOLUTIONS = {
  minute: { stepMs: STEP_MS, max: 600 },
  fiveMinutes: { stepMs: 1_000, max: 300 },
  hour: { stepMs: 10_000, max: 360 },
} as const;

type Resolution = keyof typeof RESOLUTIONS;
const NAMES = Object.keys(RESOLUTIONS) as Resolution[];
const COARSE = ['fiveMinutes', 'hour'] as const;

/** Of {@link LiveSamples}. */
export const COLUMNS = [
  't',
  'numbers',
  'requests',
  'errors',
  'p50',
  'p95',
  'p99',
  'batch',
  'ledgerLag',
] as const satisfies readonly (keyof LiveSample)[];

/** After so long whoever is there was heard, and what it did is in our samples. */
export const HEARD_MS = 3_000;

/** The cluster's past at three resolutions, each bounded. Coarse samples end at multiples of their length. */
export class History {
  private readonly samples: Record<Resolution, LiveSample[]> = { minute: [], fiveMinutes: [], hour: [] };
  /** Of our own first step. */
  private beganMs = Number.POSITIVE_INFINITY;
  /** What the coarse sample that is not complete is made of. */
  private readonly pieces: Record<
    (typeof COARSE)[number],
    { steps: ClosedStep[]; ledgerLag: number | null }
  > = {
    fiveMinutes: { steps: [], ledgerLag: null },
    hour: { steps: [], ledgerLag: null },
  };

  /** Takes in the next step; returns it as a sample. */
  push(step: ClosedStep, ledgerLag: number | null): LiveSample {
    this.beganMs = Math.min(this.beganMs, step.t - STEP_MS);
    const sample = sampleOf(step, { t: step.t, ms: STEP_MS, ledgerLag });
    this.keep('minute', sample);
    for (const name of COARSE) {
      const { stepMs } = RESOLUTIONS[name];
      const piece = this.pieces[name];
      piece.steps.push(step);
      if (ledgerLag !== null) piece.ledgerLag = Math.max(piece.ledgerLag ?? 0, ledgerLag);
      if (step.t % stepMs !== 0) continue;
      const ms = piece.steps.length * STEP_MS;
      this.keep(name, sampleOf(addUp(piece.steps), { t: step.t, ms, ledgerLag: piece.ledgerLag }));
      this.pieces[name] = { steps: [], ledgerLag: null };
    }
    return sample;
  }

  /** Samples that end at `throughMs` or before, by column. */
  columns(throughMs = Number.POSITIVE_INFINITY): LiveHistory {
    const [minute, fiveMinutes, hour] = NAMES.map(name =>
      toColumns(
        this.samples[name].filter(({ t }) => t <= throughMs),
        RESOLUTIONS[name].stepMs,
      ),
    );
    return { minute: minute!, fiveMinutes: fiveMinutes!, hour: hour! };
  }

  /**
   * Takes in another node's past: what was before ours began, and of our first seconds, in which not all others had been heard yet,
   * what it knows more of. Nothing after `throughMs`, the end of our last step: that is still to come.
   *
   * @returns whether anything was new
   */
  adopt(other: LiveHistory, throughMs = Number.POSITIVE_INFINITY): boolean {
    let changed = false;
    for (const name of NAMES) {
      const { stepMs, max } = RESOLUTIONS[name];
      const byTime = new Map(this.samples[name].map(sample => [sample.t, sample]));
      const news = fromColumns(other[name]).filter(sample => {
        const { t } = sample;
        if (t > throughMs || t > this.beganMs + HEARD_MS + stepMs) return false;
        const own = byTime.get(t);
        return own === undefined || activityOf(own) < activityOf(sample);
      });
      if (news.length === 0) continue;
      for (const sample of news) byTime.set(sample.t, sample);
      const all = [...byTime.values()].sort((a, b) => a.t - b.t).slice(-max);
      changed ||= news.some(sample => all.includes(sample));
      this.samples[name] = all;
    }
    return changed;
  }

  private keep(name: Resolution, sample: LiveSample): void {
    const samples = this.samples[name];
    samples.push(sample);
    if (samples.length > RESOLUTIONS[name].max) samples.shift();
  }
}

/** The same past by a clock that is so far ahead. Coarse samples still end at multiples of their length. */
export function moveHistory({ minute, fiveMinutes, hour }: LiveHistory, aheadMs: number): LiveHistory {
  const move = (samples: LiveSamples, name: Resolution): LiveSamples => {
    const { stepMs } = RESOLUTIONS[name];
    const ms = Math.round(aheadMs / stepMs) * stepMs;
    return { ...samples, t: samples.t.map(t => t + ms) };
  };
  return {
    minute: move(minute, 'minute'),
    fiveMinutes: move(fiveMinutes, 'fiveMinutes'),
    hour: move(hour, 'hour'),
  };
}

/** A sample that lacks what a node did shows less. */
function activityOf({ numbers, requests, errors }: LiveSample): number {
  return numbers + requests + errors;
}

function toColumns(samples: readonly LiveSample[], stepMs: number): LiveSamples {
  const columns = COLUMNS.map(name => [name, samples.map(sample => sample[name])]);
  return { stepMs, ...Object.fromEntries(columns) } as LiveSamples;
}

function fromColumns(columns: LiveSamples): LiveSample[] {
  return columns.t.map(
    (_, i) =>
      Object.fromEntries(COLUMNS.map(name => [name, columns[name][i] ?? null])) as unknown as LiveSample,
  );
}
