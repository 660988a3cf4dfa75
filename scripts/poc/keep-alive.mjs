/** @typedef {import('../lib/managed-process.mjs').ManagedProcess} ManagedProcess */

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** A process that ran this long was fine: the next failure is a new one. */
const HEALTHY_AFTER_MS = 30_000;

/**
 * How long to wait before a process is started again.
 *
 * @param {number} failures in a row, this one included: 1, 2, …
 * @returns {number} milliseconds: 250, 500, 1000 … 10000
 */
export function restartPauseMs(failures) {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
}

/**
 * Starts a process again whenever it ends without having been told to.
 *
 * @param {ManagedProcess} child
 * @param {{ log: (line: string) => void, onChange: () => void }} hooks `onChange` follows every end and start
 * @returns {{ release: () => void, failures: () => number }} `release` ends the care, before a wanted stop;
 *   `failures` counts those in a row
 */
export function keepAlive(child, { log, onChange }) {
  const { name } = child.spec;
  let failures = 0;
  let startedAt = performance.now();
  let released = false;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  const startAgain = async () => {
    try {
      await child.start();
      startedAt = performance.now();
      log(`${name} is running again, process ${child.pid}`);
    } catch (error) {
      log(String(error));
      scheduleStart();
    }
    // Released while the start was under way: whoever stops now has to see this process.
    onChange();
  };
  const scheduleStart = () => {
    if (released) return;
    failures += 1;
    const pauseMs = restartPauseMs(failures);
    log(`${name}: starting again in ${pauseMs} ms`);
    timer = setTimeout(() => void startAgain(), pauseMs);
  };
  child.onExit(({ code, signal, expected }) => {
    if (expected || released) return;
    log(`${name} has ended unexpectedly (${signal ?? `exit code ${code}`})`);
    if (performance.now() - startedAt > HEALTHY_AFTER_MS) failures = 0;
    onChange();
    scheduleStart();
  });
  return {
    release: () => {
      released = true;
      clearTimeout(timer);
    },
    failures: () => failures,
  };
}
