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

/** The cluster's past at three resolutions, each bounded. Coarse samples end at multiples of their length. */
export class History {
  private readonly samples: Record<Resolution, LiveSample[]> = { minute: [], fiveMinutes: [], hour: [] };
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
   * Puts another node's past before ours. When it was there longer it counts instead of ours as far as it goes, at most to
   * `throughMs`, the end of our last step: later ones are still to come.
   */
  adopt(other: LiveHistory, throughMs = Number.POSITIVE_INFINITY): void {
    for (const name of NAMES) {
      const older = fromColumns(other[name]).filter(({ t }) => t <= throughMs);
      const [first, last] = [older[0]?.t, older.at(-1)?.t];
      const ownFirst = this.samples[name][0]?.t ?? Number.POSITIVE_INFINITY;
      if (first === undefined || last === undefined || first >= ownFirst) continue;
      const own = this.samples[name].filter(({ t }) => t > last);
      this.samples[name] = [...older, ...own].slice(-RESOLUTIONS[name].max);
    }
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
