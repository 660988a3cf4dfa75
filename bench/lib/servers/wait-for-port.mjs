import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { tailOf } from '../../../scripts/lib/managed-process.mjs';

const TIMEOUT_MS = 15_000;
const POLL_MS = 20;

/**
 * Waits until a server that was started accepts connections.
 *
 * @param {number} port
 * @param {import('../../../scripts/lib/managed-process.mjs').ManagedProcess} server
 * @throws with the end of its log when it ends or does not in time
 */
export async function waitForPort(port, server) {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!(await accepts(port))) {
    if (!server.alive || performance.now() > deadline)
      throw new Error(`${server.spec.name} does not serve; its log ends:\n${tailOf(server.spec.logFile)}`);
    await sleep(POLL_MS);
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function accepts(port) {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    const answer = /** @param {boolean} accepted */ accepted => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
