// Runs tests of the working copy that it is started in, as often as it is told to, and says how each came out. Starting vitest
// takes longer than most of these tests; kept alive, it also keeps what it has made of the sources, but for what has changed.

import { writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { createVitest } from 'vitest/node';

/** @typedef {import('vitest/node').TestCase} TestCase */
/** @typedef {import('vitest/node').TestModule} TestModule */
/** @typedef {import('./mutant.ts').RunOrder} RunOrder */
/** @typedef {import('./mutant.ts').RunOutcome} RunOutcome */
/** @typedef {import('./mutant.ts').TestOutcome} TestOutcome */

/** Those of this run: vitest itself remembers those of earlier ones, too. @type {TestModule[]} */
const ended = [];

const vitest = await createVitest('test', {
  root: process.cwd(),
  watch: false,
  // Whoever has to wait for a processor is not stuck yet.
  testTimeout: 120_000,
  project: ['unit', 'simulation'],
  reporters: [{ onTestModuleEnd: module => void ended.push(module) }],
});

process.on('message', order => void obey(/** @type {RunOrder} */ (order)));
process.on('disconnect', () => process.exit());

/** @param {RunOrder} order */
async function obey(order) {
  const outcome = await run(order).catch(error => ({ tests: [], error: String(error) }));
  process.send?.(outcome);
}

/** @param {RunOrder} order @returns {Promise<RunOutcome>} */
async function run({ project, files, pattern, changed }) {
  keepNiceness();
  for (const file of changed) vitest.invalidateFile(file);
  vitest.setGlobalTestNamePattern(pattern);
  const found = await vitest.getRelevantTestSpecifications([...files]);
  ended.length = 0;
  const { unhandledErrors } = await vitest.runTestSpecifications(
    found.filter(specification => specification.project.name === project),
  );
  const [broken] = [
    ...ended.flatMap(module => module.errors()),
    ...(ended.length === 0 ? unhandledErrors : []),
  ];
  const tests = ended.flatMap(module => Array.from(module.children.allTests()).flatMap(outcomeOf));
  return { tests, error: broken === undefined ? undefined : messageOf(broken) };
}

/**
 * Where the kernel shares processors out between sessions first (sched(7), "autogroup"), the niceness that this process was given counts
 * among its own only: its session has to be given it, too. Asked at each run, as the kernel takes but ten such wishes a second.
 */
function keepNiceness() {
  try {
    writeFileSync('/proc/self/autogroup', String(getPriority()));
  } catch {
    // Another system, or too soon after another's.
  }
}

/** @param {TestCase} test @returns {TestOutcome[]} none when it did not run */
function outcomeOf(test) {
  const { state, errors = [] } = test.result();
  if (state !== 'passed' && state !== 'failed') return [];
  const names = [test.name];
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) names.unshift(parent.name);
  const failures = errors.map(
    ({ stack, message }) => /** @type {string} */ ((stack ?? message).split('\n')[0]),
  );
  return [{ file: test.module.relativeModuleId, name: names.join(' '), status: state, failures }];
}

/** @param {unknown} error */
function messageOf(error) {
  return String(/** @type {{ message?: unknown }} */ (error).message ?? error);
}
