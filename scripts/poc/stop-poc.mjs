import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clearLeftovers } from './leftovers.mjs';
import { isRunning, readRun } from './run-file.mjs';

const STOP_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

/**
 * Stops the running demonstration and waits until it is gone; also clears away one that was cut off.
 *
 * @param {import('./places.mjs').PocPlaces} places
 * @param {(line: string) => void} log
 * @returns {Promise<'stopped' | 'cleared' | 'nothing'>} `cleared`: its supervisor had died before
 * @throws when the supervisor does not end in time
 */
export async function stopPoc(places, log) {
  const run = await readRun(places.runFile);
  const running = run !== undefined && (await isRunning(run));
  if (running) {
    // Windows has no SIGTERM that a program could act on; the supervisor looks for this file there.
    if (process.platform === 'win32') await writeFile(join(places.pocDir, 'stop-request'), run.instance);
    else process.kill(run.supervisorPid, 'SIGTERM');
    const deadline = performance.now() + STOP_TIMEOUT_MS;
    while (await isRunning(run)) {
      if (performance.now() > deadline)
        throw new Error(
          `the supervisor (process ${run.supervisorPid}) has not ended in time; end it yourself`,
        );
      await sleep(POLL_MS);
    }
  }
  await clearLeftovers(places, log);
  if (running) return 'stopped';
  return run === undefined ? 'nothing' : 'cleared';
}
