import { noop } from 'cockatiel';
import { Etcd3 } from 'etcd3';

/**
 * The client library without its own repetitions, which would count one commit as several. Calls are spread over
 * the members.
 *
 * @template T
 * @param {readonly string[]} endpoints
 * @param {(client: Etcd3) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withEtcd(endpoints, use) {
  const client = new Etcd3({ hosts: [...endpoints], faultHandling: { global: noop, host: () => noop } });
  try {
    // Connects to the members, so that no measured call waits for that; which one is asked is left to chance.
    await Promise.all(Array.from({ length: 8 * endpoints.length }, () => client.get('/bench/none').exec()));
    return await use(client);
  } finally {
    client.close();
  }
}
