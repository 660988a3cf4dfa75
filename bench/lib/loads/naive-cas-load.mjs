import { withEtcd } from './etcd-client.mjs';
import { loadWorkers } from './worker-pool.mjs';

const KEY = Buffer.from('/bench/naive-counter');

/**
 * What one would write first: every caller reads the counter, tries to put the next value if nobody was faster,
 * and starts over if somebody was. No HTTP in front of it, so it is flattered; and callers that are still trying
 * when the time is up count for nothing, so are its latencies.
 *
 * @param {{ endpoints: readonly string[], connections: number, ms: number }} options as many callers as connections
 * @returns {Promise<import('../figures.mjs').RawLoad>}
 */
export function load({ endpoints, connections, ms }) {
  return withEtcd(endpoints, client => {
    /** @type {import('./worker-pool.mjs').Operation} */
    const draw = async late => {
      for (;;) {
        const number = await tryNext(client);
        if (number !== undefined || late()) return number;
      }
    };
    return loadWorkers(
      Array.from({ length: connections }, () => draw),
      ms,
    );
  });
}

/** @param {import('etcd3').Etcd3} client @returns {Promise<number | undefined>} undefined when somebody was faster */
async function tryNext(client) {
  const { kvs } = await client.kv.range({ key: KEY });
  const found = kvs[0];
  const number = found === undefined ? 1 : Number(found.value.toString()) + 1;
  const { succeeded } = await client.kv.txn({
    compare: [{ key: KEY, target: 'Mod', result: 'Equal', mod_revision: found?.mod_revision ?? 0 }],
    success: [{ request_put: { key: KEY, value: Buffer.from(String(number)) } }],
  });
  return succeeded ? number : undefined;
}
