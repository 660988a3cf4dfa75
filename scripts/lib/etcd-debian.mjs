import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchDebianPackages, unpackDebianPackage } from './debian-packages.mjs';
import { addToEtcdCache, ETCD_FILE } from './etcd-cache.mjs';
import { probeEtcdVersion } from './etcd-probe.mjs';

const PACKAGE = 'etcd-server';

/**
 * Takes the server program out of Debian's or Ubuntu's own package. Nothing is installed: no service, no
 * user, no file outside the project, and no root needed.
 *
 * @param {(line: string) => void} log
 * @returns {Promise<{ bin: string, version: string }>}
 * @throws when this is not such a system, or its package cannot be fetched
 */
export async function unpackDebianEtcd(log) {
  const scratch = await mkdtemp(join(tmpdir(), 'seqd-etcd-deb-'));
  try {
    log(`fetching the system's ${PACKAGE} package`);
    const [deb = ''] = await fetchDebianPackages([PACKAGE], scratch, log);
    await unpackDebianPackage(scratch, deb, 'root');
    const program = join(scratch, 'root', 'usr', 'bin', 'etcd');
    const version = await probeEtcdVersion(program);
    if (version === undefined) throw new Error(`the ${PACKAGE} package holds no etcd that runs here`);
    const bin = await addToEtcdCache(`debian-${version}-${process.arch}`, async (_workDir, entryDir) => {
      await copyFile(program, join(entryDir, ETCD_FILE));
      await chmod(join(entryDir, ETCD_FILE), 0o755);
    });
    return { bin, version };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
