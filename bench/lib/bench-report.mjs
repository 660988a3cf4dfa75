import { COMPARISONS, compare } from './comparisons.mjs';
import { medianFigures } from './figures.mjs';
import { spread } from './statistics.mjs';
import { shortNumber, textTable } from './text-table.mjs';

/** @typedef {import('./contenders.mjs').Contender} Contender */
/** @typedef {import('./comparisons.mjs').Results} Results */

/** Above this a load generator's core is so busy that it may have been the limit. */
export const GENERATOR_BUSY = 0.9;

const REACHED = { aim: 'aim reached', floor: 'floor reached', missed: 'BELOW THE FLOOR' };

/**
 * Medians over the rounds, one line for each contender.
 *
 * @param {readonly Contender[]} contenders
 * @param {Results} results
 * @returns {string}
 */
export function describeFigures(contenders, results) {
  const rows = contenders.flatMap(({ id, title, connections }) => {
    const rounds = results.get(id) ?? [];
    if (rounds.length === 0) return [];
    const { perSecond, p50Ms, p99Ms, generatorCpu } = medianFigures(rounds);
    const { min, max } = spread(rounds.map(round => round.perSecond));
    return [
      [
        title,
        String(connections),
        shortNumber(perSecond),
        `${shortNumber(min)} – ${shortNumber(max)}`,
        p50Ms.toFixed(2),
        p99Ms.toFixed(2),
        `${(100 * generatorCpu).toFixed(0)} %${generatorCpu > GENERATOR_BUSY ? ' !' : '  '}`,
      ],
    ];
  });
  return textTable([
    ['', 'connections', 'per second', 'min – max', 'p50 ms', 'p99 ms', 'generator'],
    ...rows,
  ]);
}

/**
 * The ratios that the project is judged by, beside what they must be and should be.
 *
 * @param {Results} results
 * @returns {string}
 */
export function describeRatios(results) {
  const rows = COMPARISONS.map(comparison => {
    const { title, better, floor, aim } = comparison;
    const limit = /** @param {number} value */ value => `${better === 'higher' ? '≥' : '≤'} ${value}`;
    const ratio = compare(comparison, results);
    const measured =
      ratio === undefined
        ? ['not measured', '', '']
        : [
            `${shortNumber(ratio.median)}×`,
            `${shortNumber(ratio.min)} – ${shortNumber(ratio.max)}`,
            REACHED[ratio.reached],
          ];
    return [title, ...measured.slice(0, 2), limit(floor), limit(aim), measured[2] ?? ''];
  });
  return textTable([['ratio, within each round', 'median', 'min – max', 'floor', 'aim', ''], ...rows]);
}

/**
 * Everything measured, for machines.
 *
 * @param {readonly Contender[]} contenders
 * @param {Results} results
 * @returns {object} plain data
 */
export function toJson(contenders, results) {
  return {
    contenders: contenders.flatMap(({ id, family, title, connections }) => {
      const rounds = results.get(id) ?? [];
      return rounds.length === 0
        ? []
        : [{ id, family, title, connections, median: medianFigures(rounds), rounds }];
    }),
    ratios: COMPARISONS.map(comparison => compare(comparison, results) ?? { ...comparison, reached: null }),
  };
}
