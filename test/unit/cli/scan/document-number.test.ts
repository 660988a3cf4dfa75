import { expect, test } from 'vitest';
import { parseDocumentNumber } from '../../../../src/cli/scan/document-number.ts';

test.each([
  ['536365', '', 536_365, false],
  [' C536379 ', 'C', 536_379, false],
  ['RE-2024-17', 'RE-2024-', 17, false],
  ['RE-2024-0017', 'RE-2024-', 17, true],
  ['2024/5', '2024/', 5, false],
  ['9007199254740991', '', Number.MAX_SAFE_INTEGER, false],
])('%s is a number with its prefix', (text, prefix, number, zeroPadded) => {
  expect(parseDocumentNumber(text)).toEqual({ prefix, number, zeroPadded });
});

test.each([
  ['', 'empty'],
  ['   ', 'empty'],
  ['abc', 'not a number'],
  ['12x', 'not a number'],
  ['12.5', 'not a number'],
  ['1,000', 'not a number'],
  ['1e3', 'not a number'],
  ['+5', 'not a number'],
  ['-5', 'negative'],
  ['-1.5', 'negative'],
  ['0', 'zero'],
  ['C000', 'zero'],
  ['9007199254740992', 'above 2^53 - 1'],
  ['C99999999999999999999', 'above 2^53 - 1'],
])('%j is %s', (text, mistake) => {
  expect(parseDocumentNumber(text)).toEqual({ mistake });
});

test('of the prefixes that are said the longest counts, and no other is taken', () => {
  const prefixes = ['R', 'R2', ''];
  expect(parseDocumentNumber('R27', prefixes)).toMatchObject({ prefix: 'R2', number: 7 });
  expect(parseDocumentNumber('7', prefixes)).toMatchObject({ prefix: '', number: 7 });
  expect(parseDocumentNumber('C7', prefixes)).toEqual({ mistake: 'unexpected prefix' });
  expect(parseDocumentNumber('7', ['R'])).toEqual({ mistake: 'unexpected prefix' });
  expect(parseDocumentNumber('-7', ['R'])).toEqual({ mistake: 'negative' });
});
