import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheDir } from './paths.mjs';
import { commandLineOf } from './process-info.mjs';

const POLL_MS = 200;
const EMPTY_MAX_MS = 5_000;

/**
 * Does something while no other process of this project does: two `npm ci` at once would destroy each
 * other's work. Waits for the other; a holder that has died is passed over.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {string} [file]
 * @returns {Promise<T>}
 */
export async function withSetupLock(work, file = join(cacheDir, 'setup.lock')) {
  await mkdir(join(file, '..'), { recursive: true });
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      await sleep(POLL_MS);
      if (await isAbandoned(file)) await rm(file, { force: true });
    }
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/**
 * @param {string} file
 * @returns {Promise<boolean>}
 */
async function isAbandoned(file) {
  const holder = await readFile(file, 'utf8').catch(() => undefined);
  if (holder === undefined) return false;
  if (holder !== '') return (await commandLineOf(Number(holder))) === undefined;
  // Empty: the holder is about to write its id, or died before it could.
  const created = (await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now();
  return Date.now() - created > EMPTY_MAX_MS;
}
