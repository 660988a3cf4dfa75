import { PAGE_SIZE } from '../../core/page.ts';
import type { NumberRange } from '../../core/ranges.ts';
import type { AuditFilter, AuditOrder, FactPlace } from '../../ports/ledger-reader.ts';
import { columnText } from '../ledger-rows.ts';
import { timestampOf } from './array-literal.ts';
import { FACT_COLUMNS, SELECTED, WITH_BATCH_AND_OWNER } from './fact-rows.ts';
import type { Statement } from './statement.ts';

/** What an audit statement needs besides the filter. */
export interface AuditScope {
  readonly seriesId: number;
  /** The owners that the filter means; `undefined` for all. */
  readonly ownerIds: readonly number[] | undefined;
  /** With a range of numbers, see {@link Cover}. */
  readonly cover: Cover | undefined;
  readonly through: number;
  readonly order: AuditOrder;
  /** From this row on in that order, inclusive. */
  readonly from?: FactPlace | undefined;
  readonly limit?: number;
}

/**
 * The rows that a filter takes, in journal order or its reverse. That is the order of their times, too, so that it goes from partition
 * to partition along an index, forwards or backwards, and sorts no more than the rows of a moment.
 */
export function auditStatement(filter: AuditFilter, scope: AuditScope): Statement {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const conditions = conditionsOf(filter, scope, bind);
  const limit = scope.limit === undefined ? '' : `LIMIT ${bind(scope.limit)}`;
  const orderOf = (table: string): string =>
    PLACE.map(column => `${table}${column} ${scope.order}`).join(', ');
  const text = `
SELECT ${SELECTED}
FROM (
  SELECT ${FACT_COLUMNS} FROM facts
  WHERE ${conditions.join('\n    AND ')}
  ORDER BY ${orderOf('')} ${limit}
) f
${WITH_BATCH_AND_OWNER}
ORDER BY ${orderOf('f.')}`;
  return { text, values };
}

/** What says where a row stands. */
const PLACE = ['time', 'sequence', 'index', 'part'] as const;

/** Where the rows end that may hold a number and may be of any length; beyond that no row of theirs holds a smaller one. */
export interface Cover {
  readonly fresh: number;
  readonly adopt: number;
}

/** Finds a number's {@link Cover}; null where there is no row. */
export function coverStatement(seriesId: number, number: number): Statement {
  const end = (which: string): string =>
    `(SELECT last FROM facts WHERE series_id = $1 AND ${which} AND last >= $2 ORDER BY last LIMIT 1)`;
  return {
    name: 'cover',
    text: `SELECT ${end('fresh')} AS fresh, ${end("kind = 'adopt'")} AS adopt`,
    values: [seriesId, number],
  };
}

/**
 * A condition for rows that touch a range, such that each index by number bounds it on both sides.
 *
 * @param cover of the last of the numbers
 */
export function touches(
  { first, last }: NumberRange,
  cover: Cover,
  bind: (value: unknown) => string,
): string {
  const from = `${bind(first)}::bigint`;
  const to = `${bind(last)}::bigint`;
  // Beyond 2^53 no number is exact, and none is drawn.
  const page = Math.min(last + PAGE_SIZE - 1, Number.MAX_SAFE_INTEGER);
  return `((fresh AND last >= ${from} AND last <= ${bind(cover.fresh)}::bigint)
      OR (kind = 'adopt' AND last >= ${from} AND last <= ${bind(cover.adopt)}::bigint)
      OR (NOT fresh AND kind <> 'adopt' AND last >= ${from} AND last <= ${bind(page)}::bigint)) AND first <= ${to}`;
}

function conditionsOf(
  filter: AuditFilter,
  { seriesId, ownerIds, cover, through, order, from }: AuditScope,
  bind: (value: unknown) => string,
): string[] {
  const { client, reference, key, kinds, numbers } = filter;
  // `$1`, as the join of the batches expects.
  const conditions = [`series_id = ${bind(seriesId)}`, `sequence <= ${bind(through)}`];
  if (ownerIds?.length === 1) conditions.push(`owner_id = ${bind(ownerIds[0])}`);
  else if (ownerIds !== undefined) conditions.push(`owner_id = ANY(${bind(ownerIds)}::integer[])`);
  if (client !== undefined) conditions.push(`client = ${bind(columnText(client))}`);
  if (reference !== undefined) conditions.push(`reference = ${bind(columnText(reference))}`);
  if (key !== undefined) conditions.push(`key = ${bind(columnText(key))}`);
  if (kinds !== undefined) conditions.push(`kind = ANY(${bind(kinds)}::text[])`);
  if (filter.from !== undefined) conditions.push(`time >= ${bind(timestampOf(filter.from))}::timestamptz`);
  if (filter.to !== undefined) conditions.push(`time < ${bind(timestampOf(filter.to))}::timestamptz`);
  if (numbers !== undefined) conditions.push(touches(numbers, cover!, bind));
  if (from !== undefined) {
    const time = `${bind(timestampOf(from.time))}::timestamptz`;
    const reaches = order === 'asc' ? '>=' : '<=';
    // The first condition says nothing new, but it is what partitions are chosen by.
    conditions.push(
      `time ${reaches} ${time}`,
      `(${PLACE.join(', ')}) ${reaches} (${time}, ${bind(from.sequence)}::bigint, ${bind(from.index)}::integer, ${bind(from.part)}::integer)`,
    );
  }
  return conditions;
}
