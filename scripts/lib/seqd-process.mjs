import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { httpGet } from './http-get.mjs';
import { ManagedProcess, tailOf } from './managed-process.mjs';
import { LOOPBACK } from './ports.mjs';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** The places that every seqd knows by default. */
export const PLACES = /** @type {const} */ ([
  ['site-1', 'partition-a'],
  ['site-1', 'partition-b'],
  ['site-2', 'partition-a'],
  ['site-2', 'partition-b'],
]);
export const READY_TIMEOUT_MS = 60_000;
export const POLL_MS = 20;

/**
 * @typedef {object} SeqdClusterOptions
 * @property {readonly string[]} endpoints
 * @property {string} cluster
 * @property {string} directory for the logs
 * @property {Readonly<Record<string, string>>} [env] settings without a flag, as `SEQD_…` variables
 */

/**
 * A seqd node in a process of its own; its address stays the same over restarts. `start`, `stop`, `kill`, `pause` and
 * `resume` are those of `ManagedProcess`.
 */
export class SeqdProcess extends ManagedProcess {
  /** @param {SeqdClusterOptions & { index: number, port: number }} options */
  constructor({ endpoints, cluster, directory, env, index, port }) {
    const [site, partition] = PLACES[/** @type {0} */ (index % PLACES.length)];
    const id = `node-${index + 1}`;
    const logFile = join(directory, `${id}.log`);
    super({
      name: id,
      command: process.execPath,
      args: [
        MAIN,
        'serve',
        `--node-id=${id}`,
        `--site=${site}`,
        `--partition=${partition}`,
        `--port=${port}`,
        `--cluster=${cluster}`,
        `--etcd-endpoints=${endpoints.join(',')}`,
      ],
      // Settings meant for another seqd must not reach this one.
      env: { PATH: process.env['PATH'] ?? '', ...env },
      cwd: directory,
      logFile,
    });
    this.id = id;
    this.url = `http://${LOOPBACK}:${port}`;
    this.logFile = logFile;
  }

  /** Waits until the node takes requests. @throws with the end of its log when it does not */
  async ready() {
    await this.#until('is not ready', async () => (await httpGet(`${this.url}/readyz`))?.status === 200);
  }

  /** @returns {Promise<string | undefined>} who leads, as far as this node knows: a node's id */
  async leaderId() {
    const answer = await httpGet(`${this.url}/health`);
    return JSON.parse(answer?.body ?? '{}').cluster?.leader ?? undefined;
  }

  /** @param {string} problem @param {() => Promise<boolean>} condition */
  async #until(problem, condition) {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (!(await condition())) {
      if (!this.alive || performance.now() > deadline)
        throw new Error(
          `${this.id} ${this.alive ? problem : 'has ended'}; its log ends:\n${tailOf(this.logFile)}`,
        );
      await sleep(POLL_MS);
    }
  }
}
