// What is not on screen need not follow ten times a second. No DOM in here.

/** Panels off screen follow once in so many milliseconds. */
export const OFF_SCREEN_MS = 1_000;

/**
 * Holds calls back while a panel is off screen: at most one a second then, with all that has come together, and one at once
 * when it comes on screen.
 *
 * @param {() => number} [clock] milliseconds
 */
export function createPace(clock = () => performance.now()) {
  let shown = true;
  /** @type {Set<() => void>} */
  const waiting = new Set();

  return {
    /** @param {boolean} isShown */
    show(isShown) {
      shown = isShown;
      if (!shown) return;
      for (const run of waiting) run();
    },

    /**
     * @param {(changed: Set<string>) => void} fn
     * @returns {(changed: Set<string>) => void}
     */
    wrap(fn) {
      /** @type {Set<string>} */
      let pending = new Set();
      let ranAt = -Infinity;
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      function run() {
        clearTimeout(timer);
        timer = undefined;
        waiting.delete(run);
        ranAt = clock();
        const changed = pending;
        pending = new Set();
        fn(changed);
      }
      return changed => {
        for (const topic of changed) pending.add(topic);
        const wait = ranAt + OFF_SCREEN_MS - clock();
        if (shown || wait <= 0) run();
        else {
          waiting.add(run);
          timer ??= setTimeout(run, wait);
        }
      };
    },
  };
}
