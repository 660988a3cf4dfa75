import { Samples } from '../samples.mjs';
import { startStopwatch } from '../stopwatch.mjs';
import { withEtcd } from './etcd-client.mjs';

const KEY = Buffer.from('/bench/bare');
const VALUE = Buffer.from('x'.repeat(100));

/**
 * One put after the other and nothing else: what a single etcd commit takes here.
 *
 * @param {{ endpoints: readonly string[], ms: number }} options
 * @returns {Promise<import('../figures.mjs').RawLoad>}
 */
export function load({ endpoints, ms }) {
  return withEtcd(endpoints, async client => {
    const latenciesMs = new Samples();
    const lap = startStopwatch();
    const until = performance.now() + ms;
    for (let from = performance.now(); from < until;) {
      await client.kv.put({ key: KEY, value: VALUE });
      const now = performance.now();
      latenciesMs.push(now - from);
      from = now;
    }
    return { ...lap(), latenciesMs };
  });
}
