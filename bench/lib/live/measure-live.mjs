import { setTimeout as sleep } from 'node:timers/promises';
import { NEXT_PATH, OWNER } from '../servers/seqd-request.mjs';

const CONNECTIONS = 64;
const WARM_UP_MS = 1_000;
/** After the viewers have come or gone. */
const SETTLE_MS = 1_500;

/** @typedef {{ without: number, withViewers: number, ratio: number, watched: import('./viewers-worker.mjs').Watched }} LiveRound rates in numbers per second */

/**
 * Draws single numbers at all nodes, with and without viewers in turn: one first in one round, the other in the next.
 *
 * @param {{ urls: readonly string[], load: import('../load-process.mjs').LoadProcess, viewers: import('./viewers-process.mjs').ViewersProcess, count: number, rounds: number, ms: number, log: (line: string) => void }} options
 * @returns {Promise<LiveRound[]>}
 */
export async function measureLive({ urls, load, viewers, count, rounds, ms, log }) {
  const rate = /** @param {number} ms */ async ms => {
    const { figures } = await load.run({
      load: 'http',
      numbersEach: 1,
      options: {
        urls: urls.map(url => `${url}${NEXT_PATH}`),
        body: JSON.stringify(OWNER),
        connections: CONNECTIONS,
        ms,
        numbered: true,
      },
    });
    return figures.perSecond;
  };
  const watchedRate = async () => {
    await viewers.open(urls, count);
    await sleep(SETTLE_MS);
    const withViewers = await rate(ms);
    const watched = await viewers.close();
    await sleep(SETTLE_MS);
    return { withViewers, watched };
  };
  await rate(Math.min(ms, WARM_UP_MS));
  /** @type {LiveRound[]} */
  const found = [];
  for (let round = 1; round <= rounds; round += 1) {
    const early = round % 2 === 1 ? await rate(ms) : undefined;
    const { withViewers, watched } = await watchedRate();
    const without = early ?? (await rate(ms));
    const ratio = withViewers / without;
    log(
      `round ${round}: ${Math.round(without)}/s alone, ${Math.round(withViewers)}/s with ${watched.viewers} viewers (${ratio.toFixed(3)}); ` +
        `they got ${watched.frames} frames, ${(watched.bytes / 1e6).toFixed(1)} MB, ${watched.gaps} gaps, and took ${Math.round(watched.cpuMs)} ms of processor`,
    );
    found.push({ without, withViewers, ratio, watched });
  }
  return found;
}
