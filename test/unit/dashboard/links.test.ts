import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLinks, formatHash, parseHash } from '../../../dashboard/js/links.js';

/** What of a browser's window the links take, with a history that is a list. */
function windowAt(hash: string) {
  const listeners: (() => void)[] = [];
  const location = { hash, pathname: '/dashboard/', search: '?tour=off' };
  const entries = [hash];
  const move = (url: string) => {
    location.hash = url.slice(url.indexOf('#') < 0 ? url.length : url.indexOf('#'));
    return location.hash;
  };
  return {
    location,
    entries,
    history: {
      replaceState: (_data: null, _unused: string, url: string) => void entries.splice(-1, 1, move(url)),
      pushState: (_data: null, _unused: string, url: string) => void entries.push(move(url)),
    },
    addEventListener: (_type: string, fn: () => void) => void listeners.push(fn),
    goTo(next: string) {
      location.hash = next;
      for (const fn of listeners) fn();
    },
  };
}

describe('the hash', () => {
  test('gives back what was put in', () => {
    const state = fc.dictionary(fc.string({ minLength: 1 }), fc.string());
    fc.assert(
      fc.property(state, values => {
        const map = new Map(
          Object.entries(values).filter(([name, value]) => name !== 'section' || value !== ''),
        );
        expect(parseHash(formatHash(map))).toEqual(map);
      }),
    );
  });

  test('has the section as a bare word, and stays readable', () => {
    expect(formatHash(new Map(Object.entries({ find: '42', section: 'charts', feed: 'site-1/a,b' })))).toBe(
      '#charts&find=42&feed=site-1/a,b',
    );
    expect(parseHash('#charts')).toEqual(new Map([['section', 'charts']]));
    expect(formatHash(new Map())).toBe('');
  });

  test('that somebody spoilt is read as it stands', () => {
    expect(parseHash('#find=%E0%A4%A&&=')).toEqual(
      new Map([
        ['find', '%E0%A4%A'],
        ['', ''],
      ]),
    );
  });
});

describe('links', () => {
  test('change only what is named, and tell those who asked', () => {
    const window = windowAt('#charts&range=5m');
    const links = createLinks(window);
    const told: (string | undefined)[] = [];
    links.on('find', value => told.push(value));
    links.set({ find: 42 });
    links.set({ find: 42 });
    links.set({ find: undefined });
    expect(told).toEqual(['42', undefined]);
    expect(window.entries).toEqual(['#charts&range=5m']);
    expect(links.href({ find: 7 })).toBe('#charts&range=5m&find=7');
  });

  test('make an entry in the history only when asked to', () => {
    const window = windowAt('');
    const links = createLinks(window);
    links.set({ find: 1 }, { push: true });
    links.set({ range: '1h' });
    expect(window.entries).toEqual(['', '#find=1&range=1h']);
  });

  test('follow the address', () => {
    const window = windowAt('#find=1');
    const links = createLinks(window);
    const told: (string | undefined)[] = [];
    const off = links.on('find', value => told.push(value));
    window.goTo('#find=2');
    off();
    window.goTo('#find=3');
    expect([told, links.get('find')]).toEqual([['2'], '3']);
  });
});
