import { describe, expect, test } from 'vitest';
import { SeqdError } from '../../../src/core/errors.ts';
import {
  choiceOf,
  flagOf,
  integerOf,
  type Mistake,
  refuseAll,
  refuseUnknown,
  textOf,
} from '../../../src/server/http/fields.ts';

function mistakesOf(check: (mistakes: Mistake[]) => unknown): { got: unknown; details: string[] } {
  const mistakes: Mistake[] = [];
  const got = check(mistakes);
  return { got, details: mistakes.map(({ detail }) => detail) };
}

describe('an unknown field', () => {
  test.each([
    ['invoiceTyp', 'did you mean invoiceType?'],
    ['type', 'did you mean invoiceType?'],
    ['key', 'known are siteId, invoiceType'],
    ['toString', 'known are siteId, invoiceType'],
    ['__proto__', 'known are siteId, invoiceType'],
  ])('%s is refused, with what may have been meant', (field, says) => {
    const fields = JSON.parse(`{"${field}": 1}`) as Record<string, unknown>;
    const { details } = mistakesOf(mistakes => refuseUnknown(fields, ['siteId', 'invoiceType'], mistakes));
    expect(details).toEqual([expect.stringContaining(says)]);
    expect(details[0]).toContain(`"${field}" is not a known field`);
  });

  test('is one of a few that are told: thousands must not keep the node busy', () => {
    const fields = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`field-${i}`, 1]));
    const { details } = mistakesOf(mistakes => refuseUnknown(fields, ['siteId'], mistakes));
    expect(details).toHaveLength(8);
  });

  test('is any where none is taken', () => {
    refuseAll({});
    expect(() => refuseAll({ from: '5' })).toThrow(SeqdError);
    expect(() => refuseAll({ from: '5' })).toThrow('there are none here');
  });
});

describe('a field', () => {
  test('that is not given is no mistake', () => {
    const bounds = { minimum: 1, maximum: 9 };
    const { got, details } = mistakesOf(mistakes => [
      textOf('a', {}, bounds, mistakes),
      integerOf('a', {}, bounds, mistakes),
      choiceOf('a', {}, ['x'], mistakes),
      flagOf('a', {}, mistakes),
    ]);
    expect(got).toEqual([undefined, undefined, undefined, false]);
    expect(details).toEqual([]);
  });

  test.each([
    [['a', 'b'], 'a must be one text'],
    ['', 'a must be a text of 1 to 3 characters, not ""'],
    ['abcd', 'a must be a text of 1 to 3 characters, not "abcd"'],
    [null, 'a must be a text of 1 to 3 characters, not null'],
  ])('%j is refused as a text', (a, says) => {
    const bounds = { minimum: 1, maximum: 3 };
    expect(mistakesOf(mistakes => textOf('a', { a }, bounds, mistakes)).details).toEqual([says]);
  });

  test.each([0, 10, 1.5, '', '1e1', null, [1], true])('%j is refused as a whole number', a => {
    const bounds = { minimum: 1, maximum: 9 };
    const { got, details } = mistakesOf(mistakes => integerOf('a', { a }, bounds, mistakes));
    expect(got).toBeUndefined();
    expect(details).toEqual([expect.stringContaining('a must be a whole number from 1 to 9, not ')]);
  });

  test.each([
    ['true', true, 0],
    [true, true, 0],
    ['false', false, 0],
    [false, false, 0],
    ['yes', false, 1],
    [1, false, 1],
    [null, false, 1],
  ])('%j is %s, with so many mistakes: %i', (a, flag, count) => {
    const { got, details } = mistakesOf(mistakes => flagOf('a', { a }, mistakes));
    expect(got).toBe(flag);
    expect(details).toHaveLength(count);
  });
});
