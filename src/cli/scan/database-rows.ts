import type pg from 'pg';
import { hideCredentials } from '../../config/index.ts';
import { suggest } from '../../config/suggest.ts';
import { CliError, usageError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { findColumn } from './find-column.ts';
import type { ColumnChoice, NumberRow, RowSource } from './rows.ts';

/** Rows fetched at a time. */
const FETCH_ROWS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** What to read in a database. */
export type DatabaseSelection = { readonly table: string } | { readonly query: string };

/** How to read it. */
export interface DatabaseRowsOptions {
  readonly url: string;
  /** Of each statement; a cursor's fetches count one by one. */
  readonly statementTimeoutMs: number;
}

/**
 * A table or query of PostgreSQL, read through a cursor in a read-only transaction. Names are quoted, values are parameters, and a query
 * stands as a subquery, so that it can be nothing but one.
 */
export class DatabaseRows implements RowSource {
  readonly unit = 'row';
  readonly name: string;
  readonly column: string;
  private readonly selection: DatabaseSelection;
  private readonly choice: ColumnChoice;
  private readonly options: DatabaseRowsOptions;

  constructor(selection: DatabaseSelection, choice: ColumnChoice, options: DatabaseRowsOptions) {
    this.name = 'table' in selection ? `table ${selection.table}` : 'the query';
    this.column = choice.column;
    this.selection = selection;
    this.choice = choice;
    this.options = options;
  }

  async *rows(): AsyncGenerator<NumberRow> {
    // Loaded here only, so that the other commands start fast.
    const { default: driver } = await import('pg');
    const client = new driver.Client({
      connectionString: this.options.url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'seqd scan',
    });
    // A connection that breaks fails the statement under way; without a listener it would end the process.
    client.on('error', () => {});
    try {
      await client.connect();
      await this.begin(client);
      yield* this.read(client, driver.escapeIdentifier);
    } catch (error) {
      throw error instanceof CliError ? error : databaseError(error);
    } finally {
      // Ends the transaction, too: there is nothing to commit.
      await client.end().catch(() => {});
    }
  }

  private async begin(client: pg.Client): Promise<void> {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const timeout = String(this.options.statementTimeoutMs);
    await client.query("SELECT set_config('statement_timeout', $1, true)", [timeout]);
  }

  private async *read(client: pg.Client, quote: (name: string) => string): AsyncGenerator<NumberRow> {
    const from = await this.relation(client, quote);
    const { fields } = await client.query(statement(`SELECT * FROM ${from} LIMIT 0`));
    const names = fields.map(({ name }) => name);
    const { column, period } = this.choice;
    findColumn(column, names);
    if (period !== undefined) findColumn(period, names);
    const columns = [column, ...(period === undefined ? [] : [period])];
    const selected = columns.map((name, i) => `source.${quote(name)}::text AS c${i}`).join(', ');
    await client.query(statement(`DECLARE seqd_scan NO SCROLL CURSOR FOR SELECT ${selected} FROM ${from}`));
    for (let line = 0; ;) {
      const { rows } = await client.query<{ c0: string | null; c1?: string | null }>(
        `FETCH FORWARD ${FETCH_ROWS} FROM seqd_scan`,
      );
      for (const { c0, c1 } of rows) {
        line += 1;
        yield { line, value: c0 ?? '', ...(period === undefined ? {} : { period: c1 ?? '' }) };
      }
      if (rows.length < FETCH_ROWS) return;
    }
  }

  private async relation(client: pg.Client, quote: (name: string) => string): Promise<string> {
    if ('query' in this.selection)
      // On a line of its own: the query may end in a comment.
      return `(\n${this.selection.query.trim().replace(/;\s*$/, '')}\n) AS source`;
    const { table } = this.selection;
    const quoted = table.split('.').map(quote).join('.');
    const { rows } = await client.query<{ known: boolean }>('SELECT to_regclass($1) IS NOT NULL AS known', [
      quoted,
    ]);
    if (rows[0]?.known !== true) throw await unknownTable(client, table);
    return `${quoted} AS source`;
  }
}

/** One statement, whatever stands in it: the extended protocol takes no second. */
function statement(text: string): pg.QueryConfig {
  return { text, queryMode: 'extended' } as pg.QueryConfig;
}

async function unknownTable(client: pg.Client, table: string): Promise<CliError> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT CASE WHEN schemaname = 'public' THEN tablename ELSE schemaname || '.' || tablename END AS name " +
      "FROM pg_catalog.pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') LIMIT 1000",
  );
  const similar = suggest(
    table,
    rows.map(({ name }) => name),
  );
  const hint = similar === undefined ? '' : `; did you mean ${JSON.stringify(similar)}?`;
  return usageError(`there is no table ${JSON.stringify(table)} in the database${hint}`);
}

/** Errors of the server have a five-character code; those of the connection another, or none. */
function databaseError(error: unknown): CliError {
  const { code, message } = error as { code?: string; message?: string };
  const said = hideCredentials(message || code || 'no answer');
  if (code === '57014') return new CliError(`the database stopped the query: ${said}`, EXIT.unavailable);
  if (/^(08|53|57)...$/.test(code ?? '')) return new CliError(`the database: ${said}`, EXIT.unavailable);
  if (/^[0-9A-Z]{5}$/.test(code ?? '') && !code!.startsWith('E'))
    return usageError(`the database refuses: ${said}`);
  return new CliError(`cannot reach the database: ${said}`, EXIT.unavailable);
}
