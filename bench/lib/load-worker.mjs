// The process that load comes from: takes one job after the other from its parent, and ends with it.

import { toFigures } from './figures.mjs';

/** @typedef {import('./load-process.mjs').LoadJob} LoadJob */
/** @typedef {import('./load-process.mjs').LoadResult} LoadResult */

/** An answer that was not the one hoped for can be long. */
const ERROR_LENGTH_MAX = 1_000;

/** @type {Record<LoadJob['load'], () => Promise<{ load(options: any): Promise<import('./figures.mjs').RawLoad> }>>} */
const LOADS = {
  http: () => import('./loads/http-load.mjs'),
  redis: () => import('./loads/redis-load.mjs'),
  postgres: () => import('./loads/postgres-load.mjs'),
  'naive-cas': () => import('./loads/naive-cas-load.mjs'),
  'bare-commit': () => import('./loads/bare-commit-load.mjs'),
};

/** @param {LoadJob} job @returns {Promise<LoadResult>} */
async function run({ load, numbersEach, options }) {
  const module = await LOADS[load]();
  const raw = await module.load(options);
  return { figures: toFigures(raw, numbersEach), drawn: raw.drawn?.toArray() };
}

process.on('message', job => {
  run(/** @type {LoadJob} */ (job)).then(
    result => process.send?.(result),
    error => process.send?.({ error: describeError(error) }),
  );
});
process.on('disconnect', () => process.exit());

/** @param {unknown} error @returns {string} */
function describeError(error) {
  return error instanceof Error ? error.message.slice(0, ERROR_LENGTH_MAX) : String(error);
}
