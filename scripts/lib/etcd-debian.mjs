import { chmod, copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addToEtcdCache, ETCD_FILE } from './etcd-cache.mjs';
import { probeEtcdVersion } from './etcd-probe.mjs';
import { runCommand } from './run-command.mjs';

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
  if (process.platform !== 'linux') throw new Error('not a Debian or Ubuntu system');
  const tools = await Promise.all(['apt-get', 'dpkg-deb'].map(tool => runCommand(tool, ['--version'])));
  if (tools.some(tool => tool.code !== 0)) throw new Error('not a Debian or Ubuntu system');

  const scratch = await mkdtemp(join(tmpdir(), 'seqd-etcd-deb-'));
  try {
    log(`fetching the system's ${PACKAGE} package`);
    const deb = (await fetchPackage(scratch, [])) ?? (await fetchWithPrivateLists(scratch, log));
    if (deb === undefined) throw new Error(`apt-get cannot fetch ${PACKAGE}`);
    return await unpack(scratch, deb);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Package lists kept in our own folder: those of the system may be missing (containers) or stale, and only
 * root may refresh them.
 *
 * @param {string} scratch
 * @param {(line: string) => void} log
 */
async function fetchWithPrivateLists(scratch, log) {
  log('refreshing package lists in a private folder');
  const state = join(scratch, 'state');
  const cache = join(scratch, 'cache');
  await mkdir(join(state, 'lists', 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
  const options = [
    `Dir::State=${state}`,
    'Dir::State::status=/var/lib/dpkg/status',
    `Dir::Cache=${cache}`,
    // Our folder belongs to us, not to apt's download user.
    `APT::Sandbox::User=${process.getuid?.() === 0 ? 'root' : ''}`,
    'Acquire::Retries=1',
  ].flatMap(option => ['-o', option]);
  const update = await runCommand('apt-get', [...options, '-qq', 'update'], { timeoutMs: 180_000 });
  if (update.code !== 0) throw new Error(`apt-get update: ${lastLine(update.stderr)}`);
  return fetchPackage(scratch, options);
}

/**
 * @param {string} scratch
 * @param {readonly string[]} options
 * @returns {Promise<string | undefined>} file name of the package
 */
async function fetchPackage(scratch, options) {
  await runCommand('apt-get', [...options, '-qq', 'download', PACKAGE], { cwd: scratch });
  const names = await readdir(scratch);
  return names.find(name => name.startsWith(`${PACKAGE}_`) && name.endsWith('.deb'));
}

/**
 * @param {string} scratch
 * @param {string} deb
 */
async function unpack(scratch, deb) {
  const unpacked = await runCommand('dpkg-deb', ['-x', deb, 'root'], { cwd: scratch });
  if (unpacked.code !== 0) throw new Error(`dpkg-deb: ${lastLine(unpacked.stderr)}`);
  const program = join(scratch, 'root', 'usr', 'bin', 'etcd');
  const version = await probeEtcdVersion(program);
  if (version === undefined) throw new Error(`the ${PACKAGE} package holds no etcd that runs here`);
  const bin = await addToEtcdCache(`debian-${version}-${process.arch}`, async (_workDir, entryDir) => {
    await copyFile(program, join(entryDir, ETCD_FILE));
    await chmod(join(entryDir, ETCD_FILE), 0o755);
  });
  return { bin, version };
}

/** @param {string} text */
function lastLine(text) {
  return text.trim().split('\n').at(-1) ?? '';
}
