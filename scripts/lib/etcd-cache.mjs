import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from './paths.mjs';
import { probeEtcdVersion } from './etcd-probe.mjs';
import { compareEtcdVersions } from './etcd-version.mjs';

/** Name of the server program on this system. */
export const ETCD_FILE = process.platform === 'win32' ? 'etcd.exe' : 'etcd';

const defaultDir = join(cacheDir, 'etcd');

/**
 * The newest etcd that earlier runs have put into the cache.
 *
 * @param {string} [dir]
 * @returns {Promise<{ bin: string, version: string } | undefined>} undefined when there is none that runs
 */
export async function findCachedEtcd(dir = defaultDir) {
  const names = await readdir(dir).catch(() => []);
  const candidates = names.filter(name => !name.startsWith('.')).map(name => join(dir, name, ETCD_FILE));
  const probed = await Promise.all(
    candidates.map(async bin => ({ bin, version: await probeEtcdVersion(bin) })),
  );
  return probed
    .flatMap(({ bin, version }) => (version === undefined ? [] : [{ bin, version }]))
    .sort((a, b) => compareEtcdVersions(b.version, a.version))[0];
}

/**
 * Adds one etcd to the cache, all or nothing: `fill` unpacks into a private folder, which is then renamed.
 * Two callers at once both succeed, and the first one's folder stays.
 *
 * @param {string} name folder name of the entry, such as `v3.6.14-linux-amd64`
 * @param {(workDir: string, entryDir: string) => Promise<void>} fill `workDir` is scratch space and removed
 *   afterwards; what is put into `entryDir` becomes the entry
 * @param {string} [dir]
 * @returns {Promise<string>} path of the server program
 */
export async function addToEtcdCache(name, fill, dir = defaultDir) {
  await mkdir(dir, { recursive: true });
  const workDir = await mkdtemp(join(dir, '.unpack-'));
  const entryDir = join(workDir, 'entry');
  const target = join(dir, name);
  try {
    await mkdir(entryDir);
    await fill(workDir, entryDir);
    await rename(entryDir, target).catch(async error => {
      // Somebody else was faster: a folder that works is as good as ours, one that does not is replaced.
      if ((await probeEtcdVersion(join(target, ETCD_FILE))) !== undefined) return;
      if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(String(error.code))) throw error;
      await rm(target, { recursive: true, force: true });
      await rename(entryDir, target);
    });
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
  return join(target, ETCD_FILE);
}
