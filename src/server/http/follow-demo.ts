import { SeqdError } from '../../core/errors.ts';
import type { DemoRun } from '../../demo/demo-run.ts';
import type { DemoHostClient } from './demo-host-client.ts';
import type { DemoFeed } from './demo-link.ts';

/** Where a run can be followed. */
export interface DemoSources {
  readonly host: Pick<DemoHostClient, 'run'>;
  readonly feed: DemoFeed;
}

/** Times of following, milliseconds. */
export interface FollowTimes {
  /** A run without news is asked for, and given again so that whoever reads it knows that we are there. */
  readonly repeatMs: number;
  /** A host that has said nothing for so long has taken the run with it. */
  readonly lostAfterMs: number;
}

const FOLLOW_TIMES: FollowTimes = { repeatMs: 1_000, lostAfterMs: 5_000 };

/** Whether a run is over. */
export const hasEnded = ({ state }: DemoRun): boolean => state !== 'running';

/** Whether a run breaks something of that name (a node's id, a member's name) now, or in its next step. */
export function isAboutToBreak({ steps }: DemoRun, name: string): boolean {
  const next = steps.find(step => step.state === 'pending');
  return steps.some(step => (step.state === 'running' || step === next) && step.breaks.includes(name));
}

/**
 * Gives a run as it is, then at each change, or at least every `repeatMs`, until it has ended. Who is slow misses states in between,
 * never the last.
 *
 * @param signal ends it, without an error
 * @throws SeqdError `demo_unavailable` when the run is lost
 */
export async function* followDemo(
  first: DemoRun,
  { host, feed }: DemoSources,
  signal: AbortSignal,
  { repeatMs, lostAfterMs }: FollowTimes = FOLLOW_TIMES,
): AsyncGenerator<DemoRun, void> {
  const { id } = first;
  let wake = (): void => {};
  let changed = false;
  const notice = (): void => {
    changed = true;
    wake();
  };
  const stop = feed.onChange(notice);
  signal.addEventListener('abort', notice);
  let heardAtMs = performance.now();
  try {
    let run = first;
    while (!signal.aborted) {
      yield run;
      if (hasEnded(run)) return;
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, repeatMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (changed) wake();
      });
      changed = false;
      if (signal.aborted) return;
      const pushed = feed.run();
      if (pushed?.id === id) {
        run = pushed;
        heardAtMs = performance.now();
        continue;
      }
      // Not the current one any more, or the connection is broken. Its last state may not have been pushed.
      try {
        run = await host.run(id);
        heardAtMs = performance.now();
      } catch (error) {
        if (performance.now() - heardAtMs > lostAfterMs || isForgotten(error)) throw lost(error);
      }
    }
  } finally {
    stop();
    signal.removeEventListener('abort', notice);
  }
}

const isForgotten = (error: unknown): boolean =>
  error instanceof SeqdError && error.code === 'route_not_found';

const lost = (cause: unknown): SeqdError =>
  new SeqdError(
    'demo_unavailable',
    'The run is lost, for the process of the demonstrations has ended; what was broken is being restored',
    { cause },
  );
