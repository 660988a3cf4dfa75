import { clearLeftovers } from './leftovers.mjs';
import { claimRun, isRunning, readRun, removeRun, updateRun } from './run-file.mjs';

/** @typedef {import('./run-file.mjs').PocRun} PocRun */

/**
 * The run file of the supervisor that we are.
 *
 * States: created → claim → save, as often as there is news → remove, at any time, after which nothing is written.
 */
export class OwnRun {
  #claimed = Promise.resolve(false);
  #saved = Promise.resolve();
  #removed = false;

  /**
   * @param {import('./places.mjs').PocPlaces} places
   * @param {() => PocRun} describe what runs now
   * @param {(line: string) => void} log
   */
  constructor(places, describe, log) {
    this.places = places;
    this.describe = describe;
    this.log = log;
  }

  /**
   * Takes the place of the one run, clearing away what a supervisor that was cut off has left.
   *
   * @returns {Promise<boolean>} false when another supervisor has it
   */
  claim() {
    this.#claimed = this.#claim();
    return this.#claimed;
  }

  /**
   * Writes what runs now; writes follow each other.
   *
   * @returns {Promise<void>} resolves when it is written
   */
  save() {
    const run = structuredClone(this.describe());
    this.#saved = this.#saved.then(async () => {
      // A late write must not bring the file back.
      if (this.#removed) return;
      await updateRun(this.places.runFile, run).catch(error => this.log(`run.json: ${String(error)}`));
    });
    return this.#saved;
  }

  /** Removes the file, if it is ours, or is just becoming so. */
  async remove() {
    this.#removed = true;
    const claimed = await this.#claimed.catch(() => false);
    await this.#saved;
    if (claimed) await removeRun(this.places.runFile, this.describe().instance);
  }

  async #claim() {
    const { runFile } = this.places;
    while (!(await claimRun(runFile, this.describe()))) {
      const other = await readRun(runFile);
      if (other !== undefined && (await isRunning(other))) return false;
      await clearLeftovers(this.places, this.log);
    }
    return true;
  }
}
