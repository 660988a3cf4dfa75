import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePorts } from '../../../scripts/lib/ports.mjs';
import { POLL_MS, READY_TIMEOUT_MS, SeqdProcess } from '../../../scripts/lib/seqd-process.mjs';

/** @typedef {import('../../../scripts/lib/seqd-process.mjs').SeqdClusterOptions} SeqdClusterOptions */

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
