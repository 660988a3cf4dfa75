import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} TrafficPlan
 * @property {readonly string[]} urls all nodes
 * @property {readonly string[]} survivors those that nothing is done to
 */

/**
 * @typedef {object} TrafficResult
 * @property {{ url: string, successesMs: Float64Array }[]} probes one for each prober, on the shared clock
 * @property {Float64Array[]} numbers all that any client got
 * @property {number} failedProbes requests of probers without a number; each may have taken one
 * @property {string[]} errors that callers saw who follow the retry rule; must be empty
 * @property {number} longestWaitMs of a caller who follows the retry rule and asks surviving nodes
 */

const WORKER = fileURLToPath(new URL('traffic-worker.mjs', import.meta.url));
/** A client's whole budget is 30 s. */
const STOP_TIMEOUT_MS = 45_000;

/** The clients, in a process of their own. States: idle ⇄ `start` / `stop`; then `close`. */
export class Traffic {
  #child = fork(WORKER, { serialization: 'advanced', execArgv: [] });

  /** @param {TrafficPlan} plan */
  async start(plan) {
    await this.#ask(plan);
  }

  /** Waits for what is under way. @returns {Promise<TrafficResult>} */
  async stop() {
    return /** @type {TrafficResult} */ (await this.#ask('stop'));
  }

  close() {
    this.#child.kill('SIGKILL');
  }

  /** @param {TrafficPlan | 'stop'} message @returns {Promise<unknown>} */
  async #ask(message) {
    const answer = once(this.#child, 'message', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
    this.#child.send(message);
    const [value] = await answer;
    return value;
  }
}
