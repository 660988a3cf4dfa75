import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ChromiumSource, ensureChromium, probeChromium } from '../../../scripts/lib/chromium.mjs';
import { findCachedChromium } from '../../../scripts/lib/chromium-debian.mjs';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'seqd-chromium-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function program(name: string, script: string): Promise<string> {
  const file = join(dir, name);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

const nothing: ChromiumSource = { name: 'path', find: async () => undefined };
const broken: ChromiumSource = { name: 'unpacked', find: () => Promise.reject(new Error('no network')) };

describe('the browser for tests', () => {
  test('comes from the first place that has one', async () => {
    const found = { bin: '/x/chromium', version: '156.0.1' };
    const sources: ChromiumSource[] = [nothing, broken, { name: 'cache', find: async () => found }];
    expect(await ensureChromium({ sources })).toEqual({ ...found, source: 'cache' });
  });

  test('that cannot be had is told with what was tried and what to do', async () => {
    const attempt = ensureChromium({ sources: [nothing, broken] });
    await expect(attempt).rejects.toThrow(/unpacked: no network[^]*SEQD_CHROMIUM/);
  });

  test('that was named by the user and does not run is no reason to take another', async () => {
    const required: ChromiumSource = { ...broken, name: 'env', required: true };
    const attempt = ensureChromium({
      sources: [required, { ...nothing, find: async () => ({ bin: '', version: '' }) }],
    });
    await expect(attempt).rejects.toThrow('no network');
  });
});

describe.skipIf(process.platform === 'win32')('a program', () => {
  test('is a browser when it tells its version', async () => {
    const real = await program('real', 'echo "Chromium 156.0.8078.79 built on Debian"');
    expect(await probeChromium(real)).toBe('156.0.8078.79');
  });

  test('that only says how to install one is none', async () => {
    const stub = await program('stub', 'echo "Command requires the chromium snap"; exit 1');
    expect(await probeChromium(stub)).toBeUndefined();
    expect(await probeChromium(join(dir, 'missing'))).toBeUndefined();
  });

  test('in the cache is taken when it runs; half an unpacking is not', async () => {
    const probe = async (bin: string): Promise<string | undefined> =>
      bin.includes('debian-1') ? '1.0' : undefined;
    expect(await findCachedChromium(probe, join(dir, 'none'))).toBeUndefined();
    for (const name of ['.unpack-1', 'broken', 'debian-1']) await writeFile(join(dir, name), '');
    expect(await findCachedChromium(probe, dir)).toEqual({
      bin: join(dir, 'debian-1', 'chromium'),
      version: '1.0',
    });
  });
});
