import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManagedProcess, tailOf } from './managed-process.mjs';
import { findFreePorts, LOOPBACK } from './ports.mjs';
import { runCommand } from './run-command.mjs';

/** @typedef {import('./postgres-binary.mjs').PostgresBinary} PostgresBinary */

const USER = 'seqd';
const DATABASE = 'postgres';
const READY_TIMEOUT_MS = 60_000;
/** A crash is repaired at the next start; what was acknowledged is on disk. */
const STOP_GRACE_MS = 10_000;
const POLL_MS = 50;
/** Where a socket is asked for, its file is named after this. */
const SOCKET_PORT = 5_432;

/**
 * @typedef {object} PostgresServerOptions
 * @property {PostgresBinary} binary
 * @property {string} directory everything it writes is in here, in folders of its own; a database found there goes on
 * @property {string} [logFile] default: `postgres.log` in the directory
 * @property {number} [port] on loopback; default: a free one
 * @property {boolean} [socket] listen on a socket in the directory only, and take whoever reaches it
 * @property {Readonly<Record<string, string>>} [settings] over ours, such as `{ fsync: 'off' }`
 */

/**
 * Starts a PostgreSQL of our own on this machine, making its database first where there is none. It touches no other: own
 * data, own port, own password.
 *
 * @param {PostgresServerOptions} options
 * @returns {Promise<PostgresServer>} that serves; to be stopped by the caller
 * @throws with the end of its log when it does not come up
 */
export async function startPostgresServer(options) {
  const server = await createPostgresServer(options);
  await server.start();
  try {
    await server.ready();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * The same, not yet started, for callers that keep it running.
 *
 * @param {PostgresServerOptions} options
 * @returns {Promise<PostgresServer>}
 */
export async function createPostgresServer(options) {
  const {
    binary,
    directory,
    logFile = join(directory, 'postgres.log'),
    socket = false,
    settings = {},
  } = options;
  const password = await prepare(binary, directory, socket);
  const [free = 0] = options.port === undefined && !socket ? await findFreePorts(1) : [];
  const port = socket ? SOCKET_PORT : (options.port ?? free);
  const all = {
    listen_addresses: socket ? '' : LOOPBACK,
    unix_socket_directories: socket ? directory : '',
    port: String(port),
    ...settings,
  };
  return new PostgresServer({ binary, directory, logFile, settings: all, password, port, socket });
}

/**
 * Deletes what `createPostgresServer` has written in its directory, and nothing else that somebody may have put there.
 *
 * @param {string} directory
 */
export async function deletePostgresData(directory) {
  for (const name of ['data', 'data.new', 'password', 'postgres.log'])
    await rm(join(directory, name), { recursive: true, force: true });
}

/**
 * One PostgreSQL server: a process, its address and its data, which survives restarts.
 *
 * `kill`, `pause` and `resume` are those of `ManagedProcess`.
 */
export class PostgresServer extends ManagedProcess {
  #socket;
  #directory;
  #password;

  /**
   * @param {{ binary: PostgresBinary, directory: string, logFile: string, settings: Readonly<Record<string, string>>,
   *   password: string, port: number, socket: boolean }} options
   */
  constructor({ binary, directory, logFile, settings, password, port, socket }) {
    super({
      name: 'postgres',
      command: binary.postgres,
      args: [
        '-D',
        join(directory, 'data'),
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      env: postgresEnvironment(),
      cwd: directory,
      logFile,
      // "Fast": ends the connections instead of waiting for them.
      stopSignal: 'SIGINT',
      // "Immediate": a crash of all its processes. SIGKILL would leave those of its connections behind for a while.
      killSignal: 'SIGQUIT',
      ...(binary.user === undefined ? {} : { user: binary.user }),
    });
    this.version = binary.version;
    this.port = port;
    this.#socket = socket;
    this.#directory = directory;
    this.#password = password;
  }

  /** Address of its first database, with the password. */
  get url() {
    return this.urlOf(DATABASE);
  }

  /** @param {string} database @returns {string} its address, with the password */
  urlOf(database) {
    return this.#socket
      ? `postgresql://${USER}@localhost/${database}?host=${encodeURIComponent(this.#directory)}`
      : `postgresql://${USER}:${this.#password}@${LOOPBACK}:${this.port}/${database}`;
  }

  /** Waits until it answers queries. @throws with the end of its log when it does not */
  async ready({ timeoutMs = READY_TIMEOUT_MS } = {}) {
    const deadline = performance.now() + timeoutMs;
    while (!(await this.answers())) {
      const problem = this.alive ? 'does not serve in time' : 'has ended';
      if (!this.alive || performance.now() > deadline)
        throw new Error(`PostgreSQL ${problem}; its log ends:\n${tailOf(this.spec.logFile)}`);
      await sleep(POLL_MS);
    }
  }

  /** @returns {Promise<boolean>} whether it answers a query now */
  async answers() {
    // Only now: the start script reads this file before it has installed anything.
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** @override */
  async stop({ graceMs = STOP_GRACE_MS } = {}) {
    await super.stop({ graceMs });
  }
}

/**
 * Makes the database, unless there is one.
 *
 * @param {PostgresBinary} binary
 * @param {string} directory
 * @param {boolean} trust whoever can connect
 * @returns {Promise<string>} its user's password
 */
async function prepare({ initdb, user }, directory, trust) {
  await mkdir(directory, { recursive: true });
  // The user it runs as goes through here to its data, and makes its socket here.
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'password');
  const exists = (await stat(join(data, 'PG_VERSION')).catch(() => undefined)) !== undefined;
  const kept = await readFile(passwordFile, 'utf8').catch(() => '');
  if (exists && kept !== '') return kept;
  if (exists) throw new Error(`the password of the database in ${directory} is missing (${passwordFile})`);

  const password = randomBytes(18).toString('base64url');
  const draft = join(directory, 'data.new');
  await rm(draft, { recursive: true, force: true });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) await chown(passwordFile, user.uid, user.gid);
  await chmod(passwordFile, 0o600);
  const auth = trust ? 'trust' : 'scram-sha-256';
  const args = ['--pgdata', draft, `--username=${USER}`, `--auth=${auth}`, `--pwfile=${passwordFile}`];
  const result = await runCommand(
    initdb,
    [...args, '--encoding=UTF8', '--locale=C', '--no-instructions', '--no-sync'],
    { cwd: directory, env: postgresEnvironment(), ...user },
  );
  if (result.code !== 0)
    throw new Error(
      `PostgreSQL could not make its database: ${result.stderr.trim() || result.stdout.trim()}`,
    );
  // Only a complete one gets the name, so one that was cut off is made anew.
  await rename(draft, data);
  return password;
}

/** Settings meant for another PostgreSQL must not reach ours, nor a language its messages. */
function postgresEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}
