import type { Pool, PoolClient } from 'pg';
import { decodeBatch } from '../../core/batch-codec.ts';
import type { NumberRange } from '../../core/ranges.ts';
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

/** The numbers that were drawn from the counter in documented holes of a series. */
export async function readUnrecorded(client: PoolClient, seriesId: number): Promise<NumberRange[]> {
  // Where the counter stood before and after: of the batch before there is only the text, of the one after, if it has come, the column.
  const { rows } = await client.query<{ before: string | null; next: number }>(
    `SELECT b.body AS before, coalesce(a.next, s.next) AS next
     FROM ledger_holes h JOIN series s ON s.id = h.series_id
     LEFT JOIN batches b ON b.series_id = h.series_id AND b.sequence = h.first - 1
     LEFT JOIN batches a ON a.series_id = h.series_id AND a.sequence = h.last + 1
     WHERE h.series_id = $1 ORDER BY h.first`,
    [seriesId],
  );
  return rows
    .map(({ before, next }) => ({
      first: before === null ? 1 : nextAfter(decodeBatch(before)),
      last: next - 1,
    }))
    .filter(({ first, last }) => first <= last);
}

/** The documented holes of a series, ascending. */
export async function readHoles(client: Pool | PoolClient, seriesId: number): Promise<LedgerHole[]> {
  const { rows } = await client.query<Omit<LedgerHole, 'time'> & { time: Date }>(
    'SELECT first, last, reason, actor, documented_at AS time FROM ledger_holes WHERE series_id = $1 ORDER BY first',
    [seriesId],
  );
  return rows.map(row => ({ ...row, time: row.time.getTime() }));
}
