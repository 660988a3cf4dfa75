// The demonstration's supervisor process. Started by start-poc.mjs with an IPC channel:
//   node scripts/poc/supervisor.mjs --instance=<id>

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { placesOf } from './places.mjs';
import { Supervisor } from './supervise.mjs';

/** @typedef {import('./launch.mjs').FrontMessage} FrontMessage */
/** @typedef {import('./launch.mjs').SupervisorMessage} SupervisorMessage */

const STOP_FILE_POLL_MS = 500;

const instance = process.argv[2]?.replace('--instance=', '') ?? '';
const places = placesOf();
/** @type {Supervisor | undefined} */
let supervisor;
let detached = false;

/** @param {SupervisorMessage} message */
function report(message) {
  // Our own output is the supervisor's log file.
  console.log(JSON.stringify({ time: new Date().toISOString(), ...message }));
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/**
 * @param {number} code
 * @param {string} why
 */
async function stop(code, why) {
  console.log(JSON.stringify({ time: new Date().toISOString(), type: 'stop', why }));
  try {
    await supervisor?.stop();
  } catch (error) {
    report({ type: 'log', line: `stopping: ${String(error)}` });
  } finally {
    process.exit(code);
  }
}

/** @param {import('./launch.mjs').SupervisorConfig} config */
async function start(config) {
  supervisor = new Supervisor(instance, config, places, report);
  try {
    const outcome = await supervisor.start();
    report({ type: outcome });
    if (outcome === 'already-running') await stop(0, outcome);
  } catch (error) {
    report({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
    await stop(1, 'could not start');
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void stop(0, signal));
process.on('message', message => {
  const order = /** @type {FrontMessage} */ (message);
  if (order.type === 'start') void start(order.config);
  else if (order.type === 'detach') detached = true;
  else void stop(0, 'the start script asked for it');
});
process.on('disconnect', () => {
  if (!detached) void stop(0, 'the start script has gone');
});

// Windows has no SIGTERM that a program could act on; there a file asks.
if (process.platform === 'win32') {
  const stopFile = join(places.pocDir, 'stop-request');
  setInterval(() => {
    void readFile(stopFile, 'utf8')
      .then(async text => {
        if (text !== instance) return;
        await rm(stopFile, { force: true });
        await stop(0, stopFile);
      })
      .catch(() => {});
  }, STOP_FILE_POLL_MS);
}
