import type { Pool, PoolClient } from 'pg';
import type { Digest } from '../../core/apply.ts';
import { decodeBatch } from '../../core/batch-codec.ts';
import type { SeriesId } from '../../core/identifiers.ts';
import type { JournalEntry } from '../../core/records.ts';
import type {
  AppendOutcome,
  HoleReason,
  LedgerBatch,
  LedgerPosition,
  LedgerStanding,
  RecoveryLedger,
} from '../../ports/ledger.ts';
import { translating } from './ledger-errors.ts';
import { documentHole } from './ledger-holes.ts';
import { LedgerIds } from './ledger-ids.ts';
import { PostgresLedger } from './postgres-ledger.ts';

/** The ledger in PostgreSQL with what a recovery needs besides. */
export class PostgresRecoveryLedger implements RecoveryLedger {
  private readonly ledger: PostgresLedger;
  private readonly pool: Pool;
  private readonly cluster: string;

  /** @param options as of {@link PostgresLedger}; the pool is closed with it */
  constructor(options: { readonly pool: Pool; readonly cluster: string; readonly digest: Digest }) {
    this.ledger = new PostgresLedger(options);
    this.pool = options.pool;
    this.cluster = options.cluster;
  }

  position(series: SeriesId): Promise<LedgerPosition> {
    return this.ledger.position(series);
  }

  append(series: SeriesId, entries: readonly JournalEntry[], epoch: number): Promise<AppendOutcome> {
    return this.ledger.append(series, entries, epoch);
  }

  standing(series: SeriesId): Promise<LedgerStanding> {
    return this.ledger.standing(series);
  }

  close(): Promise<void> {
    return this.ledger.close();
  }

  batches(series: SeriesId, first: number, limit: number): Promise<LedgerBatch[]> {
    return translating(async () => {
      const id = await this.idOf(series);
      const { rows } = await this.pool.query<LedgerBatch>(
        'SELECT sequence, body AS text FROM batches WHERE series_id = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3',
        [id, first, limit],
      );
      return rows;
    });
  }

  setEpoch(series: SeriesId, epoch: number): Promise<void> {
    return translating(async () => {
      await this.pool.query('UPDATE series SET epoch = $2 WHERE id = $1', [await this.idOf(series), epoch]);
    });
  }

  skipTo(series: SeriesId, { sequence, chain, next }: LedgerPosition, why: HoleReason): Promise<void> {
    return this.transaction(series, async (client, id) => {
      const { rows } = await client.query<{ sequence: number }>(
        'SELECT sequence FROM series WHERE id = $1 FOR UPDATE',
        [id],
      );
      const ended = rows[0]!.sequence;
      if (sequence <= ended) return;
      await client.query('UPDATE series SET sequence = $2, chain = $3, next = $4 WHERE id = $1', [
        id,
        sequence,
        chain,
        next,
      ]);
      await documentHole(client, id, { first: ended + 1, last: sequence }, why);
    });
  }

  detach(series: SeriesId, sequence: number, lost: { period: string; branch: string }): Promise<void> {
    return translating(async () => {
      const lostId = await this.idOf({ ...series, period: lost.period });
      await this.transaction(series, async (client, id) => {
        if (await moveBatches(client, { id, lostId, sequence }))
          await branchEvents(client, { id, lostId, sequence, name: lost.branch });
      });
    });
  }

  branch(series: SeriesId, sequence: number, name: string): Promise<void> {
    return this.transaction(series, async (client, id) => {
      await client.query(
        `INSERT INTO ledger_branches (series_id, after, name)
         SELECT $1::integer, $2::bigint, $3::text
         WHERE NOT EXISTS (SELECT FROM ledger_branches WHERE series_id = $1 AND after = $2)`,
        [id, sequence, name],
      );
    });
  }

  private transaction(
    series: SeriesId,
    work: (client: PoolClient, id: number) => Promise<void>,
  ): Promise<void> {
    return translating(async () => {
      const id = await this.idOf(series);
      const client = await this.pool.connect();
      let broken: Error | undefined;
      try {
        await client.query('BEGIN');
        await work(client, id);
        await client.query('COMMIT');
      } catch (error) {
        broken = error as Error;
        throw error;
      } finally {
        // A transaction left open ends with its connection.
        client.release(broken);
      }
    });
  }

  /** Its id, made when there is none. Nothing is remembered: the database may just have been restored. */
  private idOf(series: SeriesId): Promise<number> {
    return new LedgerIds(this.cluster).series(this.pool, series);
  }
}

/** Moves the end of a series to another one, and its position back to where that begins. @returns whether there was any */
async function moveBatches(
  client: PoolClient,
  { id, lostId, sequence }: { id: number; lostId: number; sequence: number },
): Promise<boolean> {
  // Nobody appends meanwhile.
  await client.query('SELECT FROM series WHERE id = ANY($1::int[]) ORDER BY id FOR UPDATE', [[id, lostId]]);
  const { rows: lost } = await client.query<{ body: string }>(
    'SELECT body FROM batches WHERE series_id = $1 AND sequence = $2',
    [id, sequence + 1],
  );
  if (lost[0] === undefined) return false;
  await client.query(
    `UPDATE series SET (sequence, chain, next, projected_at) =
       (SELECT sequence, chain, next, projected_at FROM series WHERE id = $1) WHERE id = $2`,
    [id, lostId],
  );
  for (const table of ['batches', 'facts'])
    await client.query(`UPDATE ${table} SET series_id = $2 WHERE series_id = $1 AND sequence > $3`, [
      id,
      lostId,
      sequence,
    ]);
  await client.query('UPDATE ledger_holes SET series_id = $2 WHERE series_id = $1 AND first > $3', [
    id,
    lostId,
    sequence,
  ]);
  const { previous, next } = decodeBatch(lost[0].body);
  await client.query('UPDATE series SET sequence = $2, chain = $3, next = $4 WHERE id = $1', [
    id,
    sequence,
    previous,
    next,
  ]);
  return true;
}

/**
 * Has every sink that was told of the lost history told of the one that follows in its place. Holds end first: who is delivering lost batches
 * must not move on as though they were the others. Dead letters stay with their batches.
 */
async function branchEvents(
  client: PoolClient,
  { id, lostId, sequence, name }: { id: number; lostId: number; sequence: number; name: string },
): Promise<void> {
  await client.query(
    `UPDATE event_sinks SET epoch = epoch + 1, holder = NULL, held_until = '-infinity'
     WHERE cluster = (SELECT cluster FROM series WHERE id = $1)`,
    [id],
  );
  await client.query(
    `UPDATE event_positions SET sequence = $2::bigint + 1, index = 0, moved_at = now(), since = coalesce(
       (SELECT max(time) FROM batches WHERE series_id = $1 AND sequence = $2), '-infinity')
     WHERE series_id = $1 AND sequence > $2`,
    [id, sequence],
  );
  await client.query('UPDATE event_dead_letters SET series_id = $2 WHERE series_id = $1 AND sequence > $3', [
    id,
    lostId,
    sequence,
  ]);
  await client.query(
    'INSERT INTO ledger_branches (series_id, after, name, lost_id) VALUES ($1, $2, $3, $4)',
    [id, sequence, name, lostId],
  );
}
