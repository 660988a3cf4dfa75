import { NEXT_PATH, OWNER } from '../servers/seqd-request.mjs';

const CONNECTIONS = 64;

/** @typedef {{ empty: number, pooled: number, fresh: number }} Rates numbers per second */

/**
 * Draws single numbers from the empty series, from the full one's pool, and from its counter, in turn.
 *
 * @param {{ empty: string, full: string, load: import('../load-process.mjs').LoadProcess, rounds: number, ms: number, log: (line: string) => void }} options
 *   `empty` and `full` are the URLs of nodes
 * @returns {Promise<Rates[]>} one for each round
 */
export async function measureRates({ empty, full, load, rounds, ms, log }) {
  const rate = /** @param {string} url @param {object} [more] */ async (url, more = {}) => {
    const { figures } = await load.run({
      load: 'http',
      numbersEach: 1,
      options: {
        urls: [`${url}${NEXT_PATH}`],
        body: JSON.stringify({ ...OWNER, ...more }),
        connections: CONNECTIONS,
        ms,
        numbered: true,
      },
    });
    return figures.perSecond;
  };
  const warmUp = Math.min(ms, 1_000);
  for (const url of [empty, full]) {
    await load.run({
      load: 'http',
      numbersEach: 1,
      options: {
        urls: [`${url}${NEXT_PATH}`],
        body: JSON.stringify(OWNER),
        connections: CONNECTIONS,
        ms: warmUp,
        numbered: true,
      },
    });
  }
  const found = [];
  for (let round = 1; round <= rounds; round += 1) {
    const rates = {
      empty: await rate(empty),
      pooled: await rate(full),
      fresh: await rate(full, { contiguous: true }),
    };
    log(
      `round ${round}: empty ${Math.round(rates.empty)}/s, from the pool ${Math.round(rates.pooled)}/s, from the counter ${Math.round(rates.fresh)}/s`,
    );
    found.push(rates);
  }
  return found;
}
