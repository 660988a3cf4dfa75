import { RedisIntegerReader } from '../answer-readers.mjs';
import { loadSockets } from './socket-load.mjs';

/**
 * `INCR` on one key, one at a time on each connection. Redis' protocol for it is one line each way, so no client
 * library stands between.
 *
 * @param {{ port: number, key: string, connections: number, ms: number }} options
 * @returns {Promise<import('../figures.mjs').RawLoad>}
 * @throws when an answer is not an integer
 */
export async function load({ port, key, connections, ms }) {
  const request = Buffer.from(`*2\r\n$4\r\nINCR\r\n$${Buffer.byteLength(key)}\r\n${key}\r\n`);
  const target = { host: '127.0.0.1', port, request };
  return loadSockets({
    targets: Array.from({ length: connections }, () => target),
    createReader: () => new RedisIntegerReader(),
    ms,
  });
}
