/** @typedef {{ median: number, min: number, max: number }} Spread */

/**
 * The middle value; of an even number of values the mean of the two in the middle.
 *
 * @param {readonly number[]} values at least one, in any order
 * @returns {number}
 * @throws RangeError when there is none
 */
export function median(values) {
  if (values.length === 0) throw new RangeError('the median of nothing');
  const sorted = Float64Array.from(values).sort();
  const at = /** @param {number} index */ index => sorted[index] ?? Number.NaN;
  const upper = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? at(upper) : (at(upper - 1) + at(upper)) / 2;
}

/**
 * @param {readonly number[]} values at least one, in any order
 * @returns {Spread}
 */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * The smallest value that at least `percent` of all values do not exceed (nearest rank).
 *
 * @param {Float64Array} sorted ascending, at least one
 * @param {number} percent above 0, up to 100
 * @returns {number}
 * @throws RangeError when there is none
 */
export function percentile(sorted, percent) {
  const value = sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1];
  if (value === undefined) throw new RangeError('a percentile of nothing');
  return value;
}
