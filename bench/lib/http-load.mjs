import { createHistogram } from 'node:perf_hooks';
import { connect } from 'node:net';

/** @typedef {import('./figures.mjs').Figures} Figures */

const HEADER_END = Buffer.from('\r\n\r\n');

/**
 * Keeps `connections` requests under way, one a connection, for `ms` milliseconds, with as little work of its own
 * as it can: the request is one prepared buffer, and of the answer only status and length are read. The figures
 * are the server's then, not the generator's.
 *
 * @param {{ urls: readonly string[], path: string, body?: string, connections: number, ms: number }} options the
 *   connections are spread over the urls
 * @returns {Promise<Figures>}
 * @throws when an answer is not 200
 */
export async function loadHttp({ urls, path, body, connections, ms }) {
  const histogram = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  const started = performance.now();
  const until = started + ms;
  await Promise.all(
    Array.from({ length: connections }, (_, i) => {
      const url = new URL(path, urls[i % urls.length]);
      return driveConnection(url, prepare(url, body), until, histogram);
    }),
  );
  return { count: histogram.count, seconds: (performance.now() - started) / 1000, histogram };
}

/** @param {URL} url @param {string | undefined} body */
function prepare(url, body) {
  const head = `${body === undefined ? 'GET' : 'POST'} ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n`;
  const rest =
    body === undefined
      ? '\r\n'
      : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  return Buffer.from(head + rest);
}

/**
 * @param {URL} url
 * @param {Buffer} request
 * @param {number} until
 * @param {import('node:perf_hooks').RecordableHistogram} histogram microseconds
 * @returns {Promise<void>}
 */
function driveConnection(url, request, until, histogram) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    /** @type {Buffer} */
    let received = Buffer.alloc(0);
    let sentAt = 0;
    const send = () => {
      sentAt = performance.now();
      socket.write(request);
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', chunk => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const length = completeLength(received);
      if (length === undefined) return;
      if (received.toString('latin1', 9, 12) !== '200') {
        socket.destroy();
        reject(new Error(received.toString('utf8')));
        return;
      }
      received = received.subarray(length);
      histogram.record(Math.max(1, Math.round((performance.now() - sentAt) * 1000)));
      if (performance.now() < until) send();
      else {
        socket.destroy();
        resolve();
      }
    });
  });
}

/** @param {Buffer} received @returns {number | undefined} the answer's length once it is all there */
function completeLength(received) {
  const headerEnd = received.indexOf(HEADER_END);
  if (headerEnd < 0) return undefined;
  const match = /content-length: (\d+)/i.exec(received.toString('latin1', 0, headerEnd));
  const length = headerEnd + 4 + Number(match?.[1] ?? 0);
  return received.length >= length ? length : undefined;
}
