/**
 * The parts of vitest's JSON report that are counted.
 *
 * @typedef {object} VitestReport
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {FileReport[]} testResults one per file
 *
 * @typedef {object} FileReport
 * @property {string} name path of the file
 * @property {string} status
 * @property {string} [message] why the file could not be loaded
 * @property {{ status: string, fullName: string, failureMessages?: string[] }[]} assertionResults one per test
 */

/** @typedef {{ passed: number, failed: number }} Tally */

/** So much of an error says what was wrong; the rest is its stack, which the run itself has shown. */
const ERROR_LINES = 12;

/**
 * Counts one run of vitest. What breaks without a failed test counts as one failure, or the sums would
 * look fine: a file that cannot be loaded, an unhandled error, a report that was never written.
 *
 * @param {VitestReport | undefined} report undefined when there is none
 * @param {number} exitCode of vitest
 * @returns {Tally}
 */
export function tallyOf(report, exitCode) {
  if (report === undefined) return { passed: 0, failed: 1 };
  const brokenFiles = report.testResults.filter(
    file => file.status === 'failed' && file.assertionResults.every(test => test.status !== 'failed'),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return { passed: report.numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}

/**
 * What failed, with the reason of each: the end of a long output is what is read, and kept, first.
 *
 * @param {VitestReport | undefined} report
 * @returns {string[]} one text per failure, of several lines
 */
export function failuresOf(report) {
  return (report?.testResults ?? []).flatMap(file => {
    const failed = file.assertionResults.filter(test => test.status === 'failed');
    if (file.status === 'failed' && failed.length === 0)
      return [failureText(file.name, file.message ?? 'could not be loaded')];
    return failed.map(test =>
      failureText(`${file.name}: ${test.fullName}`, (test.failureMessages ?? []).join('\n')),
    );
  });
}

/**
 * @param {string} title
 * @param {string} message
 */
function failureText(title, message) {
  const lines = message.split('\n').slice(0, ERROR_LINES);
  return [`FAILED ${title}`, ...lines.map(line => `    ${line}`)].join('\n');
}

/**
 * The line that ends a test run.
 *
 * @param {readonly Tally[]} tallies
 */
export function summaryLine(tallies) {
  const { passed, failed } = sumTallies(tallies);
  return `${passed} passed, ${failed} failed`;
}

/**
 * @param {readonly Tally[]} tallies
 * @returns {Tally}
 */
export function sumTallies(tallies) {
  return {
    passed: tallies.reduce((sum, tally) => sum + tally.passed, 0),
    failed: tallies.reduce((sum, tally) => sum + tally.failed, 0),
  };
}

/**
 * A run of vitest.
 *
 * @typedef {object} Phase
 * @property {string[]} projects none: those that `args` name
 * @property {string[]} args
 * @property {string[]} [beside] projects that run at the same time with what this one leaves of the processors
 */

/**
 * Which vitest runs a call means. They go from fast to slow; naming projects replaces them by one. The integration
 * tests mostly wait, for leases, restarts and timeouts; what runs beside them is in no hurry.
 *
 * @param {readonly string[]} args as the user gave them
 * @returns {Phase[]}
 */
export function planPhases(args) {
  const named = args.some(arg => arg === '--project' || arg.startsWith('--project='));
  if (named) return [{ projects: [], args: [...args] }];
  return [
    { projects: ['unit', 'simulation'] },
    { projects: ['contract'] },
    { projects: ['integration'], beside: ['mutation'] },
    { projects: ['browser'] },
    { projects: ['chaos'] },
  ].map(phase => ({ ...phase, args: [...args] }));
}

/** Options of vitest whose value is an argument of its own. */
const WITH_VALUE = new Set([
  '--project',
  '-t',
  '--testNamePattern',
  '--testTimeout',
  '--retry',
  '--reporter',
]);

/**
 * Tells whether a call may run tests in a browser, which then has to be there.
 *
 * @param {readonly string[]} args as the user gave them
 * @returns {boolean}
 */
export function needsBrowser(args) {
  const projects = args.flatMap((arg, index) => {
    if (arg === '--project') return [args[index + 1] ?? ''];
    return arg.startsWith('--project=') ? [arg.slice('--project='.length)] : [];
  });
  if (projects.length > 0 && !projects.includes('browser')) return false;
  const files = args.filter((arg, index) => !arg.startsWith('-') && !WITH_VALUE.has(args[index - 1] ?? ''));
  return files.length === 0 || files.some(file => file.includes('browser'));
}
