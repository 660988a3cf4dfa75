import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../lib/paths.mjs';
import { findBusyPorts, findFreePorts } from '../lib/ports.mjs';
import { runCommand } from '../lib/run-command.mjs';
import { placesOf } from './places.mjs';
import { planPoc } from './plan.mjs';
import { resetPocLedger } from './poc-ledger.mjs';
import { readRun } from './run-file.mjs';

/**
 * A demonstration of its own, in a temporary folder, started and stopped as a user does it.
 *
 * @typedef {object} ScratchPoc
 * @property {readonly string[]} urls of the nodes, in the order of their ports
 * @property {string} runFile says what runs now, with process ids
 * @property {() => Promise<import('./run-file.mjs').PocRun>} run what it says
 * @property {() => Promise<void>} stop ends everything and deletes it; idempotent
 */

const START_TIMEOUT_MS = 240_000;
const STOP_TIMEOUT_MS = 60_000;
const PORT_ATTEMPTS_MAX = 20;

/**
 * Starts a demonstration in the background with `scripts/start-poc.mjs`: three etcd members, nodes, and a ledger where
 * PostgreSQL can be had. Settings of the caller's environment (SEQD_…, DATABASE_URL) do not reach it.
 *
 * @param {{ nodes?: number, args?: readonly string[], env?: NodeJS.ProcessEnv }} [options] `args` and `env` are handed to
 *   the start script
 * @returns {Promise<ScratchPoc>}
 * @throws with what the start script said and the end of its log
 */
export async function startScratchPoc({ nodes = 4, args = [], env = {} } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'seqd-scratch-poc-'));
  // As root PostgreSQL runs as somebody else, who has to come here, too.
  await chmod(directory, 0o755);
  const dataDir = join(directory, 'data');
  const places = placesOf({ SEQD_POC_DATA_DIR: dataDir });
  const environment = { ...foreignVariables(process.env), ...env, SEQD_POC_DATA_DIR: dataDir };
  const call = /** @param {readonly string[]} given @param {number} timeoutMs */ (given, timeoutMs) =>
    runCommand(process.execPath, [join(projectRoot, 'scripts', 'start-poc.mjs'), ...given], {
      cwd: projectRoot,
      env: environment,
      timeoutMs,
    });
  // It runs in the background: whoever started it must not end without it, however that comes.
  const onExit = () => {
    const given = [join(projectRoot, 'scripts', 'start-poc.mjs'), '--stop'];
    spawnSync(process.execPath, given, { cwd: projectRoot, env: environment, timeout: STOP_TIMEOUT_MS });
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', onExit);
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    process.off('exit', onExit);
    const result = await call(['--stop'], STOP_TIMEOUT_MS);
    await resetPocLedger(dataDir);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    if (result.code !== 0) throw new Error(`the demonstration did not stop: ${result.stderr.trim()}`);
  };

  try {
    const port = await findPort(nodes);
    const numbers = ['--nodes', String(nodes), '--port', String(port)];
    const started = await call(['--detach', '--no-open', ...numbers, ...args], START_TIMEOUT_MS);
    const run = await readRun(places.runFile);
    if (started.code !== 0 || run === undefined)
      throw new Error(
        [started.stdout, started.stderr, await endOfLogs(places.logDir)].map(text => text.trim()).join('\n'),
      );
    const urls = run.nodes.map(node => node.url);
    const current = async () => (await readRun(places.runFile)) ?? run;
    return { urls, runFile: places.runFile, run: current, stop };
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
}

/**
 * The caller's variables without its settings of seqd, so that its own database or etcd is never used.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
function foreignVariables(env) {
  const ours = /^(?:SEQD_|DATABASE_URL$|PG[A-Z]+$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.test(name)));
}

/**
 * A first port with which all of a demonstration's ports are free.
 *
 * @param {number} nodes
 * @returns {Promise<number>}
 */
async function findPort(nodes) {
  for (let attempt = 0; attempt < PORT_ATTEMPTS_MAX; attempt += 1) {
    const [port = 0] = await findFreePorts(1);
    const plan = planPoc({ port, nodes });
    const all = [...plan.nodes.map(node => node.port), ...plan.etcdClientPorts, ...plan.etcdPeerPorts];
    // etcd's ports above are where outgoing connections take theirs, one of which may be in the way.
    if ((await findBusyPorts(all)).length === 0) return port;
  }
  throw new Error('found no free ports for a demonstration');
}

/** @param {string} logDir */
async function endOfLogs(logDir) {
  const names = await readdir(logDir).catch(() => []);
  const texts = await Promise.all(
    names
      .filter(name => name.endsWith('.log'))
      .map(async name => `${name}: …${(await readFile(join(logDir, name), 'utf8')).slice(-1_000)}`),
  );
  return texts.join('\n');
}
