import { get } from 'node:http';

/**
 * One plain GET over a connection of its own, closed afterwards: `fetch` would keep it open, and a server
 * asked to stop waits for open connections.
 *
 * @param {string} url
 * @param {number} [timeoutMs] for the whole exchange
 * @returns {Promise<{ status: number, body: string } | undefined>} undefined when there is no answer in time
 */
export function httpGet(url, timeoutMs = 1_000) {
  return new Promise(resolve => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, response => {
      let body = '';
      response.on('data', chunk => (body += String(chunk)));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.once('error', () => resolve(undefined));
    });
    request.once('error', () => resolve(undefined));
  });
}
