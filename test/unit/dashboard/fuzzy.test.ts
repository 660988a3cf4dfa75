import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fuzzyFilter, fuzzyScore } from '../../../dashboard/js/fuzzy.js';

const commands = [
  { title: 'Verify now: is every number accounted for?', keywords: 'proof holes chain' },
  { title: 'Go to Overview' },
  { title: 'Go to Events' },
  { title: 'Theme: dark', keywords: 'night colours' },
];
const titles = (query: string) => fuzzyFilter(query, commands).map(({ title }) => title);

test('nothing typed shows all, in their order', () => {
  expect(titles(' ')).toEqual(commands.map(({ title }) => title));
});

test('what begins a word comes before what is inside one', () => {
  expect(titles('ver')[0]).toBe('Verify now: is every number accounted for?');
  expect(titles('ev')[0]).toBe('Go to Events');
});

test('first letters of words find a command', () => {
  expect(titles('gtov')[0]).toBe('Go to Overview');
  expect(titles('td')[0]).toBe('Theme: dark');
});

test('keywords find a command, but not by letters strewn over them', () => {
  expect(titles('proof')).toEqual(['Verify now: is every number accounted for?']);
  expect(titles('nclr')).toEqual([]);
});

test('letters that are not there in this order find nothing', () => {
  expect(fuzzyScore('xyz', 'Go to Events')).toBeUndefined();
  expect(fuzzyScore('sg', 'go to events')).toBeUndefined();
});

test('each part of a text finds it', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: 'grapheme-ascii' }),
      fc.nat(),
      fc.nat(),
      (text, from, length) => {
        const at = from % text.length;
        expect(fuzzyScore(text.slice(at, at + 1 + length), text)).not.toBeUndefined();
      },
    ),
  );
});
