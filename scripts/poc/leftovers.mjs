import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLineOf } from '../lib/process-info.mjs';
import { isRunning, readRun, removeRun } from './run-file.mjs';

/** @typedef {import('./run-file.mjs').PocRun} PocRun */
/** @typedef {import('./places.mjs').PocPlaces} PocPlaces */

const NODE_GRACE_MS = 10_000;
const LEDGER_GRACE_MS = 10_000;
const ETCD_GRACE_MS = 1_000;
const POLL_MS = 50;

/**
 * The processes of a run that may have outlived their supervisor, with what their command lines must hold to
 * be ours: ids are reused, and another program must never be hit.
 *
 * @param {PocRun} run
 * @param {PocPlaces} places
 * @returns {{ demos: Leftover[], nodes: Leftover[], ledger: Leftover[], members: Leftover[] }}
 *
 * @typedef {{ pid: number, name: string, marks: string[], stopSignal?: NodeJS.Signals }} Leftover
 */
export function leftoversOf(run, places) {
  const { port: demoPort, pid: demoPid } = run.demos ?? {};
  return {
    demos:
      demoPid === undefined || demoPort === undefined || places.demoHost === undefined
        ? []
        : [{ pid: demoPid, name: 'demo-host', marks: [places.demoHost, `--port=${demoPort}`] }],
    nodes: run.nodes.map(node => ({
      pid: node.pid,
      name: node.id,
      marks: [places.entry, 'serve', `--port ${new URL(node.url).port}`],
    })),
    ledger:
      run.ledger?.pid === undefined || run.ledger.directory === undefined
        ? []
        : [
            {
              pid: run.ledger.pid,
              name: 'postgres',
              marks: ['postgres', `-D ${join(run.ledger.directory, 'data')}`],
              stopSignal: 'SIGINT',
            },
          ],
    members: run.etcd.members.map(member => ({
      pid: member.pid,
      name: member.name,
      marks: [`--name=${member.name}`, run.etcd.dataDir ?? places.etcdDir],
    })),
  };
}

/**
 * Clears away a run whose supervisor has died: ends its processes, nodes before what they need, and removes its file. Does
 * nothing when the supervisor lives or there is no run.
 *
 * @param {PocPlaces} places
 * @param {(line: string) => void} log
 */
export async function clearLeftovers(places, log) {
  const run = await readRun(places.runFile);
  // An unreadable file is no run of ours to respect: it is written in one piece.
  if (run === undefined) return removeRun(places.runFile, '');
  if (await isRunning(run)) return;
  const { demos, nodes, ledger, members } = leftoversOf(run, places);
  await endAll(demos, ETCD_GRACE_MS, log);
  await endAll(nodes, NODE_GRACE_MS, log);
  await endAll(ledger, LEDGER_GRACE_MS, log);
  await endAll(members, ETCD_GRACE_MS, log);
  await removeRun(places.runFile, run.instance);
}

/**
 * @param {readonly Leftover[]} leftovers
 * @param {number} graceMs
 * @param {(line: string) => void} log
 */
async function endAll(leftovers, graceMs, log) {
  await Promise.all(
    leftovers.map(async leftover => {
      if (!(await isOurs(leftover))) return;
      log(`ending ${leftover.name} (process ${leftover.pid}), left over from a run that was cut off`);
      // A demonstration may have frozen it; Windows freezes nothing and knows no such signal.
      if (process.platform !== 'win32') signal(leftover.pid, 'SIGCONT');
      signal(leftover.pid, leftover.stopSignal ?? 'SIGTERM');
      const deadline = performance.now() + graceMs;
      while (await isOurs(leftover)) {
        if (performance.now() > deadline) signal(leftover.pid, 'SIGKILL');
        await sleep(POLL_MS);
      }
    }),
  );
}

/**
 * Signals a process that may end at this moment.
 *
 * @param {number} pid
 * @param {NodeJS.Signals} name
 */
function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}

/** @param {Leftover} leftover */
async function isOurs({ pid, marks }) {
  const line = await commandLineOf(pid);
  return line !== undefined && marks.every(mark => line.includes(mark));
}
