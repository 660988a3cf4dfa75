import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} LoadJob
 * @property {'http' | 'redis' | 'postgres' | 'naive-cas' | 'bare-commit'} load which file in `loads/`
 * @property {number} numbersEach numbers in each answer
 * @property {{ ms: number } & Record<string, unknown>} options what that file's `load` takes
 */

/** @typedef {{ figures: import('./figures.mjs').Figures, drawn: Float64Array | undefined }} LoadResult */

const WORKER = fileURLToPath(new URL('load-worker.mjs', import.meta.url));
/** Connecting, and waiting for the last answers. */
const JOB_GRACE_MS = 20_000;

/**
 * A load generator in a process of its own, so that it shares an event loop with nothing. Kept over rounds, so that
 * its code is warm. One job at a time.
 */
export class LoadProcess {
  #child = fork(WORKER, { serialization: 'advanced', execArgv: [] });

  /**
   * @param {LoadJob} job
   * @returns {Promise<LoadResult>}
   * @throws what went wrong with the load, and when it does not end in time
   */
  async run(job) {
    const child = this.#child;
    const timer = setTimeout(() => child.kill('SIGKILL'), job.options.ms + JOB_GRACE_MS);
    try {
      const [answer] = await new Promise((resolve, reject) => {
        once(child, 'message').then(resolve, reject);
        child.once('exit', () =>
          reject(new Error('the load generator ended, or was ended for taking too long')),
        );
        child.send(job);
      });
      if ('error' in answer) throw new Error(answer.error);
      return answer;
    } finally {
      clearTimeout(timer);
      child.removeAllListeners();
    }
  }

  close() {
    this.#child.kill('SIGKILL');
  }
}
