import { copyFile, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

const LOG_BYTES_MAX = 32 * 1024 ** 2;
const CHECK_EVERY_MS = 60_000;

/**
 * Keeps the logs from filling the disk: one that has grown too large is copied to `<name>.log.1` and
 * emptied. Its writer appends, so it goes on at the new start.
 *
 * @param {string} dir
 * @param {number} [bytesMax]
 */
export async function rotateLogs(dir, bytesMax = LOG_BYTES_MAX) {
  const names = await readdir(dir).catch(() => []);
  for (const name of names.filter(name => name.endsWith('.log'))) {
    const file = join(dir, name);
    const size = (await stat(file).catch(() => undefined))?.size ?? 0;
    if (size <= bytesMax) continue;
    await copyFile(file, `${file}.1`);
    await truncate(file);
  }
}

/**
 * Rotates now and then, until stopped.
 *
 * @param {string} dir
 * @param {(error: unknown) => void} onError
 * @returns {() => void} stops it
 */
export function keepLogsSmall(dir, onError) {
  const timer = setInterval(() => void rotateLogs(dir).catch(onError), CHECK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
