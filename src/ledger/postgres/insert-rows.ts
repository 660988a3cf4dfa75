import type { PoolClient } from 'pg';
import { ownerKey } from '../../core/identifiers.ts';
import type { BatchRow, FactRow } from '../../ports/ledger-rows.ts';
import { Breather } from '../../sequencer/breather.ts';
import { plainArray, textArray, timeArray } from './array-literal.ts';

/** A column's type, and its values as one array literal. */
type Column<Row> = readonly [name: string, type: string, literal: (rows: readonly Row[]) => string];

const BATCH_COLUMNS: readonly Column<BatchRow>[] = [
  ['sequence', 'bigint', rows => plainArray(rows.map(row => row.sequence))],
  ['time', 'timestamptz', rows => timeArray(rows.map(row => row.time))],
  ['revision', 'bigint', rows => plainArray(rows.map(row => row.revision))],
  ['node', 'text', rows => textArray(rows.map(row => row.node))],
  ['next', 'bigint', rows => plainArray(rows.map(row => row.next))],
  ['chain', 'text', rows => textArray(rows.map(row => row.chain))],
  ['facts', 'integer', rows => plainArray(rows.map(row => row.facts))],
  ['body', 'text', rows => textArray(rows.map(row => row.body))],
];

const FACT_COLUMNS: readonly Column<FactRow>[] = [
  ['sequence', 'bigint', rows => plainArray(rows.map(row => row.sequence))],
  ['index', 'integer', rows => plainArray(rows.map(row => row.index))],
  ['part', 'integer', rows => plainArray(rows.map(row => row.part))],
  ['time', 'timestamptz', rows => timeArray(rows.map(row => row.time))],
  ['kind', 'text', rows => plainArray(rows.map(row => row.kind))],
  ['facts', 'integer', rows => plainArray(rows.map(row => row.facts))],
  ['first', 'bigint', rows => plainArray(rows.map(row => row.first))],
  ['last', 'bigint', rows => plainArray(rows.map(row => row.last))],
  ['fresh', 'boolean', rows => plainArray(rows.map(row => row.fresh))],
  ['target', 'text', rows => plainArray(rows.map(row => row.target))],
  ['allocation_sequence', 'bigint', rows => plainArray(rows.map(row => row.allocation?.sequence ?? null))],
  ['allocation_index', 'integer', rows => plainArray(rows.map(row => row.allocation?.index ?? null))],
  ['deadline', 'timestamptz', rows => timeArray(rows.map(row => row.deadline))],
  ['client', 'text', rows => textArray(rows.map(row => row.client))],
  ['trace', 'text', rows => textArray(rows.map(row => row.trace))],
  ['reference', 'text', rows => textArray(rows.map(row => row.reference))],
  ['key', 'text', rows => textArray(rows.map(row => row.key))],
  ['reason', 'text', rows => textArray(rows.map(row => row.reason))],
  ['actor', 'text', rows => textArray(rows.map(row => row.actor))],
];

/** Writes a series' batches in one statement. */
export async function insertBatches(
  client: PoolClient,
  seriesId: number,
  rows: readonly BatchRow[],
): Promise<void> {
  await insert(client, 'batches', seriesId, BATCH_COLUMNS, rows);
}

/** Writes a series' facts in one statement. @param owners the owners' ids by `ownerKey` */
export async function insertFacts(
  client: PoolClient,
  seriesId: number,
  rows: readonly FactRow[],
  owners: ReadonlyMap<string, number>,
): Promise<void> {
  if (rows.length === 0) return;
  const ownerIds: Column<FactRow> = [
    'owner_id',
    'integer',
    all => plainArray(all.map(({ owner }) => (owner === null ? null : owners.get(ownerKey(owner))!))),
  ];
  await insert(client, 'facts', seriesId, [...FACT_COLUMNS, ownerIds], rows);
}

/** Writing this many values into a literal takes about a microsecond; measured, and rounded up. */
const VALUES_PER_UNIT = 10;

/** The statement is made of the names above; all values are parameters, one array a column. */
async function insert<Row>(
  client: PoolClient,
  table: 'batches' | 'facts',
  seriesId: number,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): Promise<void> {
  const names = columns.map(([name]) => name).join(', ');
  const arrays = columns.map(([, type], i) => `$${i + 2}::${type}[]`).join(', ');
  const breather = new Breather();
  const literals: string[] = [];
  for (const [, , literal] of columns) {
    literals.push(literal(rows));
    if (breather.isDue({ items: rows.length / VALUES_PER_UNIT })) await breather.pause();
  }
  await client.query({
    name: `insert ${table}`,
    text: `INSERT INTO ${table} (series_id, ${names}) SELECT $1::integer, * FROM unnest(${arrays})`,
    values: [seriesId, ...literals],
  });
}
