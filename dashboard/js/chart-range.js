// Which stretch of the past the charts show.

/**
 * The ranges to choose from, each with a button in index.html. `id` is what the address says, `column` the resolution in the store's history.
 *
 * @typedef {{ id: string, spoken: string, column: 'minute' | 'fiveMinutes' | 'hour', spanMs: number }} Range
 * @type {readonly [Range, ...Range[]]}
 */
export const RANGES = [
  { id: '1m', spoken: 'last minute', column: 'minute', spanMs: 60_000 },
  { id: '5m', spoken: 'last 5 minutes', column: 'fiveMinutes', spanMs: 300_000 },
  { id: '1h', spoken: 'last hour', column: 'hour', spanMs: 3_600_000 },
];

/**
 * The range that an address names; the first one when it names none.
 *
 * @param {string | null | undefined} id
 */
export function rangeOf(id) {
  return RANGES.find(range => range.id === id) ?? RANGES[0];
}

/**
 * The stretch of time that ends with the last sample. Unix milliseconds, both inclusive; `undefined` without samples.
 *
 * @param {{ readonly t: readonly number[] }} columns
 * @param {{ readonly spanMs: number }} range
 */
export function windowOf(columns, range) {
  const last = columns.t.at(-1);
  return last === undefined ? undefined : { first: last - range.spanMs, last };
}

/**
 * The sample nearest to a time; `-1` without samples.
 *
 * @param {readonly number[]} t ascending
 * @param {number} time
 */
export function nearestIndex(t, time) {
  let low = 0;
  let high = t.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((t[middle] ?? 0) <= time) low = middle;
    else high = middle;
  }
  if (high < 1) return high;
  return time - (t[low] ?? 0) <= (t[high] ?? 0) - time ? low : high;
}

/**
 * The first sample that is not before a time; the length when there is none.
 *
 * @param {readonly number[]} t ascending
 * @param {number} time
 */
export function firstIndexFrom(t, time) {
  let low = 0;
  let high = t.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((t[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Which frame of a chart belongs to a time: one that moves by less than its step is the same to the eye, and drawing is what
 * costs. Charts with different phases are not drawn in the same animation frame.
 *
 * @param {number} time of the last sample
 * @param {{ readonly spanMs: number }} range
 * @param {{ readonly width: number, readonly stepPixels: number, readonly phase: number }} plot width in pixels; phase from 0 to 1
 */
export function frameOf(time, { spanMs }, { width, stepPixels, phase }) {
  const stepMs = (spanMs / Math.max(1, width)) * stepPixels;
  return Math.floor(time / stepMs + phase);
}

/**
 * The place of a cursor, as a part of the window from 0 to 1, after a key; `undefined` when the key does not move it.
 *
 * @param {string} key of a keyboard event
 * @param {number | null} place where it is; `null` when it is not shown, then it begins at the end
 * @param {{ readonly spanMs: number }} range
 * @param {number} stepMs of the samples
 */
export function placeAfterKey(key, place, range, stepMs) {
  const from = place ?? 1;
  // At least a 60th of what is shown, or it takes 600 presses to cross it.
  const small = Math.max(stepMs / range.spanMs, 1 / 60);
  const page = 1 / 6;
  /** @type {Map<string, number>} */
  const places = new Map([
    ['ArrowLeft', from - small],
    ['ArrowDown', from - small],
    ['ArrowRight', from + small],
    ['ArrowUp', from + small],
    ['PageDown', from - page],
    ['PageUp', from + page],
    ['Home', 0],
    ['End', 1],
  ]);
  const to = places.get(key);
  return to === undefined ? undefined : Math.min(1, Math.max(0, to));
}
