import { spread } from './statistics.mjs';

/** @typedef {import('./figures.mjs').Figures} Figures */
/** @typedef {ReadonlyMap<string, readonly Figures[]>} Results by contender id, one entry for each round */

/**
 * @typedef {object} Comparison one ratio that the project is judged by
 * @property {string} title
 * @property {keyof Figures} figure
 * @property {string} of contender id
 * @property {string} to contender id
 * @property {'higher' | 'lower'} better
 * @property {number} floor what it must at least be (at most, where lower is better)
 * @property {number} aim
 */

/**
 * @typedef {Comparison & { perRound: number[], median: number, min: number, max: number, reached: Reached }} Ratio
 * @typedef {'aim' | 'floor' | 'missed'} Reached
 */

/** @type {readonly Comparison[]} */
export const COMPARISONS = [
  {
    title: 'against naive compare-and-swap, 64 connections',
    figure: 'perSecond',
    of: 'seqd-64',
    to: 'naive-64',
    better: 'higher',
    floor: 80,
    aim: 150,
  },
  {
    title: 'against PostgreSQL UPDATE … RETURNING, 64 connections',
    figure: 'perSecond',
    of: 'seqd-64',
    to: 'postgres-update-64',
    better: 'higher',
    floor: 7,
    aim: 10,
  },
  {
    title: 'against bare node:http, 256 connections',
    figure: 'perSecond',
    of: 'seqd-256',
    to: 'node-http-256',
    better: 'higher',
    floor: 0.35,
    aim: 0.5,
  },
  {
    title: 'p50 at 1 connection, against one bare commit',
    figure: 'p50Ms',
    of: 'seqd-1',
    to: 'bare-commit-1',
    better: 'lower',
    floor: 1.4,
    aim: 1.2,
  },
  {
    title: 'p50 at 64 connections, against one bare commit',
    figure: 'p50Ms',
    of: 'seqd-64',
    to: 'bare-commit-1',
    better: 'lower',
    floor: 2.5,
    aim: 1.8,
  },
  {
    title: "p99 at 64 connections, against a bare commit's p99",
    figure: 'p99Ms',
    of: 'seqd-64',
    to: 'bare-commit-1',
    better: 'lower',
    floor: 3,
    aim: 2,
  },
  {
    title: 'numbers/s with count = 100, against single numbers at 256 connections',
    figure: 'perSecond',
    of: 'seqd-count-64',
    to: 'seqd-256',
    better: 'higher',
    floor: 40,
    aim: 80,
  },
  {
    title: 'followers only, against leader only, 64 connections',
    figure: 'perSecond',
    of: 'seqd-followers-64',
    to: 'seqd-64',
    better: 'higher',
    floor: 0.7,
    aim: 0.9,
  },
];

/**
 * The ratio within each round, and the median of those. Both sides of a ratio ran within seconds of each other, so
 * what the machine did meanwhile largely cancels out; a ratio of medians of different moments would not do that.
 *
 * @param {Comparison} comparison
 * @param {Results} results
 * @returns {Ratio | undefined} undefined when one side was not measured
 */
export function compare(comparison, results) {
  const of = results.get(comparison.of) ?? [];
  const to = results.get(comparison.to) ?? [];
  const perRound = of
    .slice(0, to.length)
    .map((figures, i) => figures[comparison.figure] / /** @type {Figures} */ (to[i])[comparison.figure]);
  if (perRound.length === 0) return undefined;
  const { median, min, max } = spread(perRound);
  return { ...comparison, perRound, median, min, max, reached: reachedBy(median, comparison) };
}

/**
 * @param {number} value
 * @param {Pick<Comparison, 'better' | 'floor' | 'aim'>} limits
 * @returns {Reached}
 */
export function reachedBy(value, { better, floor, aim }) {
  const meets = /** @param {number} limit */ limit => (better === 'higher' ? value >= limit : value <= limit);
  if (meets(aim)) return 'aim';
  return meets(floor) ? 'floor' : 'missed';
}
