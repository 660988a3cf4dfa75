import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const TIMEOUT_MS = 240_000;

// Only that they work: what they measure here, beside each other, says nothing.
test.concurrent.each([
  ['bench', ['bench/run.mjs', '--quick', '--connections=1,16'], /one bare commit/],
  ['bench:failover', ['bench/failover.mjs', '--quick'], /errors to callers who follow the retry rule: 0/],
  ['bench:flat', ['bench/flat.mjs', '--quick'], /rate, numbers from the pool/],
  ['bench:live', ['bench/live.mjs', '--quick'], /frames that were missed +0 +0/],
])('npm run %s finds every number accounted for', { timeout: TIMEOUT_MS }, async (_name, args, says) => {
  const { stdout } = await run(process.execPath, args, { cwd: root, timeout: TIMEOUT_MS });
  expect(stdout).toMatch(says);
  expect(stdout).toMatch(/complete: every number from \d+ to \d+ is accounted for exactly once/);
  expect(stdout).not.toMatch(/FAILED|NOT COMPLETE/);
});
