import type { Pool, PoolClient } from 'pg';
import { decodeBatch } from '../../core/batch-codec.ts';
import { mergeRanges, type NumberRange } from '../../core/ranges.ts';
import type { HoleReason, LedgerHole } from '../../ports/ledger.ts';
import { nextAfter } from '../ledger-rows.ts';

/**
 * Documents batches that a series' ledger will never have, in the caller's transaction. Again, it changes nothing.
 *
 * @param batches their sequences, inclusive
 */
export async function documentHole(
  client: PoolClient,
  seriesId: number,
  { first, last }: NumberRange,
  { reason, actor }: HoleReason,
): Promise<void> {
  await client.query(
    'INSERT INTO ledger_holes (series_id, first, last, reason, actor) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING',
    [seriesId, first, last, reason, actor],
  );
}

/** The first batch of a series after all documented holes, for a relation `s` of series; 1 without any. */
export const WHOLE_FROM = '(SELECT coalesce(max(last), 0) + 1 FROM ledger_holes WHERE series_id = s.id)';

/**
 * The numbers that were drawn from the counter in documented holes of a series, ascending; of a hole that drew none, the one before it
 * (`last` is then `first - 1`). Nothing of a hole whose neighbour is missing, too: no document says that.
 */
export async function readUnrecorded(client: PoolClient, seriesId: number): Promise<NumberRange[]> {
  // Of two that adjoin there is no batch between.
  const holes = mergeRanges(await readHoles(client, seriesId));
  // Where the counter stood before and after: of the batch before there is only the text, of the one after, if it has come, the column.
  const { rows } = await client.query<{ first: number; before: string | null; next: number | null }>(
    `SELECT h.first, b.body AS before, CASE WHEN s.sequence = h.last THEN s.next ELSE a.next END AS next
     FROM unnest($2::bigint[], $3::bigint[]) AS h (first, last) JOIN series s ON s.id = $1
     LEFT JOIN batches b ON b.series_id = s.id AND b.sequence = h.first - 1
     LEFT JOIN batches a ON a.series_id = s.id AND a.sequence = h.last + 1
     ORDER BY h.first`,
    [seriesId, holes.map(({ first }) => first), holes.map(({ last }) => last)],
  );
  return rows.flatMap(({ first, before, next }) => {
    if (next === null || (before === null && first > 1)) return [];
    return { first: before === null ? 1 : nextAfter(decodeBatch(before)), last: next - 1 };
  });
}

/** The documented holes of a series, ascending. */
export async function readHoles(client: Pool | PoolClient, seriesId: number): Promise<LedgerHole[]> {
  const { rows } = await client.query<Omit<LedgerHole, 'time'> & { time: Date }>(
    'SELECT first, last, reason, actor, documented_at AS time FROM ledger_holes WHERE series_id = $1 ORDER BY first',
    [seriesId],
  );
  return rows.map(row => ({ ...row, time: row.time.getTime() }));
}
