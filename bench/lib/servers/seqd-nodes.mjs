import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { httpGet } from '../../../scripts/lib/http-get.mjs';
import { ManagedProcess, tailOf } from '../../../scripts/lib/managed-process.mjs';
import { findFreePorts, LOOPBACK } from '../../../scripts/lib/ports.mjs';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
/** The places that every seqd knows by default. */
const PLACES = /** @type {const} */ ([
  ['site-1', 'partition-a'],
  ['site-1', 'partition-b'],
  ['site-2', 'partition-a'],
  ['site-2', 'partition-b'],
]);
const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

/** @typedef {{ endpoints: readonly string[], cluster: string, directory: string }} SeqdClusterOptions */

/**
 * A seqd node in a process of its own; its address stays the same over restarts. `start`, `stop`, `kill`, `pause` and
 * `resume` are those of `ManagedProcess`.
 */
export class SeqdProcess extends ManagedProcess {
  /** @param {SeqdClusterOptions & { index: number, port: number }} options */
  constructor({ endpoints, cluster, directory, index, port }) {
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
      env: { PATH: process.env['PATH'] ?? '' },
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

/** Nodes of one cluster. */
export class SeqdNodes {
  /** @param {readonly SeqdProcess[]} nodes */
  constructor(nodes) {
    this.nodes = nodes;
  }

  /** @returns {Promise<SeqdProcess>} the node that all living nodes agree leads @throws when they do not agree in time */
  async leader() {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      const living = this.nodes.filter(node => node.alive && !node.paused);
      const seen = new Set(await Promise.all(living.map(node => node.leaderId())));
      const [id] = seen;
      const leader = seen.size === 1 ? living.find(node => node.id === id) : undefined;
      if (leader !== undefined) return leader;
      if (performance.now() > deadline)
        throw new Error(`the nodes do not agree who leads: ${[...seen].join(', ')}`);
      await sleep(POLL_MS);
    }
  }

  /** Ends every process, paused ones too, and returns when they are gone. */
  async close() {
    await Promise.all(this.nodes.map(node => node.stop({ graceMs: 3_000 })));
  }
}

/**
 * Starts nodes one after the other, so that the first one leads.
 *
 * @param {number} count
 * @param {SeqdClusterOptions} options `directory` is for their logs
 * @returns {Promise<SeqdNodes>} to be closed by the caller
 */
export async function startSeqdNodes(count, options) {
  const ports = await findFreePorts(count);
  const nodes = new SeqdNodes(ports.map((port, index) => new SeqdProcess({ ...options, index, port })));
  try {
    for (const node of nodes.nodes) {
      await node.start();
      await node.ready();
    }
  } catch (error) {
    await nodes.close();
    throw error;
  }
  return nodes;
}
