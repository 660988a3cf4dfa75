import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../lib/paths.mjs';
import { instanceArgument } from './run-file.mjs';

/**
 * What the supervisor tells the start script while that is connected.
 *
 * @typedef {{ type: 'begin', label: string }
 *   | { type: 'done', label: string }
 *   | { type: 'log', line: string }
 *   | { type: 'ready' }
 *   | { type: 'already-running' }
 *   | { type: 'failed', message: string }} SupervisorMessage
 */

/**
 * What the start script tells the supervisor: first `start`, then at most one of the others. A connection
 * that breaks without `detach` means `stop`: the terminal is gone.
 *
 * @typedef {{ type: 'start', config: SupervisorConfig } | { type: 'detach' } | { type: 'stop' }} FrontMessage
 */

/**
 * @typedef {object} SupervisorConfig
 * @property {import('./plan.mjs').PocPlan} plan
 * @property {string} cluster namespace of the etcd keys, for the run file
 * @property {import('./poc-etcd.mjs').EtcdChoice} etcd
 * @property {string} etcdDir data of the members that are started here
 * @property {import('./poc-ledger.mjs').LedgerChoice} ledger
 * @property {boolean} demos whether demonstrations are wanted
 * @property {Record<string, string>} nodeVariables for the nodes' environment, where it does not have them
 */

/**
 * A supervisor in a process of its own, out of reach of the terminal's Ctrl-C, and our line to it.
 *
 * `outcome` resolves once, with what became of the start: `ready`, `already-running`, or `failed` with a
 * reason. `exited` resolves when the process has ended.
 *
 * @typedef {object} LaunchedSupervisor
 * @property {Promise<{ type: 'ready' | 'already-running' } | { type: 'failed', message: string }>} outcome
 * @property {Promise<void>} exited
 * @property {() => void} stop asks it to stop everything
 * @property {() => void} detach leaves it running on its own
 */

/**
 * Starts a supervisor.
 *
 * @param {SupervisorConfig} config
 * @param {import('./places.mjs').PocPlaces} places
 * @param {import('./terminal.mjs').Terminal} terminal shows its progress
 * @returns {LaunchedSupervisor}
 */
export function launchSupervisor(config, places, terminal) {
  mkdirSync(places.logDir, { recursive: true });
  const log = openSync(join(places.logDir, 'supervisor.log'), 'a');
  const script = join(projectRoot, 'scripts', 'poc', 'supervisor.mjs');
  const child = spawn(process.execPath, [script, instanceArgument(randomUUID())], {
    cwd: projectRoot,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    windowsHide: true,
  });
  closeSync(log);
  /** @param {FrontMessage} message */
  const send = message => child.connected && child.send(message, () => {});
  send({ type: 'start', config });

  /** @type {LaunchedSupervisor['outcome']} */
  const outcome = new Promise(resolve => {
    child.on('message', raw => {
      const message = /** @type {SupervisorMessage} */ (raw);
      if (message.type === 'begin') terminal.begin(message.label);
      else if (message.type === 'done') terminal.done();
      else if (message.type === 'log') terminal.line(`  ${message.line}`);
      else resolve(message);
    });
    child.once('error', error => resolve({ type: 'failed', message: error.message }));
    child.once('exit', () => resolve({ type: 'failed', message: 'stopped before everything was ready' }));
  });
  /** @type {Promise<void>} */
  const exited = new Promise(resolve => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return {
    outcome,
    exited,
    stop: () => send({ type: 'stop' }),
    detach: () => {
      send({ type: 'detach' });
      child.disconnect();
      child.unref();
    },
  };
}
