import { expect, test } from 'vitest';
import { DEMOS } from '../../../src/demo/demos/index.ts';
import { DemoRefusal } from '../../../src/demo/run/demo-refusal.ts';
import { parseParameters } from '../../../src/demo/run/parameters.ts';

const KNOWN = [
  { name: 'threads', title: 'Clients', default: 4, minimum: 1, maximum: 64 },
  { name: 'requests', title: 'Requests', default: 25, minimum: 1, maximum: 1_000 },
];

function refusalOf(fields: Record<string, unknown>): DemoRefusal {
  try {
    parseParameters(KNOWN, fields);
  } catch (error) {
    return error as DemoRefusal;
  }
  throw new Error('it was not refused');
}

test('what is not given has its default, and texts of a query are numbers', () => {
  expect(parseParameters(KNOWN, {})).toEqual({ threads: 4, requests: 25 });
  expect(parseParameters(KNOWN, { threads: '64', requests: 1 })).toEqual({ threads: 64, requests: 1 });
});

test.each([0, 65, 1.5, '', 'many', null, '1e3', -1, [4]])('%j is refused as a number of threads', value => {
  const refusal = refusalOf({ threads: value });
  expect(refusal).toBeInstanceOf(DemoRefusal);
  expect([refusal.status, refusal.code]).toEqual([400, 'invalid_request']);
  expect(refusal.details['errors']).toEqual([
    expect.objectContaining({ field: 'threads', allowed: { minimum: 1, maximum: 64 } }),
  ]);
});

test('all mistakes are told at once, unknown names too', () => {
  const { details, message } = refusalOf({ threads: 0, speed: 3, toString: 1 });
  expect((details['errors'] as { field: string }[]).map(({ field }) => field).sort()).toEqual([
    'speed',
    'threads',
    'toString',
  ]);
  expect(message).toContain('"speed" is not a known field; known are threads, requests');
});

test('every demonstration says what it does, and its defaults are within its limits', () => {
  expect(new Set(DEMOS.map(({ name }) => name)).size).toBe(DEMOS.length);
  for (const { name, title, plan, parameters, seconds } of DEMOS) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect([title.length > 5, plan.length > 100, seconds > 0]).toEqual([true, true, true]);
    for (const parameter of parameters) {
      expect(parameter.minimum).toBeLessThanOrEqual(parameter.default);
      expect(parameter.default).toBeLessThanOrEqual(parameter.maximum);
    }
  }
});
