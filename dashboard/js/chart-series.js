// What each chart shows. A line is told from its neighbours by its dashes and its name, and only then by colour. Lines one pixel
// wide cost a browser half of what wider ones do, and noisy ones look better.

/**
 * @typedef {'numbers' | 'requests' | 'errors' | 'p50' | 'p95' | 'p99' | 'batch' | 'ledgerLag'} SampleKey a column of the history
 * @typedef {{ key: SampleKey, label: string, tone: 1 | 2 | 3 | 4 | 5 | 6, dash: readonly number[], width: number, area?: boolean }} ChartLine
 *   `tone` is the number of a colour, `--chart-1`; `dash` is in CSS pixels, empty for a whole line
 * @typedef {{ id: string, title: string, unit: string, digits: number, least: number, wide?: boolean, lines: readonly ChartLine[], none: string }} Chart
 *   `least` is the lowest end of its axis; `none` is said of a stretch without values
 */

/** @type {readonly number[]} */
const WHOLE = [];
const DASHED = [7, 4];
const DOTTED = [2, 3];

/** @type {readonly Chart[]} */
export const CHARTS = [
  {
    id: 'rate',
    title: 'Throughput',
    unit: '/s',
    digits: 0,
    least: 10,
    wide: true,
    lines: [
      { key: 'numbers', label: 'numbers', tone: 1, dash: WHOLE, width: 1.5, area: true },
      { key: 'requests', label: 'requests', tone: 2, dash: DASHED, width: 1 },
    ],
    none: 'no samples',
  },
  {
    id: 'latency',
    title: 'Latency',
    unit: 'ms',
    digits: 1,
    least: 5,
    lines: [
      { key: 'p50', label: 'p50', tone: 1, dash: WHOLE, width: 1 },
      { key: 'p95', label: 'p95', tone: 2, dash: DASHED, width: 1 },
      { key: 'p99', label: 'p99', tone: 3, dash: DOTTED, width: 1 },
    ],
    none: 'no requests',
  },
  {
    id: 'errors',
    title: 'Errors',
    unit: '/s',
    digits: 0,
    least: 4,
    lines: [{ key: 'errors', label: 'errors', tone: 5, dash: WHOLE, width: 1, area: true }],
    none: 'no samples',
  },
  {
    id: 'batch',
    title: 'Batch size',
    unit: 'facts',
    digits: 1,
    least: 4,
    lines: [{ key: 'batch', label: 'mean', tone: 1, dash: WHOLE, width: 1 }],
    none: 'no batches',
  },
  {
    id: 'lag',
    title: 'Ledger lag',
    unit: 's',
    digits: 1,
    least: 2,
    lines: [{ key: 'ledgerLag', label: 'behind', tone: 2, dash: WHOLE, width: 1, area: true }],
    none: 'no ledger',
  },
];
