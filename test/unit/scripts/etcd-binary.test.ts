import { mkdtemp, readdir, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultSources, ensureEtcd, type EtcdSource } from '../../../scripts/lib/etcd-binary.mjs';
import { addToEtcdCache, findCachedEtcd } from '../../../scripts/lib/etcd-cache.mjs';
import { etcdEnvironment } from '../../../scripts/lib/etcd-probe.mjs';
import { digestFor, releaseArchive } from '../../../scripts/lib/etcd-release.mjs';
import {
  compareEtcdVersions,
  isBelowProductionFloor,
  isSupportedEtcd,
  parseEtcdVersion,
} from '../../../scripts/lib/etcd-version.mjs';

const source = (name: EtcdSource['name'], find: EtcdSource['find'], required = false): EtcdSource => ({
  name,
  find,
  required,
});
const finds = (version: string) => async () => ({ bin: '/x/etcd', version });
const nothing = async () => undefined;
const fails = (reason: string) => () => Promise.reject(new Error(reason));

describe('versions', () => {
  test('are read from the output of etcd --version and from plain numbers', () => {
    const output = 'etcd Version: 3.4.23\nGit SHA: Not provided\nGo Version: go1.19.8\n';
    expect(parseEtcdVersion(output)).toEqual({ major: 3, minor: 4, patch: 23 });
    expect(parseEtcdVersion('v3.6.14')).toEqual({ major: 3, minor: 6, patch: 14 });
    expect(parseEtcdVersion('go version go1.19.8')).toBeUndefined();
  });

  test('are ordered as numbers, not as text', () => {
    expect(compareEtcdVersions('3.10.0', '3.9.9')).toBeGreaterThan(0);
    expect(compareEtcdVersions('3.5.9', '3.5.33')).toBeLessThan(0);
  });

  test('below 3.4 are not supported', () => {
    expect(isSupportedEtcd('3.3.25')).toBe(false);
    expect(isSupportedEtcd('3.4.0')).toBe(true);
  });

  test.each([
    ['3.4.23', true],
    ['3.5.32', true],
    ['3.5.33', false],
    ['3.6.13', true],
    ['3.6.14', false],
    ['3.7.0', false],
  ])('%s below the production floor of its own line: %s', (version, below) => {
    expect(isBelowProductionFloor(version)).toBe(below);
  });
});

describe('the choice of an etcd', () => {
  test('goes through ETCD_BIN, PATH, cache, release, Debian, Docker in this order', () => {
    expect(defaultSources().map(({ name }) => name)).toEqual([
      'env',
      'path',
      'cache',
      'release',
      'debian',
      'docker',
    ]);
  });

  test('takes the first source that has one and asks no further', async () => {
    const sources = [
      source('path', nothing),
      source('cache', finds('3.6.14')),
      source('release', fails('asked')),
    ];
    expect(await ensureEtcd({ sources })).toEqual({ bin: '/x/etcd', version: '3.6.14', source: 'cache' });
  });

  test('passes over an etcd that is too old', async () => {
    const sources = [source('path', finds('3.3.25')), source('cache', finds('3.5.33'))];
    expect(await ensureEtcd({ sources })).toMatchObject({ source: 'cache' });
  });

  test('warns below the production floor and is silent above it', async () => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    await ensureEtcd({ log, sources: [source('cache', finds('3.6.14'))] });
    expect(lines).toEqual([]);
    await ensureEtcd({ log, sources: [source('debian', finds('3.4.23'))] });
    expect(lines.join()).toMatch(/3\.4\.23 is below the production floor/);
  });

  test('does not silently replace an ETCD_BIN that does not work', async () => {
    const sources = [source('env', fails('ETCD_BIN=/nowhere'), true), source('cache', finds('3.6.14'))];
    await expect(ensureEtcd({ sources })).rejects.toThrow('ETCD_BIN=/nowhere');
  });

  test('ends in one error that names every attempt and what to install', async () => {
    const sources = [source('release', fails('no answer')), source('docker', fails('no daemon'))];
    await expect(ensureEtcd({ sources })).rejects.toThrow(
      /release: no answer[^]*docker: no daemon[^]*ETCD_BIN/,
    );
  });
});

describe('the official release', () => {
  test('has an archive for each supported system and none for others', () => {
    expect(releaseArchive('linux', 'x64')?.archive).toMatch(/^etcd-v[\d.]+-linux-amd64\.tar\.gz$/);
    expect(releaseArchive('darwin', 'arm64')?.archive).toMatch(/-darwin-arm64\.zip$/);
    expect(releaseArchive('win32', 'x64')?.archive).toMatch(/-windows-amd64\.zip$/);
    expect(releaseArchive('linux', 'ia32')).toBeUndefined();
    expect(releaseArchive('freebsd', 'x64')).toBeUndefined();
  });

  test('is looked up in SHA256SUMS by its exact name', () => {
    const digest = 'ab'.repeat(32);
    const sums = `${'cd'.repeat(32)}  etcd.tar.gz.sig\n${digest.toUpperCase()}  etcd.tar.gz\n`;
    expect(digestFor(sums, 'etcd.tar.gz')).toBe(digest);
    expect(digestFor(sums, 'etcd.tar')).toBeUndefined();
    expect(digestFor('short  etcd.tar.gz', 'etcd.tar.gz')).toBeUndefined();
  });
});

test('settings meant for another etcd do not reach ours', () => {
  const env = etcdEnvironment({ ETCD_DATA_DIR: '/other', PATH: '/bin' }, 'x64');
  expect(env).toEqual({ PATH: '/bin' });
  expect(etcdEnvironment({}, 'arm64')).toEqual({ ETCD_UNSUPPORTED_ARCH: 'arm64' });
});

describe.skipIf(process.platform === 'win32')('the cache', () => {
  let dir = '';
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'seqd-cache-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const fillWith = (version: string) => async (_work: string, entry: string) => {
    await writeFile(join(entry, 'etcd'), `#!/bin/sh\necho "etcd Version: ${version}"\n`);
    await chmod(join(entry, 'etcd'), 0o755);
  };

  test('holds one whole entry after several callers filled it at once, and no scraps', async () => {
    const bins = await Promise.all([1, 2, 3, 4].map(() => addToEtcdCache('a', fillWith('3.6.14'), dir)));
    expect(new Set(bins).size).toBe(1);
    expect(await readdir(dir)).toEqual(['a']);
    expect(await findCachedEtcd(dir)).toEqual({ bin: bins[0], version: '3.6.14' });
  });

  test('offers the newest entry that runs', async () => {
    await addToEtcdCache('old', fillWith('3.4.23'), dir);
    await addToEtcdCache('new', fillWith('3.6.14'), dir);
    await addToEtcdCache('broken', async () => {}, dir);
    expect(await findCachedEtcd(dir)).toMatchObject({ version: '3.6.14' });
  });

  test('keeps nothing of an attempt that failed', async () => {
    await expect(addToEtcdCache('a', fails('cut off'), dir)).rejects.toThrow('cut off');
    expect(await readdir(dir)).toEqual([]);
  });

  test('replaces an entry that does not run', async () => {
    await addToEtcdCache('a', async () => {}, dir);
    await addToEtcdCache('a', fillWith('3.6.14'), dir);
    expect(await findCachedEtcd(dir)).toMatchObject({ version: '3.6.14' });
  });
});
