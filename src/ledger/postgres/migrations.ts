import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { SeqdError } from '../../core/errors.ts';
import { translating } from './ledger-errors.ts';
import { type LedgerConnectionOptions, ledgerClientConfig } from './ledger-pool.ts';

/** The SQL files, beside `src` and `dist` alike. */
const DIRECTORY = fileURLToPath(new URL('../../../migrations', import.meta.url));

/** Where node-pg-migrate notes what it has done, in the ledger's schema. */
const TABLE = 'migrations';

/** How the tables of a ledger stand, by the names of the migrations, oldest first. */
export interface MigrationStatus {
  readonly schema: string;
  readonly applied: readonly string[];
  /** Known to this program and not applied. */
  readonly pending: readonly string[];
  /** Applied and not known to this program: a newer one has made them. */
  readonly unknown: readonly string[];
}

/** What undoing all migrations would delete. */
export interface LedgerContents {
  readonly series: number;
  readonly batches: number;
  /** Rows of facts. */
  readonly rows: number;
}

/** Tells how the tables stand; changes nothing. @throws SeqdError `ledger_unavailable` */
export function migrationStatus(options: LedgerConnectionOptions): Promise<MigrationStatus> {
  return withClient(options, client => readStatus(client, options.schema));
}

/**
 * Applies the migrations that are missing, each in a transaction of its own. Several that do it at once wait for each
 * other on an advisory lock. There is no deadline: an index over 100 million rows takes its time.
 *
 * @returns the names of those applied
 * @throws SeqdError `unsupported_format` when a newer program has made the tables; `ledger_unavailable`
 */
export function migrateUp(options: LedgerConnectionOptions): Promise<readonly string[]> {
  return run(options, 'up');
}

/**
 * Undoes the last migration; with the first of them go all rows.
 *
 * @returns its name, or nothing when there is none
 * @throws as {@link migrateUp}
 */
export function migrateDown(options: LedgerConnectionOptions): Promise<readonly string[]> {
  return run(options, 'down');
}

/**
 * Refuses tables that are not those this program works with.
 *
 * @throws SeqdError `ledger_unavailable` when migrations are missing, `unsupported_format` when there are unknown ones
 */
export async function assertMigrated(pool: pg.Pool, schema: string): Promise<void> {
  const status = await translating(() => readStatus(pool, schema));
  assertKnown(status);
  if (status.pending.length === 0) return;
  throw new SeqdError(
    'ledger_unavailable',
    `The ledger's tables lack ${status.pending.join(', ')}; run "seqd migrate up"`,
    { details: { pending: status.pending } },
  );
}

/** Counts what the ledger holds; `undefined` when it has no tables. @throws SeqdError `ledger_unavailable` */
export function ledgerContents(options: LedgerConnectionOptions): Promise<LedgerContents | undefined> {
  return withClient(options, async client => {
    if (!(await exists(client, options.schema, 'batches'))) return undefined;
    const { rows } = await client.query<LedgerContents>(
      'SELECT (SELECT count(*) FROM series) AS series, (SELECT count(*) FROM batches) AS batches, (SELECT count(*) FROM facts) AS rows',
    );
    return rows[0];
  });
}

async function run(options: LedgerConnectionOptions, direction: 'up' | 'down'): Promise<readonly string[]> {
  const { schema } = options;
  return withClient({ ...options, statementTimeoutMs: 0 }, async client => {
    assertKnown(await readStatus(client, schema));
    const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
    const done = await runner({
      dbClient: client,
      dir: DIRECTORY,
      direction,
      migrationsTable: TABLE,
      schema,
      // Only where it is missing: a user who may not make schemas may still own one.
      createSchema: rowCount === 0,
      advisoryLockMode: 'wait',
      ...(direction === 'down' ? { count: 1 } : {}),
      logger: { info: () => {}, warn: () => {}, error: () => {} },
    });
    return done.map(({ name }) => name);
  });
}

async function readStatus(client: pg.Client | pg.Pool, schema: string): Promise<MigrationStatus> {
  const files = await readdir(DIRECTORY);
  const known = files.flatMap(file => /^(\d+_.+)\.sql$/.exec(file)?.[1] ?? []).sort();
  const applied = await readApplied(client, schema);
  return {
    schema,
    applied,
    pending: known.filter(name => !applied.includes(name)),
    unknown: applied.filter(name => !known.includes(name)),
  };
}

async function readApplied(client: pg.Client | pg.Pool, schema: string): Promise<string[]> {
  if (!(await exists(client, schema, TABLE))) return [];
  // The name is checked by the configuration and by `exists`; it cannot be a parameter.
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM "${schema}".${TABLE} ORDER BY id`);
  return rows.map(({ name }) => name);
}

async function exists(client: pg.Client | pg.Pool, schema: string, table: string): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = $2', [
    schema,
    table,
  ]);
  return rowCount === 1;
}

function assertKnown({ unknown }: MigrationStatus): void {
  if (unknown.length === 0) return;
  throw new SeqdError(
    'unsupported_format',
    `A newer seqd has made the ledger's tables (${unknown.join(', ')}); use that version`,
    { details: { unknown } },
  );
}

function withClient<T>(
  options: LedgerConnectionOptions,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  return translating(async () => {
    const client = new pg.Client({ ...ledgerClientConfig(options), application_name: 'seqd migrate' });
    // What breaks the connection fails the query, too.
    client.on('error', () => {});
    try {
      await client.connect();
      return await work(client);
    } finally {
      await client.end().catch(() => {});
    }
  });
}
