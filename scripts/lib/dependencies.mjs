import { chmod, lstat, mkdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runNpm } from './npm.mjs';
import { projectRoot } from './paths.mjs';
import { withSetupLock } from './setup-lock.mjs';

/** Of what npm says when it cannot reach its registry. */
const OUT_OF_REACH =
  /npm error code (?:ECONN\w+|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT)/;
const REACH_HINT =
  'npm cannot reach its registry, from which the first start fetches what seqd needs. Is there a network?\n' +
  'Behind a proxy: npm config set proxy http://HOST:PORT';

/** @typedef {{ version?: string, optional?: boolean, link?: boolean }} LockedPackage */
/** @typedef {{ packages?: Record<string, LockedPackage> }} Lockfile */

/**
 * Installs the dependencies with `npm ci` when what is installed differs from package-lock.json, and puts
 * the `seqd` command where `npx seqd` finds it.
 *
 * @param {(line: string) => void} [log]
 * @returns {Promise<'installed' | 'fresh'>}
 * @throws with npm's own words
 */
export async function ensureDependencies(log = () => {}) {
  return withSetupLock(async () => {
    const fresh = await dependenciesAreFresh(projectRoot);
    if (!fresh) {
      log('installing dependencies (npm ci)');
      await install(log);
    }
    await linkCommand(projectRoot);
    return fresh ? 'fresh' : 'installed';
  });
}

/** @param {(line: string) => void} log */
async function install(log) {
  // Build and tests need the development dependencies, whatever NODE_ENV says.
  const options = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  let result = await runNpm(['ci', ...options]);
  if (/npm error code EUSAGE/.test(result.stderr)) {
    // A lockfile made where some systems' optional packages were out of reach lacks them, and npm ci then
    // refuses it. What it does lock is respected by npm install, too.
    log('package-lock.json is incomplete for this system; using npm install, which leaves it as it is');
    result = await runNpm(['install', '--no-save', ...options]);
  }
  if (result.code === 0) return;
  const words = result.stderr.trim() || result.stdout.trim();
  throw new Error(`npm ci failed:\n${words}${OUT_OF_REACH.test(words) ? `\n\n${REACH_HINT}` : ''}`);
}

/**
 * Tells whether node_modules holds what package-lock.json asks for.
 *
 * The stamp is the lockfile that npm itself leaves in node_modules when an installation is complete. Its
 * content is compared, not its age: a checkout gives files new times, and `npm install` changes both.
 *
 * @param {string} root
 * @returns {Promise<boolean>}
 */
export async function dependenciesAreFresh(root) {
  const wanted = await readLockfile(join(root, 'package-lock.json'));
  const installed = await readLockfile(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const present = installed[path];
    // Optional packages are those of other systems too; npm leaves them out here.
    return present === undefined ? optional === true : present.version === version;
  });
}

/** @param {string} file */
async function readLockfile(file) {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : /** @type {Lockfile} */ (JSON.parse(text)).packages;
}

/**
 * npm links the commands of dependencies only, not the project's own.
 *
 * @param {string} root
 */
async function linkCommand(root) {
  const bin = join(root, 'node_modules', '.bin');
  const file = join(bin, 'seqd');
  const target = join('..', '..', 'dist', 'main.js');
  await mkdir(bin, { recursive: true });
  if (process.platform === 'win32') {
    await writeFile(`${file}.cmd`, `@node "%~dp0..\\..\\dist\\main.js" %*\r\n`);
    return;
  }
  if ((await readlink(file).catch(() => undefined)) === target) return;
  if ((await lstat(file).catch(() => undefined)) !== undefined) await rm(file);
  await symlink(target, file);
}

/**
 * Makes the command executable; tsc writes plain files.
 *
 * @param {string} root
 */
export async function makeCommandExecutable(root) {
  await chmod(join(root, 'dist', 'main.js'), 0o755);
}
