/** @typedef {{ fromMs: number, toMs: number }} Window on the shared clock */

/**
 * The longest time one client went without a successful answer, as far as it touches the window. A gap that was
 * open when the window began counts from its last success before; one that is open at the end counts up to there.
 *
 * @param {Float64Array} successesMs when answers came, ascending
 * @param {Window} window
 * @returns {number} milliseconds
 */
export function longestGapMs(successesMs, { fromMs, toMs }) {
  let previous = successesMs.findLast(at => at <= fromMs) ?? fromMs;
  let longest = 0;
  for (const at of successesMs) {
    if (at <= fromMs) continue;
    longest = Math.max(longest, Math.min(at, toMs) - previous);
    if (at >= toMs) return longest;
    previous = at;
  }
  return Math.max(longest, toMs - previous);
}
