import type { NumberRange } from '../../core/ranges.ts';
import { timestampOf } from './array-literal.ts';
import { type Cover, touches } from './audit-query.ts';
import type { Statement } from './statement.ts';

/**
 * Whether the numbers of a range were drawn one after the other: the ends of the rows that touch it, and `[before, first,
 * last]` of each row that does not begin right after the one before. Follows an index; nothing is sorted.
 */
export function coverageStatement(
  seriesId: number,
  { first, last }: NumberRange,
  { cover, through }: { cover: Cover; through: number },
): Statement {
  return {
    text: `
SELECT min(first) AS first, max(last) AS last,
  coalesce(json_agg(json_build_array(before, first, last)) FILTER (WHERE before IS NOT NULL AND first <> before + 1), '[]') AS breaks
FROM (
  SELECT first, last, lag(last) OVER (ORDER BY last) AS before FROM facts
  WHERE series_id = $1 AND fresh AND last >= $2 AND last <= $3 AND first <= $4 AND sequence <= $5
) drawn`,
    values: [seriesId, first, cover.fresh, last, through],
  };
}

/** Everything that made numbers of a range void. */
export function voidsStatement(
  seriesId: number,
  range: NumberRange,
  { cover, through }: { cover: Cover; through: number },
): Statement {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const text = `
SELECT kind, reason, actor, first, last FROM facts
WHERE series_id = ${bind(seriesId)} AND sequence <= ${bind(through)}
  AND (kind IN ('void', 'raise') OR target = 'void')
  AND ${touches(range, cover, bind)}`;
  return { text, values };
}

/** The row of the first number drawn from a time on, or of the last one before a time. */
export function drawnAtStatement(
  seriesId: number,
  bound: { readonly from: number } | { readonly before: number },
  through: number,
): Statement {
  const from = 'from' in bound;
  const direction = from ? 'ASC' : 'DESC';
  const order = ['time', 'sequence', 'index', 'part'].map(column => `${column} ${direction}`).join(', ');
  return {
    text: `SELECT first, last FROM facts
      WHERE series_id = $1 AND fresh AND sequence <= $2 AND time ${from ? '>=' : '<'} $3::timestamptz
      ORDER BY ${order} LIMIT 1`,
    values: [seriesId, through, timestampOf(from ? bound.from : bound.before)],
  };
}

/** From the first to the last number of a range that a lost history speaks of. Such a history is short: it is read whole. */
export function lostNumbersStatement(
  seriesId: number,
  { first, last }: NumberRange,
  { fresh = false }: { readonly fresh?: boolean } = {},
): Statement {
  const drawn = fresh ? " AND fresh AND kind <> 'raise'" : '';
  return {
    text: `SELECT greatest(min(first), $2::bigint) AS first, least(max(last), $3::bigint) AS last FROM facts
      WHERE series_id = $1 AND last >= $2 AND first <= $3${drawn} HAVING count(*) > 0`,
    values: [seriesId, first, last],
  };
}
