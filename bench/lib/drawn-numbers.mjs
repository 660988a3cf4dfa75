/**
 * @typedef {object} DrawnReport
 * @property {number} numbers how many were drawn
 * @property {number} last the largest, 0 when there is none
 * @property {number} duplicates numbers that came again
 * @property {number} firstDuplicate the lowest of them, 0 when there is none
 */

/** Numbers an answer can hold; a run is kept as one value, `first × 1024 + size − 1`, which sorts like its first number. */
const SIZE_MAX = 1_024;
/** Above this a run's value would not be exact. */
const FIRST_MAX = 2 ** 43 - 1;

/** Every number that one counter handed out during a benchmark. One that hands out wrong numbers has no figures. */
export class DrawnNumbers {
  /** @type {Float64Array[]} */
  #parts = [];

  /**
   * @param {Float64Array} firsts the first number of each answer
   * @param {number} [each] consecutive numbers in each answer
   * @throws RangeError for numbers that cannot be right
   */
  add(firsts, each = 1) {
    if (each < 1 || each > SIZE_MAX) throw new RangeError(`cannot keep ${each} numbers in one answer`);
    const wrong = firsts.find(first => !Number.isInteger(first) || first < 1 || first > FIRST_MAX);
    if (wrong !== undefined) throw new RangeError(`${wrong} was handed out as a number`);
    this.#parts.push(firsts.map(first => first * SIZE_MAX + each - 1));
  }

  /** @returns {DrawnReport} */
  check() {
    const runs = new Float64Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let filled = 0;
    for (const part of this.#parts) {
      runs.set(part, filled);
      filled += part.length;
    }
    const report = { numbers: 0, last: 0, duplicates: 0, firstDuplicate: 0 };
    for (const run of runs.sort()) {
      const first = Math.floor(run / SIZE_MAX);
      const size = (run % SIZE_MAX) + 1;
      const again = Math.min(size, Math.max(0, report.last - first + 1));
      if (again > 0 && report.duplicates === 0) report.firstDuplicate = first;
      report.duplicates += again;
      report.numbers += size;
      report.last = Math.max(report.last, first + size - 1);
    }
    return report;
  }
}
