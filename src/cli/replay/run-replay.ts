import { type SeqdClient, SeqdClientError } from '../../client/index.ts';
import type { ReplayTask } from './plan.ts';
import type { ReplayTally } from './tally.ts';

/** How a replay is run. */
export interface RunReplayOptions {
  readonly client: SeqdClient;
  readonly tally: ReplayTally;
  /** Documents under way at once. */
  readonly concurrency: number;
  /** Aborted to send nothing more; what is under way is finished. */
  readonly stop: AbortSignal;
}

/** Why a replay ended before the last document. */
export type ReplayEnd = 'complete' | 'interrupted' | 'unavailable';

/**
 * Sends the documents, in order as far as the concurrency allows. A failed document stops nobody, unless no
 * server has answered for as many documents in a row as are sent at once.
 */
export async function runReplay(tasks: readonly ReplayTask[], options: RunReplayOptions): Promise<ReplayEnd> {
  const { tally, concurrency, stop } = options;
  let position = 0;
  let unavailableInARow = 0;
  const work = async (): Promise<void> => {
    while (position < tasks.length && !stop.aborted && unavailableInARow < concurrency) {
      const task = tasks[position]!;
      position += 1;
      const startedAtMs = performance.now();
      try {
        const answer = await options.client.next(task.input, { key: task.key });
        tally.succeeded(task, answer, performance.now() - startedAtMs);
        unavailableInARow = 0;
      } catch (error) {
        if (!(error instanceof SeqdClientError)) throw error;
        tally.failedWith(task, `${error.message} (${error.code})`);
        unavailableInARow = error.retry === 'never' ? 0 : unavailableInARow + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, tasks.length) }, work));
  if (position >= tasks.length) return 'complete';
  return stop.aborted ? 'interrupted' : 'unavailable';
}
