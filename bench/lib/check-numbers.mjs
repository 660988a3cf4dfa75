/** @typedef {import('./drawn-numbers.mjs').DrawnNumbers} DrawnNumbers */

/**
 * Whether each counter handed out every number once: figures of one that did not are worthless.
 *
 * @param {ReadonlyMap<string, DrawnNumbers>} drawn by counter
 * @returns {{ lines: string[], failures: string[] }}
 */
export function checkNumbers(drawn) {
  const lines = [];
  const failures = [];
  for (const [counter, numbers] of drawn) {
    const { numbers: count, duplicates, firstDuplicate } = numbers.check();
    if (duplicates === 0) lines.push(`${counter}: ${count.toLocaleString('en-US')} numbers, all different`);
    else failures.push(`${counter} handed out ${duplicates} numbers twice, the first is ${firstDuplicate}`);
  }
  return { lines, failures };
}

/**
 * Whether what the answers held is exactly what was issued: one number more on either side is wrong.
 *
 * @param {import('../../src/core/completeness.ts').CompletenessReport} report
 * @param {DrawnNumbers} drawn of all clients there were
 * @returns {string[]} what is wrong
 */
export function compareWithIssued(report, drawn) {
  const { numbers, last } = drawn.check();
  const failures = [];
  if (!report.complete) failures.push('the series is not complete');
  if (report.issued !== numbers)
    failures.push(`${report.issued} numbers were issued, but clients got ${numbers}`);
  if (report.next - 1 !== last)
    failures.push(`the last number is ${report.next - 1}, but clients got ${last}`);
  return failures;
}
