import type { DemoTimeline } from '../demo-run.ts';

/** More steps than this are folded into half as many of twice the length. */
export const STEPS_MAX = 160;

/** How often things happened, by name, in steps of time; shown as rates per second. */
export class RateTimeline {
  private readonly counts: ReadonlyMap<string, number[]>;
  private readonly startMs: number;
  private stepMs: number;

  constructor(names: readonly string[], { startMs, stepMs }: { startMs: number; stepMs: number }) {
    this.counts = new Map(names.map(name => [name, []]));
    this.startMs = startMs;
    this.stepMs = stepMs;
  }

  /** Something happened. @param atMs not before the start */
  add(name: string, atMs: number): void {
    const counts = this.counts.get(name);
    if (counts === undefined) throw new Error(`the timeline has no ${name}`);
    let step = Math.floor((atMs - this.startMs) / this.stepMs);
    while (step >= STEPS_MAX) {
      this.fold();
      step = Math.floor((atMs - this.startMs) / this.stepMs);
    }
    while (counts.length <= step) counts.push(0);
    counts[step]! += 1;
  }

  /** All steps that are over by now. */
  view(nowMs: number): DemoTimeline {
    const steps = Math.min(STEPS_MAX, Math.floor((nowMs - this.startMs) / this.stepMs));
    return {
      stepMs: this.stepMs,
      unit: '/s',
      series: [...this.counts].map(([name, counts]) => ({
        name,
        values: Array.from({ length: steps }, (_, i) => Math.round(((counts[i] ?? 0) * 1_000) / this.stepMs)),
      })),
    };
  }

  private fold(): void {
    this.stepMs *= 2;
    for (const counts of this.counts.values())
      counts.splice(
        0,
        counts.length,
        ...Array.from(
          { length: Math.ceil(counts.length / 2) },
          (_, i) => counts[2 * i]! + (counts[2 * i + 1] ?? 0),
        ),
      );
  }
}
