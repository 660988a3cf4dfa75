import { median, percentile } from './statistics.mjs';

/**
 * @typedef {object} RawLoad what a load hands over when its time is up
 * @property {number} seconds from the first request to the last answer
 * @property {number} cpuSeconds what the generator used of the processors meanwhile
 * @property {import('./samples.mjs').Samples} latenciesMs one for each answer
 * @property {import('./samples.mjs').Samples} [drawn] the first number of each answer
 */

/**
 * @typedef {object} Figures one contender in one round, or the medians over its rounds
 * @property {number} perSecond numbers a second (of a contender without numbers: answers)
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} maxMs
 * @property {number} generatorCpu the load generator's use of one core, 0 to 1
 */

/**
 * @param {RawLoad} load
 * @param {number} numbersEach numbers in each answer
 * @returns {Figures}
 * @throws when there was not a single answer
 */
export function toFigures({ seconds, cpuSeconds, latenciesMs }, numbersEach) {
  if (latenciesMs.length === 0) throw new Error('not a single answer');
  const sorted = latenciesMs.toArray().sort();
  return {
    perSecond: (sorted.length * numbersEach) / seconds,
    p50Ms: percentile(sorted, 50),
    p99Ms: percentile(sorted, 99),
    maxMs: percentile(sorted, 100),
    generatorCpu: cpuSeconds / seconds,
  };
}

/**
 * The median of each figure on its own.
 *
 * @param {readonly Figures[]} rounds at least one
 * @returns {Figures}
 */
export function medianFigures(rounds) {
  const of = /** @param {keyof Figures} name */ name => median(rounds.map(round => round[name]));
  return {
    perSecond: of('perSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    maxMs: of('maxMs'),
    generatorCpu: of('generatorCpu'),
  };
}
