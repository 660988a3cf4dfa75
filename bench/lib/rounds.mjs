import { DrawnNumbers } from './drawn-numbers.mjs';
import { LoadProcess } from './load-process.mjs';

/** @typedef {import('./contenders.mjs').Contender} Contender */
/** @typedef {import('./figures.mjs').Figures} Figures */

/**
 * @typedef {object} RoundsResult
 * @property {Map<string, Figures[]>} results by contender id, one entry a round
 * @property {Map<string, DrawnNumbers>} drawn by counter, warm-up included
 * @property {string[]} failures one line each; a contender that failed ran no more
 */

/**
 * Runs every contender once to warm up, then all of them in turn, round after round: what the machine does besides
 * hits each of them alike.
 *
 * @param {readonly Contender[]} contenders
 * @param {{ rounds: number, seconds: number, warmupSeconds: number, log: (line: string) => void }} options
 * @returns {Promise<RoundsResult>}
 */
export async function runRounds(contenders, { rounds, seconds, warmupSeconds, log }) {
  /** @type {RoundsResult} */
  const result = {
    results: new Map(contenders.map(contender => [contender.id, []])),
    drawn: new Map(),
    failures: [],
  };
  /** @type {Map<string, LoadProcess>} by kind of load, so that each keeps its code warm */
  const generators = new Map();
  const failed = new Set();
  const measure = /** @param {Contender} contender @param {number} ms */ async (contender, ms) => {
    try {
      const { id, counter } = contender;
      const job = await contender.job(ms);
      const generator = generators.get(job.load) ?? new LoadProcess();
      generators.set(job.load, generator);
      const { figures, drawn } = await generator.run(job);
      if (counter !== undefined && drawn !== undefined) {
        const numbers = result.drawn.get(counter) ?? new DrawnNumbers();
        result.drawn.set(counter, numbers);
        numbers.add(drawn, contender.numbersEach);
      }
      log(`${id}: ${figures.perSecond.toFixed(0)}/s, p50 ${figures.p50Ms.toFixed(2)} ms`);
      return figures;
    } catch (error) {
      failed.add(contender);
      result.failures.push(`${contender.id} failed: ${/** @type {Error} */ (error).message}`);
      return undefined;
    }
  };
  try {
    log('warming up');
    for (const contender of contenders) await measure(contender, warmupSeconds * 1000);
    for (let round = 1; round <= rounds; round += 1) {
      log(`round ${round} of ${rounds}`);
      for (const contender of contenders.filter(contender => !failed.has(contender))) {
        const figures = await measure(contender, seconds * 1000);
        if (figures !== undefined) result.results.get(contender.id)?.push(figures);
      }
    }
  } finally {
    for (const generator of generators.values()) generator.close();
  }
  return result;
}
