import { DrawnNumbers } from '../drawn-numbers.mjs';

const SHOWN = 3;

/** Keeps what every client of one cluster got, and holds it against what the cluster says. */
export class LossCheck {
  #drawn = new DrawnNumbers();
  #failedProbes = 0;
  #errors = 0;

  /** Errors that callers saw who follow the retry rule. */
  get errors() {
    return this.#errors;
  }

  /**
   * Call it after each round with what the clients saw and a report from after that.
   *
   * @param {import('./traffic.mjs').TrafficResult} result
   * @param {import('../../../src/core/completeness.ts').CompletenessReport} report
   * @returns {string[]} what is wrong
   */
  check({ numbers, failedProbes, errors }, { complete, problems, issued }) {
    for (const part of numbers) this.#drawn.add(part);
    this.#failedProbes += failedProbes;
    this.#errors += errors.length;
    const drawn = this.#drawn.check();
    const failures = [];
    if (errors.length > 0)
      failures.push(
        `${errors.length} errors in spite of the retry rule: ${errors.slice(0, SHOWN).join('; ')}`,
      );
    if (drawn.duplicates > 0)
      failures.push(
        `${drawn.duplicates} numbers were handed out twice, the first is ${drawn.firstDuplicate}`,
      );
    if (!complete) failures.push(`the series is not complete: ${problems.slice(0, SHOWN).join('; ')}`);
    // A prober repeats nothing, so each of its failures may have left a number that nobody holds.
    const unheld = issued - drawn.numbers;
    if (unheld < 0 || unheld > this.#failedProbes)
      failures.push(
        `${issued} numbers were issued, ${drawn.numbers} arrived, ${this.#failedProbes} may be lost`,
      );
    return failures;
  }
}
