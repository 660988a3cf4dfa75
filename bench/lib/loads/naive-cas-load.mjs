import { importBuilt } from '../built.mjs';
import { withEtcd } from './etcd-client.mjs';
import { loadWorkers } from './worker-pool.mjs';

const KEY = '/bench/naive-counter';
/** Longer than any call takes while nothing is broken. */
const CALL_TIMEOUT_MS = 10_000;

/**
 * What one would write first: every caller reads the counter, tries to put the next value if nobody was faster,
 * and starts over if somebody was. No HTTP in front of it, so it is flattered; and callers that are still trying
 * when the time is up count for nothing, so are its latencies.
 *
 * @param {{ endpoints: readonly string[], connections: number, ms: number }} options as many callers as connections
 * @returns {Promise<import('../figures.mjs').RawLoad>}
 */
export async function load({ endpoints, connections, ms }) {
  /** @type {typeof import('../../../src/demo/naive-counter.ts')} */
  const { NaiveCounter } = await importBuilt('demo/naive-counter.js');
  return withEtcd(endpoints, client => {
    const counter = new NaiveCounter(client, { key: KEY, callTimeoutMs: CALL_TIMEOUT_MS });
    /** @type {import('./worker-pool.mjs').Operation} */
    const draw = async late => {
      for (;;) {
        const number = await counter.tryNext();
        if (number !== undefined || late()) return number;
      }
    };
    return loadWorkers(
      Array.from({ length: connections }, () => draw),
      ms,
    );
  });
}
