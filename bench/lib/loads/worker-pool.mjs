import { Samples } from '../samples.mjs';
import { startStopwatch } from '../stopwatch.mjs';

/** @typedef {import('../figures.mjs').RawLoad} RawLoad */

/**
 * @callback Operation draws one number
 * @param {() => boolean} late whether the time is up
 * @returns {Promise<number | undefined>} undefined when it gave up because of that
 */

/**
 * Has every worker do its operation again and again for `ms` milliseconds, and waits for the last ones. Operations
 * that take long by themselves may give up when it is late, but not before there was one number at all.
 *
 * @param {readonly Operation[]} workers
 * @param {number} ms
 * @returns {Promise<RawLoad>}
 */
export async function loadWorkers(workers, ms) {
  const latenciesMs = new Samples();
  const drawn = new Samples();
  const lap = startStopwatch();
  const until = performance.now() + ms;
  const late = () => performance.now() >= until && drawn.length > 0;
  const work = /** @param {Operation} operate */ async operate => {
    for (let from = performance.now(); from < until;) {
      const number = await operate(late);
      if (number === undefined) return;
      drawn.push(number);
      const now = performance.now();
      latenciesMs.push(now - from);
      from = now;
    }
  };
  await Promise.all(workers.map(work));
  return { ...lap(), latenciesMs, drawn };
}
