import type { DemoContext } from '../run/demo.ts';
import type { StepRecord } from '../run/run-record.ts';

/** How often live figures change. */
const LIVE_MS = 250;

/** Shows something again and again. @returns shows it once more, and never again */
export function showLive(context: Pick<DemoContext, 'onEnd'>, show: () => void): () => void {
  const timer = setInterval(show, LIVE_MS);
  const stop = (): void => clearInterval(timer);
  context.onEnd(stop);
  return () => {
    stop();
    show();
  };
}

/**
 * Counts down to something, for those who watch: `site-2-partition-a leads; it will be killed in 2 s`.
 *
 * @param seconds a whole number
 */
export async function countDown(
  context: Pick<DemoContext, 'sleep'>,
  step: StepRecord,
  { seconds, text }: { seconds: number; text: (when: string) => string },
): Promise<void> {
  const line = step.say(text(`in ${seconds} s`));
  for (let left = seconds; left > 0; left -= 1) {
    line(text(`in ${left} s`));
    await context.sleep(1_000);
  }
  line(text('now'));
}

/** 1 and `number` → `1 number`; 2 → `2 numbers`. */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** `0.42 ms`, `104 ms`, `2.1 s`. */
export function duration(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1_000).toFixed(0)} s`;
  if (ms >= 2_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`;
}
