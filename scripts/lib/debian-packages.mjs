import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './run-command.mjs';

/**
 * Fetches Debian's or Ubuntu's own packages, which `apt-get` checks. Nothing is installed, and no root is needed.
 *
 * @param {readonly string[]} packages
 * @param {string} scratch a folder of the caller's that holds nothing else
 * @param {(line: string) => void} log
 * @returns {Promise<string[]>} their file names in that folder, in the order of the packages
 * @throws when this is not such a system, or a package cannot be fetched
 */
export async function fetchDebianPackages(packages, scratch, log) {
  if (process.platform !== 'linux') throw new Error('not a Debian or Ubuntu system');
  const tools = await Promise.all(['apt-get', 'dpkg-deb'].map(tool => runCommand(tool, ['--version'])));
  if (tools.some(tool => tool.code !== 0)) throw new Error('not a Debian or Ubuntu system');
  return (await download(packages, scratch, [])) ?? downloadWithPrivateLists(packages, scratch, log);
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
 * @param {string} scratch
 * @param {(line: string) => void} log
 * @returns {Promise<string[]>}
 */
async function downloadWithPrivateLists(packages, scratch, log) {
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
  const files = await download(packages, scratch, options);
  if (files === undefined) throw new Error(`apt-get cannot fetch ${packages.join(', ')}`);
  return files;
}

/**
 * @param {readonly string[]} packages
 * @param {string} scratch
 * @param {readonly string[]} options
 * @returns {Promise<string[] | undefined>} undefined when one is missing
 */
async function download(packages, scratch, options) {
  await runCommand('apt-get', [...options, '-qq', 'download', ...packages], { cwd: scratch });
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
