import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { findUrls } from '../../../src/cli/find-urls.ts';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function directory(run?: object): string {
  const path = mkdtempSync(join(tmpdir(), 'seqd-cli-'));
  directories.push(path);
  mkdirSync(join(path, 'data', 'poc'), { recursive: true });
  if (run !== undefined) writeFileSync(join(path, 'data', 'poc', 'run.json'), JSON.stringify(run));
  return path;
}

const runOf = (...ports: number[]): object => ({
  cluster: 'c',
  etcd: { endpoints: [] },
  nodes: ports.map(port => ({ url: `http://127.0.0.1:${port}` })),
});

it('--url may be repeated and comma separated, and wins', () => {
  const found = findUrls(['http://a:1/,http://b:2', 'https://c/base/'], {
    env: { SEQD_URL: 'http://x' },
    cwd: '/',
  });
  expect(found).toEqual({ urls: ['http://a:1', 'http://b:2', 'https://c/base'], source: '--url' });
});

it('SEQD_URL comes next', () => {
  const { urls } = findUrls(undefined, { env: { SEQD_URL: 'http://x, http://y' }, cwd: directory(runOf(1)) });
  expect(urls).toEqual(['http://x', 'http://y']);
});

it('the running demonstration of the working directory comes before that of the package', () => {
  const [cwd, packageDirectory] = [directory(runOf(1, 2)), directory(runOf(3))];
  expect(findUrls(undefined, { env: {}, cwd }, packageDirectory).urls).toEqual([
    'http://127.0.0.1:1',
    'http://127.0.0.1:2',
  ]);
  expect(findUrls(undefined, { env: {}, cwd: directory() }, packageDirectory).urls).toEqual([
    'http://127.0.0.1:3',
  ]);
});

it('without any of it the default address is used', () => {
  const { urls } = findUrls(undefined, { env: { SEQD_URL: '' }, cwd: directory() }, directory());
  expect(urls).toEqual(['http://127.0.0.1:8080']);
});

it.each(['localhost:8080', 'ftp://a', ','])('%s is refused', text => {
  expect(() => findUrls([text], { env: {}, cwd: '/' })).toThrow(/--url/);
});
