/**
 * Something that went wrong in a run of vitest: a test, a hook, a file that cannot be loaded, an error outside of all of them.
 *
 * @typedef {{ what: string, why: string }} Failure
 *
 * What `tally-reporter.mjs` tells of a run.
 * @typedef {{ passed: number, failures: Failure[] }} Report
 */

/** So much of an error says what was wrong; the rest is its stack, which the run itself has shown. */
const ERROR_LINES = 12;

/**
 * What came of one run of vitest. What breaks without a failure that was told is one, too, or the sums would look fine.
 *
 * @param {string} name of the run
 * @param {Report | undefined} report undefined when there is none
 * @param {number} exitCode of vitest
 * @returns {Report}
 */
export function outcomeOf(name, report, exitCode) {
  const { passed, failures } = report ?? { passed: 0, failures: [] };
  const silent = failures.length === 0 && (report === undefined || exitCode !== 0);
  return { passed, failures: silent ? [{ what: name, why: `exit code ${exitCode}` }] : failures };
}

/**
 * The lines that end a test run: what failed and why, as the end of a long output is what is read, and kept, first; then the sums.
 *
 * @param {readonly Report[]} outcomes
 * @returns {string[]}
 */
export function summaryLines(outcomes) {
  const failures = outcomes.flatMap(outcome => outcome.failures);
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  return [...failures.flatMap(failureLines), `${passed} passed, ${failures.length} failed`];
}

/** @param {Failure} failure */
function failureLines({ what, why }) {
  const lines = why.split('\n').slice(0, ERROR_LINES);
  return [`FAILED ${what}`, ...lines.map(line => `    ${line}`)];
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
