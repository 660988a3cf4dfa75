import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { httpGet } from '../lib/http-get.mjs';
import { ManagedProcess, tailOf } from '../lib/managed-process.mjs';
import { projectRoot } from '../lib/paths.mjs';
import { LOOPBACK } from '../lib/ports.mjs';

/** @typedef {import('./plan.mjs').NodePlan} NodePlan */

const READY_TIMEOUT_MS = 60_000;
/** A node that ends this often while starting will not come up. */
const FAILURES_MAX = 3;
const POLL_MS = 100;

/**
 * Makes the process of one node, not yet started.
 *
 * @param {NodePlan} plan
 * @param {{ entry: string, logDir: string, endpoints: readonly string[], env?: NodeJS.ProcessEnv }} options
 * @returns {ManagedProcess}
 */
export function createPocNode(plan, { entry, logDir, endpoints, env = process.env }) {
  return new ManagedProcess({
    name: plan.id,
    command: process.execPath,
    args: [
      entry,
      'serve',
      '--profile',
      'ha-poc',
      '--site',
      plan.site,
      '--partition',
      plan.partition,
      '--port',
      String(plan.port),
      '--etcd-endpoints',
      endpoints.join(','),
    ],
    env: { ...nodeEnvironment(env), SEQD_NODE_ID: plan.id },
    cwd: projectRoot,
    logFile: join(logDir, `${plan.id}.log`),
  });
}

/**
 * The start script's own variables are no settings of a node, which refuses unknown ones.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function nodeEnvironment(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('SEQD_POC_')));
}

/**
 * Waits until a node is ready to issue numbers (`GET /readyz` answers 200).
 *
 * @param {{ node: ManagedProcess, port: number, failures: () => number, signal: AbortSignal }} options
 *   `failures` counts how often it has ended in a row
 * @throws with the end of its log
 */
export async function waitUntilNodeReady({ node, port, failures, signal }) {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while ((await httpGet(`http://${LOOPBACK}:${port}/readyz`))?.status !== 200) {
    signal.throwIfAborted();
    const problem = failures() >= FAILURES_MAX ? 'keeps ending' : 'is not ready in time';
    if (failures() >= FAILURES_MAX || performance.now() > deadline)
      throw new Error(
        `node ${node.spec.name} ${problem}; its log ${node.spec.logFile} ends:\n${tailOf(node.spec.logFile)}`,
      );
    await sleep(POLL_MS);
  }
}
