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
import { needsBrowser, outcomeOf, planPhases, summaryLines } from './lib/test-tally.mjs';

/** @typedef {import('./lib/test-tally.mjs').Report} Outcome */

const LOW_PRIORITY = constants.priority.PRIORITY_BELOW_NORMAL;
const PHASE_TIMEOUT_MS = 3_600_000;
const STATIC_CHECKS = ['format:check', 'lint', 'types'];

/** Of 128 and the number of SIGTERM. */
const TERMINATED = 143;

const REPORTER = join(projectRoot, 'scripts', 'lib', 'tally-reporter.mjs');

/** Who ends this program ends the tests, which then end what they have started. Ctrl-C reaches them by itself. */
const ended = new AbortController();

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
    return { passed: 0, failures: [] };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log(`${name} failed: ${why}`);
    return { passed: 0, failures: [{ what: name, why }] };
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
      `--reporter=${REPORTER}`,
      ...args,
    ],
    {
      cwd: projectRoot,
      env: { ...process.env, TEST_TALLY_FILE: report },
      echo: !beside,
      ...(beside ? { niceness: LOW_PRIORITY } : {}),
      timeoutMs: PHASE_TIMEOUT_MS,
      interrupt: ended.signal,
    },
  );
  if (beside) process.stdout.write(`${result.stdout}${result.stderr}`);
  const text = await readFile(report, 'utf8').catch(() => undefined);
  const results = text === undefined ? undefined : JSON.parse(text);
  return outcomeOf(projects.join(' and ') || 'vitest', results, result.code);
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

  // The steps before have nothing to tidy up.
  for (const signal of ['SIGTERM', 'SIGHUP']) process.once(signal, () => ended.abort());
  const reports = await mkdtemp(join(tmpdir(), 'seqd-test-report-'));
  try {
    for (const phase of planPhases(forVitest))
      if (!ended.signal.aborted) outcomes.push(...(await runPhase(phase, reports)));
  } finally {
    await rm(reports, { recursive: true, force: true });
  }
  const failed = outcomes.some(({ failures }) => failures.length > 0);
  process.exitCode = ended.signal.aborted ? TERMINATED : Number(failed);
  for (const line of summaryLines(outcomes)) console.log(line);
}

await main(process.argv.slice(2));
