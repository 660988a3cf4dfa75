// The process that all clients of a failover run live in; its event loop must not wait for ours.

import { Prober } from './prober.mjs';
import { RuleDrawers } from './rule-drawers.mjs';

/** @typedef {import('./traffic.mjs').TrafficPlan} TrafficPlan */
/** @typedef {import('./traffic.mjs').TrafficResult} TrafficResult */

const PROBERS_PER_NODE = 3;

/** @type {(() => Promise<TrafficResult>) | undefined} */
let stop;

/** @param {TrafficPlan} plan @returns {Promise<() => Promise<TrafficResult>>} ends it */
async function start({ urls, survivors }) {
  const probers = urls.flatMap(url =>
    Array.from({ length: PROBERS_PER_NODE }, () => ({ url, prober: new Prober(url) })),
  );
  const drawers = { survivors: await RuleDrawers.create(survivors), all: await RuleDrawers.create(urls) };
  const everybody = [...probers.map(({ prober }) => prober), drawers.survivors, drawers.all];
  const running = Promise.all(everybody.map(client => client.run()));
  return async () => {
    for (const client of everybody) client.stop();
    await running;
    return {
      probes: probers.map(({ url, prober }) => ({ url, successesMs: prober.successesMs.toArray() })),
      numbers: everybody.map(({ numbers }) => numbers.toArray()),
      failedProbes: probers.reduce((sum, { prober }) => sum + prober.failures, 0),
      errors: [...drawers.survivors.errors, ...drawers.all.errors],
      longestWaitMs: drawers.survivors.longestMs,
    };
  };
}

/** @param {TrafficPlan | 'stop'} message @returns {Promise<TrafficResult | 'started'>} */
async function handle(message) {
  if (message !== 'stop') {
    stop = await start(message);
    return 'started';
  }
  if (stop === undefined) throw new Error('there is no traffic to stop');
  return stop();
}

process.on('message', message => {
  handle(/** @type {TrafficPlan | 'stop'} */ (message)).then(
    answer => process.send?.(answer),
    error => {
      throw error;
    },
  );
});
process.on('disconnect', () => process.exit());
