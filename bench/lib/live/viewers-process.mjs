import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const WORKER = fileURLToPath(new URL('viewers-worker.mjs', import.meta.url));

/** Viewers of the live stream, in a process of their own. */
export class ViewersProcess {
  #child = fork(WORKER, { execArgv: [] });

  /**
   * Opens the streams, spread over the nodes; resolves when each viewer has its snapshot.
   *
   * @param {readonly string[]} urls of the nodes
   * @param {number} count
   */
  async open(urls, count) {
    await this.#ask({ open: { urls, count } });
  }

  /** Ends them. @returns {Promise<import('./viewers-worker.mjs').Watched>} what they saw */
  async close() {
    return this.#ask({ close: true });
  }

  end() {
    this.#child.kill('SIGKILL');
  }

  /** @param {object} job */
  async #ask(job) {
    const answered = once(this.#child, 'message');
    this.#child.send(job);
    const [answer] = await answered;
    if ('error' in answer) throw new Error(answer.error);
    return answer.found;
  }
}
