import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { usageError } from '../cli-error.ts';
import { collect, parsePositive } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { CsvRows } from './csv-rows.ts';
import { DatabaseRows } from './database-rows.ts';
import type { ScanOptions } from './numbering-scan.ts';
import type { ColumnChoice, RowSource } from './rows.ts';

/** The options of every command that reads an existing numbering. */
export interface SourceOptions {
  readonly column?: string;
  readonly lastLineComplete?: true;
  readonly table?: string;
  readonly query?: string;
  readonly database?: string;
  readonly queryTimeout: number;
  readonly delimiter: string;
  readonly prefix?: string[];
}

const QUERY_TIMEOUT_SECONDS = 60;

/** Adds the file argument, and the options for where numbers are read. */
export function addSourceOptions(command: Command): Command {
  return command
    .argument('[file]', 'CSV with a header')
    .option('--column <name>', 'column of the numbers')
    .option('--prefix <text>', 'a prefix numbers may have, "" for none; repeatable (default: any)', collect)
    .addOption(new Option('--delimiter <char>', 'between the fields of the file').default(','))
    .option('--last-line-complete', 'the file is whole, though no line end follows its last line')
    .addOption(
      new Option('--table <name>', 'read a table of a database instead, schema.name').conflicts('query'),
    )
    .option('--query <sql>', 'read what a query gives instead')
    .option('--database <url>', 'where that is (default: $DATABASE_URL)')
    .option(
      '--query-timeout <seconds>',
      'longest time of one statement in the database',
      parsePositive,
      QUERY_TIMEOUT_SECONDS,
    );
}

/** Opens what the options name. @throws CliError when they name nothing, or too much */
export function openSource(
  file: string | undefined,
  options: SourceOptions,
  { env, cwd }: Pick<CliContext, 'env' | 'cwd'>,
  period?: string,
): RowSource {
  const { column, table, query, delimiter } = options;
  const inDatabase = table !== undefined || query !== undefined;
  if (file === undefined && !inDatabase)
    throw usageError('name a file, or --table or --query with --database');
  if (file !== undefined && inDatabase) throw usageError('name a file, or a table or query, not both');
  if (column === undefined) throw usageError('--column must say which column has the numbers');
  const choice: ColumnChoice = { column, period };
  if (file !== undefined) {
    if (options.database !== undefined) throw usageError('--database goes with --table or --query');
    if (delimiter.length !== 1) throw usageError('--delimiter must be one character');
    return new CsvRows(resolve(cwd, file), choice, delimiter);
  }
  const url = options.database ?? env['DATABASE_URL'];
  if (url === undefined || url === '') throw usageError('--database must say where the database is');
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
    throw usageError('--database must be a URL like postgres://user:password@host:5432/database');
  const selection = table === undefined ? { query: query! } : { table };
  return new DatabaseRows(selection, choice, {
    url,
    statementTimeoutMs: Math.ceil(options.queryTimeout * 1_000),
  });
}

/** What the options say about the numbers. */
export function scanOptionsOf({ prefix, lastLineComplete }: SourceOptions): ScanOptions {
  return { prefixes: prefix, lastLineComplete };
}
