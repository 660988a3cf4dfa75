import { setTimeout as sleep } from 'node:timers/promises';
import { NEXT_PATH, OWNER } from '../servers/seqd-request.mjs';
import { processorMs } from './processor-time.mjs';

const CONNECTIONS = 64;
/** Times until the nodes' code is compiled, half of them with viewers; before that every later time looks better. */
const WARM_UPS = 4;
/** Before each time, whether viewers have come, gone, or neither, so that all begin alike. */
const SETTLE_MS = 2_000;

/**
 * @typedef {object} Cost
 * @property {number} perSecond numbers per second by the clock
 * @property {number} microseconds the nodes' processor time for one
 * @property {number} generator the same of the load generator. It does the same for each number, whoever watches: where it takes longer, the machine is slower
 */
/** @typedef {{ before: Cost, watched: Cost, after: Cost, cost: number, noise: number, seen: import('./viewers-worker.mjs').Watched }} LiveRound `cost`: part of the nodes' processor time that the viewers took; `noise`: the same between the times before and after, which should be none */

/**
 * Draws single numbers at all nodes, without viewers, with them, without them, and so on; each time with viewers is held against those right
 * before and after it, so that whatever gets slower or faster with time (etcd's files, the journal, compiled code) counts on both sides.
 *
 * @param {{ urls: readonly string[], load: import('../load-process.mjs').LoadProcess, viewers: import('./viewers-process.mjs').ViewersProcess, count: number, rounds: number, ms: number, log: (line: string) => void }} options
 * @returns {Promise<LiveRound[]>}
 */
export async function measureLive({ urls, load, viewers, count, rounds, ms, log }) {
  const draw = /** @param {number} ms @returns {Promise<Cost>} */ async ms => {
    await sleep(SETTLE_MS);
    const beganMs = await processorMs(urls);
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
    const { perSecond, generatorCpu } = figures;
    const drawn = (perSecond * ms) / 1_000;
    return {
      perSecond,
      microseconds: (((await processorMs(urls)) - beganMs) * 1_000) / drawn,
      generator: (generatorCpu * 1e6) / perSecond,
    };
  };
  for (let time = 0; time < WARM_UPS; time += 1) {
    const watched = time % 2 === 1;
    if (watched) await viewers.open(urls, count);
    await draw(ms);
    if (watched) await viewers.close();
  }
  /** @type {LiveRound[]} */
  const found = [];
  let before = await draw(ms);
  for (let round = 1; round <= rounds; round += 1) {
    await viewers.open(urls, count);
    const watched = await draw(ms);
    const seen = await viewers.close();
    const after = await draw(ms);
    const without = (relative(before) + relative(after)) / 2;
    const cost = 1 - without / relative(watched);
    const noise = 1 - relative(before) / relative(after);
    log(
      `round ${round}: ${[before, watched, after].map(describe).join(', ')}: cost ${percent(cost)} (noise ${percent(noise)}); ` +
        `${seen.viewers} viewers got ${seen.frames} frames, ${(seen.bytes / 1e6).toFixed(1)} MB, ${seen.gaps} gaps, and took ${Math.round(seen.cpuMs)} ms of processor`,
    );
    found.push({ before, watched, after, cost, noise, seen });
    before = after;
  }
  return found;
}

/** What a number takes the nodes, in what it takes the load generator: the speed of the machine, which others use too, is not in it. @param {Cost} cost */
function relative({ microseconds, generator }) {
  return microseconds / generator;
}

/** @param {number} part @returns {string} with a sign, as a difference has one */
export function percent(part) {
  return `${part < 0 ? '−' : ''}${Math.abs(part * 100).toFixed(1)} %`;
}

/** @param {Cost} cost */
function describe({ perSecond, microseconds, generator }) {
  return `${Math.round(perSecond)}/s at ${Math.round(microseconds)} µs (generator ${Math.round(generator)})`;
}
