import { reachedBy } from '../comparisons.mjs';
import { median, spread } from '../statistics.mjs';
import { textTable } from '../text-table.mjs';

/** @typedef {import('./failover-round.mjs').FailoverRound} FailoverRound */
/** @typedef {import('./scenarios.mjs').Scenario} Scenario */

/**
 * @typedef {object} ScenarioSummary all milliseconds
 * @property {string} name
 * @property {string} title
 * @property {import('../statistics.mjs').Spread} gapMs over the rounds
 * @property {number} quietGapMs median
 * @property {number} longestWaitMs maximum
 * @property {number | null} electionMs median
 * @property {number} floorMs
 * @property {number} aimMs with the time of the election, where there was one
 * @property {import('../comparisons.mjs').Reached} reached by the median gap
 * @property {readonly FailoverRound[]} rounds
 */

const REACHED = { aim: 'aim reached', floor: 'floor reached', missed: 'MISSED' };

/**
 * @param {Scenario} scenario
 * @param {readonly FailoverRound[]} rounds at least one
 * @returns {ScenarioSummary}
 */
export function summariseScenario({ name, title, floorMs, aimMs }, rounds) {
  const gapMs = spread(rounds.map(round => round.gapMs));
  const elections = rounds.flatMap(({ electionMs }) => (electionMs === undefined ? [] : [electionMs]));
  const electionMs = elections.length === 0 ? null : median(elections);
  const limits = { floor: floorMs, aim: aimMs + (electionMs ?? 0) };
  return {
    name,
    title,
    gapMs,
    quietGapMs: median(rounds.map(round => round.quietGapMs)),
    longestWaitMs: Math.max(...rounds.map(round => round.longestWaitMs)),
    electionMs,
    floorMs: limits.floor,
    aimMs: limits.aim,
    reached: reachedBy(gapMs.median, { better: 'lower', ...limits }),
    rounds,
  };
}

/**
 * @param {readonly ScenarioSummary[]} summaries
 * @returns {string}
 */
export function describeFailover(summaries) {
  const ms = /** @param {number} value */ value => value.toFixed(0);
  return textTable([
    ['longest gap, ms', 'median', 'max', 'undisturbed', 'retrying caller, max', 'floor', 'aim', ''],
    ...summaries.map(({ title, gapMs, quietGapMs, longestWaitMs, floorMs, aimMs, reached }) => [
      title,
      ms(gapMs.median),
      ms(gapMs.max),
      ms(quietGapMs),
      ms(longestWaitMs),
      `≤ ${ms(floorMs)}`,
      `≤ ${ms(aimMs)}`,
      REACHED[reached],
    ]),
  ]);
}
