import type { Pool, PoolClient } from 'pg';
import type { NumberRange } from '../../core/ranges.ts';
import type { HoleReason, LedgerHole } from '../../ports/ledger.ts';

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

/** The documented holes of a series, ascending. */
export async function readHoles(client: Pool | PoolClient, seriesId: number): Promise<LedgerHole[]> {
  const { rows } = await client.query<Omit<LedgerHole, 'time'> & { time: Date }>(
    'SELECT first, last, reason, actor, documented_at AS time FROM ledger_holes WHERE series_id = $1 ORDER BY first',
    [seriesId],
  );
  return rows.map(row => ({ ...row, time: row.time.getTime() }));
}
