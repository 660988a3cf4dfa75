import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './run-command.mjs';

const DOWNLOAD_TIMEOUT_MS = 600_000;

/**
 * Fetches Debian's or Ubuntu's own packages, which `apt-get` checks. Nothing is installed, and no root is needed.
 *
 * @param {readonly string[]} packages
 * @param {string} scratch a folder of the caller's that holds nothing else
 * @param {(line: string) => void} log
 * @param {{ withDependencies?: boolean }} [options] `withDependencies` fetches also what they depend on and the system
 *   does not have
 * @returns {Promise<string[]>} their file names in that folder, in the order of the packages
 * @throws when this is not such a system, or a package cannot be fetched
 */
export async function fetchDebianPackages(packages, scratch, log, { withDependencies = false } = {}) {
  if (!(await hasDebianTools())) throw new Error('not a Debian or Ubuntu system');
  const wanted = withDependencies ? missingDebianPackages : async () => packages;
  return (
    (await download(await wanted(packages, []), scratch, [])) ??
    downloadWithPrivateLists(packages, wanted, scratch, log)
  );
}

/**
 * Tells whether this is a system that has `apt-get` and `dpkg-deb`.
 *
 * @returns {Promise<boolean>}
 */
export async function hasDebianTools() {
  if (process.platform !== 'linux') return false;
  const tools = await Promise.all(['apt-get', 'dpkg-deb'].map(tool => runCommand(tool, ['--version'])));
  return tools.every(tool => tool.code === 0);
}

/**
 * What an installation of packages would bring: themselves and what they depend on, without what is there already.
 *
 * @param {readonly string[]} packages
 * @param {readonly string[]} options of apt-get
 * @returns {Promise<string[]>} empty when the package lists do not know them
 */
async function missingDebianPackages(packages, options) {
  const plan = await runCommand('apt-get', [
    ...options,
    '-qq',
    '--yes',
    '--no-install-recommends',
    '--simulate',
    'install',
    ...packages,
  ]);
  // Inst libnss3 (2:3.87.1-1 Debian:12/stable [amd64])
  return [...plan.stdout.matchAll(/^Inst (\S+) /gm)].flatMap(([, name]) => name ?? []);
}

/**
 * Unpacks a fetched package.
 *
 * @param {string} scratch
 * @param {string} deb its file name there
 * @param {string} into a folder below it
 */
export async function unpackDebianPackage(scratch, deb, into) {
  const unpacked = await runCommand('dpkg-deb', ['-x', deb, into], { cwd: scratch });
  if (unpacked.code !== 0) throw new Error(`dpkg-deb: ${lastLine(unpacked.stderr)}`);
}

/**
 * Package lists kept in our own folder: those of the system may be missing (containers) or stale, and only
 * root may refresh them.
 *
 * @param {readonly string[]} packages
 * @param {(packages: readonly string[], options: readonly string[]) => Promise<readonly string[]>} wanted what to
 *   fetch for them
 * @param {string} scratch
 * @param {(line: string) => void} log
 * @returns {Promise<string[]>}
 */
async function downloadWithPrivateLists(packages, wanted, scratch, log) {
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
  const files = await download(await wanted(packages, options), scratch, options);
  if (files === undefined) throw new Error(`apt-get cannot fetch ${packages.join(', ')}`);
  return files;
}

/**
 * @param {readonly string[]} packages
 * @param {string} scratch
 * @param {readonly string[]} options
 * @returns {Promise<string[] | undefined>} undefined when there is nothing to fetch, or one is missing
 */
async function download(packages, scratch, options) {
  if (packages.length === 0) return undefined;
  const call = ['-qq', 'download', ...packages];
  await runCommand('apt-get', [...options, ...call], { cwd: scratch, timeoutMs: DOWNLOAD_TIMEOUT_MS });
  const names = await readdir(scratch);
  const files = packages.flatMap(
    name => names.find(file => file.startsWith(`${name}_`) && file.endsWith('.deb')) ?? [],
  );
  return files.length === packages.length ? files : undefined;
}

/** @param {string} text */
function lastLine(text) {
  return text.trim().split('\n').at(-1) ?? '';
}
