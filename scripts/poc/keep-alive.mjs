/** @typedef {import('../lib/managed-process.mjs').ManagedProcess} ManagedProcess */

/**
 * @typedef {object} Keeper
 * @property {() => void} release ends the care for good, before a wanted stop
 * @property {() => void} hold lets the process stay down, or go down, until `resume`
 * @property {() => Promise<void>} resume cares again, and starts the process if it is down
 * @property {() => number} failures in a row
 */

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
 * @returns {Keeper}
 */
export function keepAlive(child, { log, onChange }) {
  const { name } = child.spec;
  let failures = 0;
  let startedAt = performance.now();
  let released = false;
  let held = false;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  const startAgain = async () => {
    if (released || held) return;
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
    if (released || held) return;
    failures += 1;
    const pauseMs = restartPauseMs(failures);
    log(`${name}: starting again in ${pauseMs} ms`);
    timer = setTimeout(() => void startAgain(), pauseMs);
  };
  child.onExit(({ code, signal, expected, ordered }) => {
    if (expected || released) return;
    log(`${name} ${ordered ? 'was killed' : `has ended unexpectedly (${signal ?? `exit code ${code}`})`}`);
    // It has not failed by itself when it was ordered: a demonstration that is run often must not come back ever later.
    if (ordered || performance.now() - startedAt > HEALTHY_AFTER_MS) failures = 0;
    onChange();
    scheduleStart();
  });
  return {
    release: () => {
      released = true;
      clearTimeout(timer);
    },
    hold: () => {
      held = true;
      clearTimeout(timer);
    },
    resume: async () => {
      held = false;
      if (!child.alive) await startAgain();
    },
    failures: () => failures,
  };
}
