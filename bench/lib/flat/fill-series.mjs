import { NEXT_PATH, OWNER } from '../servers/seqd-request.mjs';
import { LoadProcess } from '../load-process.mjs';

const CONNECTIONS = 128;
const SLICE_MS = 5_000;
/** The most that one request may ask for. */
const COUNT_MAX = 1_000;

/**
 * Fills a series over HTTP, as clients would: first gaps, scattered because every one of them is drawn (and released in the same
 * step) between numbers that others keep; then large draws.
 *
 * @param {{ url: string, load: LoadProcess, numbers: number, pool: number, log: (line: string) => void }} options
 * @returns {Promise<void>}
 */
export async function fillSeries({ url, load, numbers, pool, log }) {
  const other = new LoadProcess();
  const draw =
    /** @param {LoadProcess} by @param {object} what @param {number} connections @param {number} ms */ (
      by,
      what,
      connections,
      ms,
    ) =>
      by.run({
        load: 'http',
        numbersEach: 1,
        options: {
          urls: [`${url}${NEXT_PATH}`],
          // Numbers that wait in the pool must not be drawn again while it is being filled.
          body: JSON.stringify({ ...OWNER, contiguous: true, ...what }),
          connections,
          ms,
          numbered: true,
        },
      });
  try {
    for (let stats = await readStats(url); stats.pooled < pool; stats = await readStats(url)) {
      log(`${stats.pooled} of ${pool} gaps`);
      const ms = pool < 10_000 ? 200 : SLICE_MS;
      await Promise.all([
        draw(load, { invoiceType: 'suppressed' }, CONNECTIONS, ms),
        draw(other, {}, CONNECTIONS / 2, ms),
      ]);
    }
    for (let stats = await readStats(url); stats.next <= numbers; stats = await readStats(url)) {
      log(`${stats.next} of ${numbers} numbers`);
      const ms = numbers < 1_000_000 ? 50 : 1_000;
      await draw(load, { count: Math.min(COUNT_MAX, Math.max(1, numbers - stats.next + 1)) }, 8, ms);
    }
  } finally {
    other.close();
  }
}

/** @param {string} url @returns {Promise<{ pooled: number, next: number }>} */
async function readStats(url) {
  const answer = await fetch(`${url}/api/v1/sequence/stats`, { headers: { connection: 'close' } });
  return /** @type {Promise<{ pooled: number, next: number }>} */ (answer.json());
}
