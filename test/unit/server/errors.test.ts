import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERROR_CODES, type ErrorCode, SeqdError } from '../../../src/core/errors.ts';
import { toProblem } from '../../../src/server/problem.ts';
import { retryAfterSecondsOf, WIRE_ERRORS } from '../../../src/server/wire-errors.ts';

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

test('code, wire and documentation name the same errors with the same meaning', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `(\w+)` +\| (\d+) +\| (\d+) +\| ([\w-]+) +\| (.+?) +\|$/gm)].map(
    match => match.slice(1),
  );
  const expected = CODES.map(code => {
    const { http, grpc } = WIRE_ERRORS[code];
    return [code, String(http), String(grpc), ERROR_CODES[code].retry, ERROR_CODES[code].title];
  });
  expect(documented).toEqual(expected);
});

test('whatever a client may send again says when', () => {
  for (const code of CODES) {
    const { http, retryAfterSeconds } = WIRE_ERRORS[code];
    const temporary = ERROR_CODES[code].retry !== 'never' && http !== 500;
    expect(retryAfterSeconds !== undefined, code).toBe(temporary);
  }
});

test('details of an error never replace the members of problem details', () => {
  const error = new SeqdError('exhausted', 'no more', { details: { status: 200, code: 'fine', maximum: 9 } });
  expect(toProblem(error, 'r1')).toEqual({
    type: 'urn:seqd:error:exhausted',
    title: 'The series has no numbers left',
    status: 409,
    detail: 'no more',
    code: 'exhausted',
    retry: 'never',
    requestId: 'r1',
    maximum: 9,
  });
});

test('what went wrong inside does not reach the wire', () => {
  const problem = toProblem(new SeqdError('internal', 'secret path /etc/x', { cause: new Error('secret') }));
  expect(JSON.stringify(problem)).not.toContain('secret');
});

test('an error that knows when to come back says so instead of what its code says', () => {
  const overloaded = (details: Record<string, unknown>): number | undefined =>
    retryAfterSecondsOf(new SeqdError('overloaded', undefined, { details }));
  expect(overloaded({})).toBe(1);
  expect(overloaded({ retryAfterSeconds: 3 })).toBe(3);
  // What another node says may be anything.
  expect(overloaded({ retryAfterSeconds: -1 })).toBe(1);
  expect(overloaded({ retryAfterSeconds: 1e9 })).toBe(60);
  expect(overloaded({ retryAfterSeconds: 'soon' })).toBe(1);
  expect(overloaded({ retryAfterSeconds: 0.5 })).toBe(1);
  const details = { retryAfterSeconds: 3 };
  expect(retryAfterSecondsOf(new SeqdError('exhausted', undefined, { details }))).toBeUndefined();
});
