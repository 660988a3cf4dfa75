// A reporter of vitest: writes how many tests have passed and all that went wrong to the file that TEST_TALLY_FILE names. Unlike
// vitest's JSON it tells of hooks that fail and of errors outside of all tests, too: an etcd that does not start is such a thing.

import { writeFileSync } from 'node:fs';

/** @typedef {import('vitest/node').TestModule} TestModule */
/** @typedef {import('vitest/node').SerializedError} SerializedError */
/** @typedef {import('./test-tally.mjs').Failure} Failure */

export default class TallyReporter {
  /**
   * @param {readonly TestModule[]} modules
   * @param {readonly SerializedError[]} unhandled
   */
  onTestRunEnd(modules, unhandled) {
    const file = process.env['TEST_TALLY_FILE'];
    if (file === undefined) return;
    /** @type {import('./test-tally.mjs').Report} */
    const report = {
      passed: modules.reduce((sum, module) => sum + [...module.children.allTests('passed')].length, 0),
      failures: [
        ...modules.flatMap(failuresOf),
        ...unhandled.map(error => ({ what: 'outside of all tests', why: messageOf(error) })),
      ],
    };
    writeFileSync(file, JSON.stringify(report));
  }
}

/**
 * @param {TestModule} module
 * @returns {Failure[]}
 */
function failuresOf(module) {
  const { relativeModuleId: file } = module;
  const suites = [...module.children.allSuites()];
  const tests = [...module.children.allTests('failed')];
  return [
    ...module.errors().map(error => ({ what: file, why: messageOf(error) })),
    ...suites.flatMap(suite =>
      suite.errors().map(error => ({ what: `${file}: ${suite.fullName}`, why: messageOf(error) })),
    ),
    ...tests.map(test => ({
      what: `${file}: ${test.fullName}`,
      why: (test.result().errors ?? []).map(messageOf).join('\n'),
    })),
  ];
}

/** @param {SerializedError} error */
function messageOf({ name, message, stack }) {
  return stack ?? `${name ?? 'Error'}: ${message}`;
}
