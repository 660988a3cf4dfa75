/**
 * @typedef {object} Figures what one run of one contender gave
 * @property {number} count operations done
 * @property {number} seconds
 * @property {import('node:perf_hooks').RecordableHistogram} histogram latencies, microseconds
 */

/** @typedef {{ perSecond: number, p50Ms: number, p99Ms: number }} Summary */

/** @param {Figures} figures @returns {Summary} */
export function summarise({ count, seconds, histogram }) {
  return {
    perSecond: count / seconds,
    p50Ms: histogram.percentile(50) / 1000,
    p99Ms: histogram.percentile(99) / 1000,
  };
}

/**
 * The median of each figure on its own.
 *
 * @param {readonly Summary[]} rounds at least one
 * @returns {Summary}
 */
export function medianOf(rounds) {
  const median = /** @param {(summary: Summary) => number} pick */ pick => {
    const sorted = rounds.map(pick).sort((a, b) => a - b);
    return /** @type {number} */ (sorted[Math.floor(sorted.length / 2)]);
  };
  return { perSecond: median(s => s.perSecond), p50Ms: median(s => s.p50Ms), p99Ms: median(s => s.p99Ms) };
}
