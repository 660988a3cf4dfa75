// Numbers as text, the same way in charts, tables and runs; and the charts as text: what a screen reader says, and what the
// cursor points at.

/**
 * @typedef {import('./chart-series.js').Chart} Chart
 * @typedef {import('./chart-series.js').SampleKey} SampleKey
 * @typedef {{ readonly t: readonly number[] } & { readonly [key in SampleKey]: readonly (number | null)[] }} Columns
 */

/** @type {Map<number, Intl.NumberFormat>} */
const formats = new Map();

/**
 * A value with grouping and at most so many digits after the point.
 *
 * @param {number} value
 * @param {number} digits
 */
export function figure(value, digits) {
  let format = formats.get(digits);
  if (format === undefined) {
    format = new Intl.NumberFormat('en', { maximumFractionDigits: digits });
    formats.set(digits, format);
  }
  return format.format(value);
}

/**
 * A value with its unit: `1,234/s`, `4.2 ms`.
 *
 * @param {number} value
 * @param {{ readonly unit: string, readonly digits: number }} chart
 */
export function figureWithUnit(value, { unit, digits }) {
  return `${figure(value, digits)}${unit.startsWith('/') || unit === '' ? '' : ' '}${unit}`;
}

/**
 * Last, lowest and highest of a column from an index on, without the gaps; `null` when there is nothing but gaps.
 *
 * @param {readonly (number | null | undefined)[]} column
 * @param {number} from
 */
export function statsOf(column, from) {
  let min = Infinity;
  let max = -Infinity;
  /** @type {number | null} */
  let last = null;
  for (let i = from; i < column.length; i++) {
    const value = column[i];
    if (value === null || value === undefined) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    last = value;
  }
  return last === null ? null : { last, min, max };
}

/**
 * One chart in a sentence for each line: last, lowest, highest.
 *
 * @param {Chart} chart
 * @param {Columns} columns
 * @param {number} from first index shown
 * @param {string} spoken of the range: `last minute`
 */
export function summaryOf(chart, columns, from, spoken) {
  const parts = chart.lines.map(line => {
    const stats = statsOf(columns[line.key], from);
    if (stats === null) return `${line.label}: ${chart.none}`;
    const [last, min, max] = [stats.last, stats.min, stats.max].map(value => figureWithUnit(value, chart));
    return `${line.label}: now ${last}, lowest ${min}, highest ${max}`;
  });
  return `${capital(spoken)}. ${parts.join('; ')}.`;
}

/**
 * What one chart says at one sample: `numbers 1,234/s, requests 310/s`.
 *
 * @param {Chart} chart
 * @param {Columns} columns
 * @param {number} index
 */
export function valuesAt(chart, columns, index) {
  return chart.lines
    .map(line => {
      const value = columns[line.key][index];
      const text = value === null || value === undefined ? '–' : figureWithUnit(value, chart);
      // The title of the chart says what its only line is.
      return chart.lines.length === 1 ? text : `${line.label} ${text}`;
    })
    .join(', ');
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
