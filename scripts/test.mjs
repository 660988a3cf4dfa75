// What `npm test` runs: everything from a fresh clone to the sums, in one command.
//   npm test                      all tests, the slowest ("chaos") last
//   npm test -- --static          format, lint and types first
//   npm test -- test/unit/core    anything else goes to vitest

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuild } from './lib/build.mjs';
import { checkNode } from './lib/check-node.mjs';
import { ensureChromium } from './lib/chromium.mjs';
import { ensureDependencies } from './lib/dependencies.mjs';
import { ensureEtcdBinary } from './lib/etcd-binary.mjs';
import { runNpm } from './lib/npm.mjs';
import { projectRoot } from './lib/paths.mjs';
import { runCommand } from './lib/run-command.mjs';
import { failuresOf, needsBrowser, planPhases, summaryLine, sumTallies, tallyOf } from './lib/test-tally.mjs';

/** @typedef {import('./lib/test-tally.mjs').Tally} Tally */
/** @typedef {{ tally: Tally, failures: string[] }} Outcome what failed is told once more at the end */

const LOW_PRIORITY = constants.priority.PRIORITY_BELOW_NORMAL;
const PHASE_TIMEOUT_MS = 3_600_000;
const STATIC_CHECKS = ['format:check', 'lint', 'types'];

/** Of 128 and the number of SIGTERM. */
const TERMINATED = 143;

/** Who ends this program ends the tests: without them, what they have started would stay. Ctrl-C reaches them by itself. */
const ended = new AbortController();
for (const signal of ['SIGTERM', 'SIGHUP']) process.once(signal, () => ended.abort());

/** @param {string} line */
const log = line => console.log(`[test] ${line}`);

/**
 * A step before the tests. One that fails is counted and the rest still runs: without a build, say, most
 * unit tests still tell something.
 *
 * @param {string} name
 * @param {() => Promise<unknown>} work
 * @returns {Promise<Outcome>}
 */
async function step(name, work) {
  try {
    await work();
    return { tally: { passed: 0, failed: 0 }, failures: [] };
  } catch (error) {
    const failure = `${name} failed: ${error instanceof Error ? error.message : String(error)}`;
    log(failure);
    return { tally: { passed: 0, failed: 1 }, failures: [failure] };
  }
}

/** @param {string} script */
async function staticCheck(script) {
  const result = await runNpm(['run', '--silent', script], { echo: true });
  if (result.code !== 0) throw new Error(`npm run ${script}`);
  log(`${script}: fine`);
}

/**
 * @param {readonly string[]} projects
 * @param {readonly string[]} args
 * @param {{ reports: string, beside?: boolean }} options `reports` is a folder for vitest's own; `beside` for a run that
 *   takes what others leave of the processors, and is shown when it has ended
 * @returns {Promise<Outcome>}
 */
async function runVitest(projects, args, { reports, beside = false }) {
  if (projects.length > 0) log(`${projects.join(' and ')}${beside ? ', shown at its end' : ''}`);
  const report = join(reports, `${projects.join('-')}.json`);
  const result = await runCommand(
    process.execPath,
    [
      join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      ...projects.flatMap(project => ['--project', project]),
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ],
    {
      cwd: projectRoot,
      echo: !beside,
      ...(beside ? { niceness: LOW_PRIORITY } : {}),
      timeoutMs: PHASE_TIMEOUT_MS,
      interrupt: ended.signal,
    },
  );
  if (beside) process.stdout.write(`${result.stdout}${result.stderr}`);
  const text = await readFile(report, 'utf8').catch(() => undefined);
  const results = text === undefined ? undefined : JSON.parse(text);
  const tally = tallyOf(results, result.code);
  const failures = failuresOf(results);
  // An error outside of all tests, or no report: what vitest said of it is above.
  if (tally.failed > failures.length)
    failures.push(`FAILED ${projects.join(' and ') || 'vitest'}: exit code ${result.code}`);
  return { tally, failures };
}

/**
 * @param {import('./lib/test-tally.mjs').Phase} phase
 * @param {string} reports
 * @returns {Promise<Outcome[]>}
 */
async function runPhase({ projects, beside, args }, reports) {
  const other = beside === undefined ? [] : [runVitest(beside, args, { reports, beside: true })];
  return Promise.all([runVitest(projects, args, { reports }), ...other]);
}

/** @param {readonly string[]} args */
async function main(args) {
  checkNode();
  const withStatic = args.includes('--static');
  const forVitest = args.filter(arg => arg !== '--static');
  /** @type {Outcome[]} */
  const outcomes = [];
  outcomes.push(await step('dependencies', () => ensureDependencies(log)));
  outcomes.push(await step('etcd', () => ensureEtcdBinary({ log })));
  outcomes.push(await step('build', () => ensureBuild(log)));
  if (needsBrowser(forVitest)) outcomes.push(await step('chromium', () => ensureChromium({ log })));
  for (const script of withStatic ? STATIC_CHECKS : [])
    outcomes.push(await step(script, () => staticCheck(script)));

  const reports = await mkdtemp(join(tmpdir(), 'seqd-test-report-'));
  try {
    for (const phase of planPhases(forVitest))
      if (!ended.signal.aborted) outcomes.push(...(await runPhase(phase, reports)));
  } finally {
    await rm(reports, { recursive: true, force: true });
  }
  for (const failure of outcomes.flatMap(({ failures }) => failures)) console.log(failure);
  const tallies = outcomes.map(({ tally }) => tally);
  if (ended.signal.aborted) process.exitCode = TERMINATED;
  else process.exitCode = sumTallies(tallies).failed === 0 ? 0 : 1;
  console.log(summaryLine(tallies));
}

await main(process.argv.slice(2));
