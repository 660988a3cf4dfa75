import { createHistogram } from 'node:perf_hooks';
import { noop } from 'cockatiel';
import { Etcd3 } from 'etcd3';

/** @typedef {import('./figures.mjs').Figures} Figures */

const KEY = Buffer.from('/bench/naive-counter');

/**
 * What one would write first: every caller reads the counter, tries to put the next value if nobody was faster,
 * and starts over if somebody was. No HTTP in front of it, so it is flattered.
 *
 * @param {{ endpoints: readonly string[], workers: number, ms: number }} options
 * @returns {Promise<Figures>}
 */
export async function loadNaiveCas({ endpoints, workers, ms }) {
  const client = new Etcd3({ hosts: [...endpoints], faultHandling: { global: noop, host: () => noop } });
  const histogram = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  const started = performance.now();
  const until = started + ms;
  const work = async () => {
    while (performance.now() < until) {
      const from = performance.now();
      while (!(await tryNext(client)));
      histogram.record(Math.max(1, Math.round((performance.now() - from) * 1000)));
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  const seconds = (performance.now() - started) / 1000;
  client.close();
  return { count: histogram.count, seconds, histogram };
}

/** @param {Etcd3} client @returns {Promise<boolean>} whether this caller got the number */
async function tryNext(client) {
  const { kvs } = await client.kv.range({ key: KEY });
  const found = kvs[0];
  const value = Buffer.from(String(found === undefined ? 1 : Number(found.value.toString()) + 1));
  const response = await client.kv.txn({
    compare: [{ key: KEY, target: 'Mod', result: 'Equal', mod_revision: found?.mod_revision ?? 0 }],
    success: [{ request_put: { key: KEY, value } }],
  });
  return response.succeeded;
}

/**
 * One commit after the other and nothing else: what etcd itself takes.
 *
 * @param {{ endpoints: readonly string[], ms: number }} options
 * @returns {Promise<Figures>}
 */
export async function loadBareCommit({ endpoints, ms }) {
  const client = new Etcd3({ hosts: [...endpoints], faultHandling: { global: noop, host: () => noop } });
  const histogram = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  const started = performance.now();
  while (performance.now() < started + ms) {
    const from = performance.now();
    await client.kv.put({ key: Buffer.from('/bench/bare'), value: Buffer.from(String(from)) });
    histogram.record(Math.max(1, Math.round((performance.now() - from) * 1000)));
  }
  const seconds = (performance.now() - started) / 1000;
  client.close();
  return { count: histogram.count, seconds, histogram };
}
