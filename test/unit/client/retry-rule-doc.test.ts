import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { RETRY_DEFAULTS } from '../../../src/client/index.ts';
import { ERROR_CODES, type ErrorCode } from '../../../src/core/errors.ts';

const text = readFileSync(new URL('../../../docs/retry-rule.md', import.meta.url), 'utf8');

it('docs/retry-rule.md leaves the table of codes to docs/errors.md', () => {
  expect(text).toContain('(errors.md)');
  const listed = (Object.keys(ERROR_CODES) as ErrorCode[]).filter(code => text.includes(`| \`${code}\``));
  expect(listed).toEqual([]);
});

it('docs/retry-rule.md names the numbers the client uses', () => {
  expect(RETRY_DEFAULTS).toEqual({
    budgetMs: 30_000,
    attemptTimeoutMs: 5_000,
    retryAfterMsMax: 1_000,
    backoffMsMin: 20,
    backoffMsMax: 500,
  });
  for (const phrase of ['(30 s)', '(5 s)', 'longer than 1 s', '20 ms', '500 ms'])
    expect(text).toContain(phrase);
});
