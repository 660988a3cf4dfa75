import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { runCommand } from '../../../scripts/lib/run-command.mjs';
import { makeScratch } from '../scratch.mjs';

const DEBIAN_ROOT = '/usr/lib/postgresql';
const TIMEOUT_MS = 30_000;
const CONNECTIONS_MAX = 300;
const SCHEMA = `
  CREATE TABLE counter (id integer PRIMARY KEY, value bigint NOT NULL) WITH (fillfactor = 10);
  INSERT INTO counter VALUES (1, 0);
  CREATE SEQUENCE counter_sequence;`;

/** @typedef {{ uid: number, gid: number }} User */

/**
 * Starts a PostgreSQL of our own with its defaults, that is with every commit on disk before it is acknowledged, and
 * makes a counter row and a sequence. It listens on a socket in its own directory only.
 *
 * @returns {Promise<{ version: string, connection: import('pg').ClientConfig, close(): Promise<void> } | undefined>}
 *   undefined when there is none
 * @throws when there is one that does not run
 */
export async function startPostgres() {
  const bin = await findPostgres();
  if (bin === undefined) return undefined;
  const user = await unprivilegedUser();
  const directory = await makeScratch('bench-pg');
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  const initdb = ['--pgdata', data, '--username=bench', '--auth=trust', '--encoding=UTF8', '--locale=C'];
  await runToEnd(join(bin, 'initdb'), initdb, { cwd: directory, ...user });
  const settings = {
    listen_addresses: '',
    unix_socket_directories: directory,
    fsync: 'on',
    synchronous_commit: 'on',
    max_connections: String(CONNECTIONS_MAX),
  };
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { cwd: directory, stdio: 'ignore', detached: true, ...user },
  );
  const gone = once(server, 'exit');
  // SIGQUIT ends it at once, with its children; SIGKILL would leave them.
  const kill = () => server.kill('SIGQUIT');
  process.prependOnceListener('exit', kill);
  const close = async () => {
    process.removeListener('exit', kill);
    server.kill('SIGINT');
    const timer = setTimeout(kill, 5_000);
    await gone;
    clearTimeout(timer);
  };
  const connection = { host: directory, port: 5432, user: 'bench', database: 'postgres' };
  try {
    return { version: await prepare(connection), connection, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @param {import('pg').ClientConfig} connection @returns {Promise<string>} the server's version */
async function prepare(connection) {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const client = new pg.Client(connection);
    try {
      await client.connect();
      await client.query(SCHEMA);
      return (await client.query('SHOW server_version')).rows[0].server_version;
    } catch (error) {
      // Until it listens, and while it is starting up (57P03).
      const { code } = /** @type {{ code?: string }} */ (error);
      if (!['ENOENT', 'ECONNREFUSED', '57P03'].includes(code ?? '') || performance.now() > deadline)
        throw error;
      await sleep(50);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** @returns {Promise<string | undefined>} the directory of `initdb` and `postgres` */
async function findPostgres() {
  const versions = await readdir(DEBIAN_ROOT).catch(() => []);
  const debian = versions
    .sort((a, b) => Number(b) - Number(a))
    .map(version => join(DEBIAN_ROOT, version, 'bin'));
  for (const directory of [...(process.env['PATH'] ?? '').split(delimiter), ...debian]) {
    const files = await readdir(directory).catch(() => /** @type {string[]} */ ([]));
    if (files.includes('initdb') && files.includes('postgres')) return directory;
  }
  return undefined;
}

/** PostgreSQL refuses to run as root. @returns {Promise<User | undefined>} undefined when we are not root */
async function unprivilegedUser() {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = /** @param {string} flag */ async flag =>
    Number((await runCommand('id', [flag, 'nobody'], { timeoutMs: 5_000 })).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 */
async function runToEnd(command, args, options) {
  const child = spawn(command, args, {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: TIMEOUT_MS,
  });
  let said = '';
  child.stderr?.on('data', chunk => (said += String(chunk)));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${said.trim()}`);
}
