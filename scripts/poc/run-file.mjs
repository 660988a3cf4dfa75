import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { commandLineOf } from '../lib/process-info.mjs';

/**
 * @typedef {object} PocRun what runs now; the content of `data/poc/run.json`
 * @property {string} instance id of this run; also on the supervisor's command line
 * @property {'starting' | 'ready'} state
 * @property {number} supervisorPid
 * @property {string} startedAt ISO 8601
 * @property {string} cluster namespace of the etcd keys
 * @property {{ endpoints: string[], source: string, version: string, members: RunMember[], dataDir?: string }} etcd
 *   `members` are those started by us, with their data below `dataDir`
 * @property {RunLedger} [ledger]
 * @property {RunDemos} [demos] absent when none were wanted
 * @property {RunNode[]} nodes
 *
 * @typedef {{ source: 'given' | 'own' | 'none', url?: string, version?: string, directory?: string, pid?: number, why?: string }} RunLedger
 *   `url` of one of our own, with its password; `pid` 0 while it is down; `why` there is none
 * @typedef {{ pid: number, port?: number, why?: string }} RunDemos their process; `why` there is none
 * @typedef {{ name: string, pid: number, clientUrl: string }} RunMember pid 0 while it is down
 * @typedef {{ id: string, site: string, partition: string, url: string, pid: number }} RunNode pid 0 while it is down
 */

/**
 * Reads the run file.
 *
 * @param {string} file
 * @returns {Promise<PocRun | undefined>} undefined when there is none, or nothing readable in it
 */
export async function readRun(file) {
  try {
    return /** @type {PocRun} */ (JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/**
 * Tells whether the supervisor of a run is alive. Its id may have gone to another program since, so the
 * command line must name the run.
 *
 * @param {PocRun} run
 * @param {(pid: number) => Promise<string | undefined>} [commandLine]
 * @returns {Promise<boolean>}
 */
export async function isRunning(run, commandLine = commandLineOf) {
  const line = await commandLine(run.supervisorPid);
  return line !== undefined && line.includes(instanceArgument(run.instance));
}

/**
 * The argument that marks a supervisor's command line.
 *
 * @param {string} instance
 */
export function instanceArgument(instance) {
  return `--instance=${instance}`;
}

/**
 * Takes the place of the one run, by creating the file: of several at once exactly one succeeds.
 *
 * @param {string} file
 * @param {PocRun} run
 * @returns {Promise<boolean>} false when the file exists, whoever's it is
 */
export async function claimRun(file, run) {
  const draft = await writeDraft(file, run);
  try {
    // A link, unlike a rename, fails when the target exists, and shows the whole content at once.
    await link(draft, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Replaces the content of our own run file; readers see the old or the new one, never a part.
 *
 * @param {string} file
 * @param {PocRun} run
 */
export async function updateRun(file, run) {
  await rename(await writeDraft(file, run), file);
}

/**
 * Removes the file of one run and leaves that of any other alone.
 *
 * @param {string} file
 * @param {string} instance
 * @returns {Promise<void>}
 */
export async function removeRun(file, instance) {
  // Moved aside first: between a look and a removal the file could become somebody else's.
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch {
    return;
  }
  const moved = await readRun(aside);
  if (moved !== undefined && moved.instance !== instance) await link(aside, file).catch(() => {});
  await rm(aside, { force: true });
}

/**
 * @param {string} file
 * @param {PocRun} run
 * @returns {Promise<string>}
 */
async function writeDraft(file, run) {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  // It holds the ledger's password.
  await writeFile(draft, `${JSON.stringify(run, undefined, 2)}\n`, { mode: 0o600 });
  return draft;
}
