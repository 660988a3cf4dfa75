import { HttpAnswerReader } from '../answer-readers.mjs';
import { loadSockets } from './socket-load.mjs';

/**
 * @typedef {object} HttpLoadOptions
 * @property {readonly string[]} urls with path; the connections are spread over them
 * @property {string | readonly string[]} body JSON, posted with every request; of several each connection posts one
 * @property {number} connections
 * @property {number} ms
 * @property {boolean} numbered whether every answer must hold a sequence number
 */

/**
 * Posts over kept connections; see {@link loadSockets}.
 *
 * @param {HttpLoadOptions} options
 * @returns {Promise<import('../figures.mjs').RawLoad>}
 * @throws when an answer is not 200, or has no number though it should
 */
export async function load({ urls, body, connections, ms, numbered }) {
  const bodies = [body].flat();
  const targets = Array.from({ length: connections }, (_, i) => {
    const url = new URL(/** @type {string} */ (urls[i % urls.length]));
    const request = postOf(url, /** @type {string} */ (bodies[i % bodies.length]));
    return { host: url.hostname, port: Number(url.port), request };
  });
  const raw = await loadSockets({
    targets,
    createReader: () => new HttpAnswerReader(),
    ms,
  });
  const missing = raw.latenciesMs.length - (raw.drawn?.length ?? 0);
  if (numbered && missing > 0) throw new Error(`${missing} answers without a number`);
  return raw;
}

/** @param {URL} url @param {string} body */
function postOf(url, body) {
  return Buffer.from(
    `POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
