// The Y axis: from 0 to a round number, which rises at once and falls only after a while, so that the line moves and
// not the axis.

/** Round ends of an axis, by what remains after the power of ten, with the step between its lines. */
const ROUND = /** @type {const} */ ([
  [1, 0.25],
  [1.5, 0.5],
  [2, 0.5],
  [3, 1],
  [4, 1],
  [5, 1],
  [6, 2],
  [8, 2],
  [10, 2.5],
]);

/** An axis falls when less than this part of it was needed … */
const FALL_BELOW = 0.6;
/** … for this part of what the chart shows. */
const FALL_AFTER = 0.06;

/**
 * The round number at or above a value, and the step of its lines.
 *
 * @param {number} value above 0
 */
export function roundEnd(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const part = value / power;
  // 1e-9: 3 must not become 4 because of how 0.3 is stored.
  const [end, step] = ROUND.find(([end]) => end >= part - 1e-9) ?? [10, 2.5];
  return { end: end * power, step: step * power };
}

/**
 * Lines of an axis from 0 to `end`, both included.
 *
 * @param {number} end as {@link roundEnd} says
 */
export function axisLines(end) {
  const { step } = roundEnd(end);
  const lines = [];
  for (let i = 0; i * step <= end * (1 + 1e-9); i++) lines.push(i * step);
  return lines;
}

/**
 * Remembers the end of one axis.
 *
 * @param {{ readonly least: number }} options the lowest end: an idle chart is a flat line, not noise made large
 */
export function createSteadyAxis({ least }) {
  let end = least;
  /** @type {number | null} */
  let lowSince = null;
  return {
    /**
     * The end for what is to be drawn now.
     *
     * @param {number} highest of the values shown
     * @param {number} now Unix milliseconds, of the last sample
     * @param {number} spanMs what the chart shows
     * @returns {number}
     */
    next(highest, now, spanMs) {
      const wanted = Math.max(least, highest > 0 ? roundEnd(highest * 1.05).end : 0);
      if (wanted >= end) {
        end = wanted;
        lowSince = null;
      } else if (wanted > end * FALL_BELOW) {
        lowSince = null;
      } else if (lowSince === null || now < lowSince) {
        lowSince = now;
      } else if (now - lowSince >= spanMs * FALL_AFTER) {
        end = wanted;
        lowSince = null;
      }
      return end;
    },
    /** Forgets: the next end is what the values need. */
    reset() {
      end = least;
      lowSince = null;
    },
  };
}

/**
 * A number for an axis, as short as it can be told apart: `2.5k`, `400`, `0.25`.
 *
 * @param {number} value
 */
export function axisLabel(value) {
  if (value >= 1e6) return `${trim(value / 1e6)}M`;
  if (value >= 1e3) return `${trim(value / 1e3)}k`;
  return trim(value);
}

/** @param {number} value */
function trim(value) {
  return String(Number(value.toPrecision(3)));
}
