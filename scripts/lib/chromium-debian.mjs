import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchDebianPackages, hasDebianTools, unpackDebianPackage } from './debian-packages.mjs';
import { cacheDir } from './paths.mjs';
import { runCommand } from './run-command.mjs';
import { withSetupLock } from './setup-lock.mjs';

/** @typedef {(bin: string) => Promise<string | undefined>} Probe the version, undefined when it does not run */

const PACKAGES = ['chromium', 'fonts-dejavu-core', 'fonts-liberation'];
const INSTALL_TIMEOUT_MS = 600_000;
const SERVICE_POLICY = '/usr/sbin/policy-rc.d';
const defaultDir = join(cacheDir, 'chromium');

/**
 * A browser that an earlier run has unpacked into the project's cache.
 *
 * @param {Probe} probe
 * @param {string} [dir]
 * @returns {Promise<{ bin: string, version: string } | undefined>}
 */
export async function findCachedChromium(probe, dir = defaultDir) {
  const names = await readdir(dir).catch(() => []);
  for (const name of names.filter(name => !name.startsWith('.')).sort()) {
    const bin = join(dir, name, 'chromium');
    const version = await probe(bin);
    if (version !== undefined) return { bin, version };
  }
  return undefined;
}

/**
 * Installs Debian's browser, as root.
 *
 * @template T
 * @param {(line: string) => void} log
 * @param {() => Promise<T>} find looks for it afterwards
 * @returns {Promise<T | undefined>} undefined when we are not root, or this is not such a system
 * @throws when it cannot be installed
 */
export async function installDebianChromium(log, find) {
  if (process.getuid?.() !== 0 || !(await hasDebianTools())) return undefined;
  return withSetupLock(
    async () => {
      const found = await find();
      if (found !== undefined) return found;
      log("installing the system's chromium package");
      await withoutServices(async () => {
        if (await aptGet('install', '--no-install-recommends', ...PACKAGES)) return;
        await aptGet('update');
        if (!(await aptGet('install', '--no-install-recommends', ...PACKAGES)))
          throw new Error('apt-get cannot install chromium');
      });
      return find();
    },
    join(cacheDir, 'chromium.lock'),
  );
}

/** @param {readonly string[]} args */
async function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return (
    (await runCommand('apt-get', ['-qq', '--yes', ...args], { env, timeoutMs: INSTALL_TIMEOUT_MS })).code ===
    0
  );
}

/**
 * Debian starts the services of a package when it is installed, unless this file says no. One that is there already
 * is left alone.
 *
 * @param {() => Promise<void>} work
 */
async function withoutServices(work) {
  const ours = await writeFile(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { flag: 'wx', mode: 0o755 }).then(
    () => true,
    () => false,
  );
  try {
    await work();
  } finally {
    if (ours) await rm(SERVICE_POLICY, { force: true });
  }
}

/**
 * Unpacks Debian's browser and what it needs and the system lacks into the project's cache: nothing is installed,
 * and no root is needed.
 *
 * @param {(line: string) => void} log
 * @param {Probe} probe
 * @param {string} [dir]
 * @returns {Promise<{ bin: string, version: string }>}
 * @throws when this is not such a system, its packages cannot be fetched, or what was unpacked does not run
 */
export async function unpackDebianChromium(log, probe, dir = defaultDir) {
  return withSetupLock(
    async () => {
      const there = await findCachedChromium(probe, dir);
      if (there !== undefined) return there;
      await mkdir(dir, { recursive: true });
      const work = await mkdtemp(join(dir, '.unpack-'));
      try {
        log("fetching the system's chromium package with what it needs (about 150 MB, once)");
        const debs = await fetchDebianPackages(PACKAGES, work, log, { withDependencies: true });
        const entry = join(work, 'entry');
        await mkdir(entry);
        for (const deb of debs) await unpackDebianPackage(work, deb, join('entry', 'root'));
        await writeLauncher(entry);
        const version = await probe(join(entry, 'chromium'));
        if (version === undefined)
          throw new Error(`what was unpacked does not run: ${await complaintOf(entry)}`);
        const target = join(dir, `debian-${version}-${process.arch}`);
        await rm(target, { recursive: true, force: true });
        await rename(entry, target);
        return { bin: join(target, 'chromium'), version };
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    },
    join(cacheDir, 'chromium.lock'),
  );
}

/** @param {string} entry */
async function complaintOf(entry) {
  const { stderr } = await runCommand(join(entry, 'chromium'), ['--version']);
  return stderr.trim().split('\n').at(-1) ?? '';
}

/**
 * Writes the program that starts the browser where it was unpacked, with its own libraries and fonts beside those of
 * the system. It works wherever the folder is moved to.
 *
 * @param {string} entry
 */
async function writeLauncher(entry) {
  // libpulse0 names the folder of its other half by its full path.
  const folders = ['/$triplet', '', '/$triplet/pulseaudio'];
  const libraries = ['lib', 'usr/lib'].flatMap(lib => folders.map(folder => `$root/${lib}${folder}`));
  const launcher = `#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$here/root
triplet=$(basename -- "$(ls -d "$root"/usr/lib/*-linux-gnu* | head -n 1)")
export LD_LIBRARY_PATH="${libraries.join(':')}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
if [ ! -e /etc/fonts/fonts.conf ]; then
  sed "s|@root@|$root|" "$here/fonts.conf.in" >"$here/fonts.conf"
  export FONTCONFIG_FILE="$here/fonts.conf"
fi
exec "$root/usr/lib/chromium/chromium" "$@"
`;
  // A temporary cache: fontconfig's own places may not be ours to write.
  const fonts = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>@root@/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;
  await writeFile(join(entry, 'fonts.conf.in'), fonts);
  await writeFile(join(entry, 'chromium'), launcher);
  await chmod(join(entry, 'chromium'), 0o755);
}
