import { expect, test } from 'vitest';
import { KnownUrls } from '../../../../src/server/live/known-urls.ts';

test('nodes that have gone stay known, and those that are there always are', () => {
  const urls = new KnownUrls();
  urls.note([{ url: 'http://a' }, { url: '' }]);
  for (let port = 1; port <= 300; port += 1) urls.note([{ url: 'http://a' }, { url: `http://b:${port}` }]);
  const all = [...urls.all];
  expect(all).toHaveLength(256);
  expect(all).toContain('http://a');
  expect(all.at(-1)).toBe('http://b:300');
  expect(all).not.toContain('http://b:1');
});
