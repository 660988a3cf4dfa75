import type { Command } from 'commander';
import type { LedgerContents, MigrationStatus } from '../../ledger/postgres/migrations.ts';
import type { LedgerConnectionOptions } from '../../ledger/postgres/ledger-pool.ts';
import { usageError } from '../cli-error.ts';
import { addConfigOptions, loadConfigOf } from '../config-options.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, printLines } from '../output.ts';
import { readRunFile } from '../run-file.ts';

type Options = Readonly<Record<string, unknown>> & { readonly json?: true; readonly yes?: true };

/** `seqd migrate up|down|status`: makes, undoes and shows the ledger's tables. */
export function registerMigrate(program: Command, context: CliContext): void {
  const group = program
    .command('migrate')
    .description("make, undo or show the ledger's tables in PostgreSQL");
  const up = group
    .command('up')
    .description('apply what is missing; may be run again, and by several at once')
    .option('--json', 'print one JSON document');
  addConfigOptions(up).action((options: Options) => migrateUp(options, context));
  const down = group
    .command('down')
    .description('undo the last migration; with the first one the ledger is deleted')
    .option('--yes', 'delete what the ledger holds')
    .option('--json', 'print one JSON document');
  addConfigOptions(down).action((options: Options) => migrateDown(options, context));
  const status = group
    .command('status')
    .description('show what is applied and what is missing; ends with 1 when they do not fit this program')
    .option('--json', 'print one JSON document');
  addConfigOptions(status).action((options: Options) => showStatus(options, context));
}

async function migrateUp(options: Options, context: CliContext): Promise<void> {
  const connection = findLedger(options, context);
  const { migrateUp: apply } = await migrations();
  const applied = await apply(connection);
  if (options.json === true) printJson(context.stdout, { schema: connection.schema, applied });
  else
    printLines(
      context.stdout,
      applied.length === 0
        ? [`schema ${connection.schema}: nothing to do`]
        : applied.map(name => `schema ${connection.schema}: applied ${name}`),
    );
}

async function migrateDown(options: Options, context: CliContext): Promise<void> {
  const connection = findLedger(options, context);
  const { ledgerContents, migrateDown: undo } = await migrations();
  const contents = await ledgerContents(connection);
  if (options.yes !== true && contents !== undefined && contents.batches > 0) throw lossOf(contents);
  const undone = await undo(connection);
  if (options.json === true) printJson(context.stdout, { schema: connection.schema, undone });
  else
    printLines(
      context.stdout,
      undone.length === 0
        ? [`schema ${connection.schema}: nothing to undo`]
        : undone.map(name => `schema ${connection.schema}: undone ${name}`),
    );
}

async function showStatus(options: Options, context: CliContext): Promise<void> {
  const connection = findLedger(options, context);
  const { migrationStatus } = await migrations();
  const status = await migrationStatus(connection);
  if (options.json === true) printJson(context.stdout, status);
  else printLines(context.stdout, describeStatus(status));
  if (status.pending.length + status.unknown.length > 0) context.exitWith(EXIT.failed);
}

function describeStatus({ schema, applied, pending, unknown }: MigrationStatus): string[] {
  return [
    `schema ${schema}`,
    ...applied.filter(name => !unknown.includes(name)).map(name => `  applied  ${name}`),
    ...pending.map(name => `  missing  ${name}`),
    ...unknown.map(name => `  unknown  ${name} (a newer seqd has made it)`),
  ];
}

function lossOf({ series, batches, rows }: LedgerContents): Error {
  return usageError(
    `the ledger holds ${batches} batches and ${rows} rows about the numbers of ${series} series. This may delete them, and what the ` +
      'journal in etcd no longer has is then lost for good. Back it up (pg_dump), then add --yes',
  );
}

/** What is configured; where nothing is, the ledger of the demonstration that runs. */
export function findLedger(options: Options, context: CliContext): LedgerConnectionOptions {
  const { ledger } = loadConfigOf(options, context).config.sequence;
  const url = ledger.url ?? readRunFile(context.cwd)?.ledger?.url;
  if (url === undefined)
    throw usageError(
      'no ledger is configured, and no demonstration runs here: set DATABASE_URL or sequence.ledger.url (SEQD_LEDGER_URL)',
    );
  return { ...ledger, url };
}

/** PostgreSQL's driver takes a while to load; only this command needs it. */
const migrations = () => import('../../ledger/postgres/migrations.ts');
