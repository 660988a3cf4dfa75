import { readFile } from 'node:fs/promises';
import { runCommand } from './run-command.mjs';

/**
 * Tells whether a process exists. A reused id counts too: check `commandLineOf` before signalling.
 *
 * @param {number} pid
 */
export function isAlive(pid) {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * The command line a process was started with, arguments separated by spaces.
 *
 * @param {number} pid
 * @returns {Promise<string | undefined>} undefined when there is no such process, or it is a zombie
 */
export async function commandLineOf(pid) {
  if (!isAlive(pid)) return undefined;
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return text.replaceAll('\0', ' ').trim() || undefined;
  }
  const result =
    process.platform === 'win32'
      ? await runCommand('powershell', [
          '-NoProfile',
          '-Command',
          `(Get-CimInstance Win32_Process -Filter "ProcessId=${pid}").CommandLine`,
        ])
      : await runCommand('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
  return result.stdout.trim() || undefined;
}
