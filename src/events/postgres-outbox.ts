import type { Pool } from 'pg';
import { columnText } from '../ledger/ledger-rows.ts';
import { translating } from '../ledger/postgres/ledger-errors.ts';
import type {
  DeadLetter,
  EventOutbox,
  EventPosition,
  HoldRequest,
  OutboxHold,
  RequestedLetter,
  SeriesBacklog,
  StoredBatch,
} from '../ports/event-outbox.ts';

/** What the ids of a batch's events end in. */
const BRANCH = `(SELECT r.name FROM ledger_branches r WHERE r.series_id = b.series_id AND r.after < b.sequence
                 ORDER BY r.id DESC LIMIT 1) AS branch`;

/** One read: so many batches, or fewer when they are long. */
const READ_BATCHES_MAX = 64;
const READ_BYTES_MAX = 4 * 1024 * 1024;
const SERIES_MAX = 1_000;

/**
 * The outbox in the ledger's database: tables of `migrations/002_event_sinks.sql` and `003_ledger_holes.sql` beside the batches themselves.
 *
 * The hold is a row with a deadline by the server's own clock. It needs no session, so a node that froze, or whose connection
 * nobody has noticed to be gone, holds up nobody for longer than the lease, and connection poolers do no harm.
 */
export class PostgresOutbox implements EventOutbox {
  private readonly pool: Pool;
  private readonly cluster: string;

  /** @param pool of `createLedgerPool`; closed by the caller */
  constructor(pool: Pool, cluster: string) {
    this.pool = pool;
    this.cluster = cluster;
  }

  take({ sink, holder, leaseMs, from }: HoldRequest): Promise<OutboxHold | undefined> {
    return translating(async () => {
      const acquire = async (): Promise<OutboxHold | undefined> => {
        const { rows } = await this.pool.query<OutboxHold>(
          `UPDATE event_sinks SET holder = $3, epoch = epoch + 1, held_until = now() + $4 * interval '1 ms'
           WHERE cluster = $1 AND name = $2 AND (held_until < now() OR holder = $3)
           RETURNING id AS "sinkId", epoch`,
          [this.cluster, sink, holder, leaseMs],
        );
        return rows[0];
      };
      return (await acquire()) ?? ((await this.register(sink, from)) ? acquire() : undefined);
    });
  }

  keep({ sinkId, epoch }: OutboxHold, leaseMs: number, problem: string | null): Promise<boolean> {
    return translating(async () => {
      const { rowCount } = await this.pool.query(
        `UPDATE event_sinks SET held_until = now() + $3 * interval '1 ms', problem = $4 WHERE id = $1 AND epoch = $2`,
        [sinkId, epoch, leaseMs, columnText(problem ?? undefined)],
      );
      return rowCount === 1;
    });
  }

  giveUp({ sinkId, epoch }: OutboxHold): Promise<void> {
    return translating(async () => {
      await this.pool.query(
        "UPDATE event_sinks SET holder = NULL, held_until = '-infinity' WHERE id = $1 AND epoch = $2",
        [sinkId, epoch],
      );
    });
  }

  backlog({ sinkId }: OutboxHold): Promise<readonly SeriesBacklog[]> {
    return translating(async () => {
      const { rows } = await this.pool.query<BacklogRow>(
        `SELECT s.id, s.tenant, s.series, s.period, s.sequence - coalesce(p.sequence, 1) + 1 AS batches,
                coalesce(p.sequence, 1) AS sequence, coalesce(p.index, 0) AS index, p.since, oldest.time AS oldest
         FROM series s
         LEFT JOIN event_positions p ON p.series_id = s.id AND p.sink_id = $2
         LEFT JOIN LATERAL (
           SELECT b.time FROM batches b
           WHERE s.sequence >= coalesce(p.sequence, 1) AND b.series_id = s.id AND b.sequence = coalesce(p.sequence, 1)
             AND b.time >= coalesce(p.since, '-infinity')
           LIMIT 1
         ) oldest ON true
         WHERE s.cluster = $1 AND NOT EXISTS (SELECT FROM ledger_branches r WHERE r.lost_id = s.id)
         ORDER BY s.sequence >= coalesce(p.sequence, 1) DESC, p.moved_at NULLS FIRST
         LIMIT $3`,
        [this.cluster, sinkId, SERIES_MAX],
      );
      return rows.map(backlogOf);
    });
  }

  read({ seriesId, position }: SeriesBacklog): Promise<readonly StoredBatch[]> {
    return translating(async () => {
      const { sequence, since } = position;
      const { rows } = await this.pool.query<StoredBatch>(
        `SELECT sequence, revision, body, branch FROM (
           SELECT b.sequence, b.revision, b.body, ${BRANCH}, sum(octet_length(b.body)) OVER (ORDER BY b.sequence) AS upto
           FROM batches b JOIN series s ON s.id = b.series_id
           WHERE b.series_id = $1 AND b.sequence >= $2 AND b.sequence < $2 + $3 AND b.sequence <= s.sequence AND b.time >= $4
         ) AS page
         WHERE upto <= $5 OR sequence = $2
         ORDER BY sequence`,
        [seriesId, sequence, READ_BATCHES_MAX, new Date(since), READ_BYTES_MAX],
      );
      // A hole in the ledger is not to be stepped over.
      const hole = rows.findIndex((row, i) => row.sequence !== sequence + i);
      return hole === -1 ? rows : rows.slice(0, hole);
    });
  }

  passHole({ sinkId, epoch }: OutboxHold, { seriesId, position }: SeriesBacklog): Promise<boolean> {
    return translating(async () => {
      const { rowCount } = await this.pool.query(
        `INSERT INTO event_positions AS p (sink_id, series_id, sequence, index, since)
         SELECT e.id, h.series_id, h.last + 1, 0, $5::timestamptz
         FROM event_sinks e, ledger_holes h
         WHERE e.id = $1 AND e.epoch = $2 AND h.series_id = $3 AND $4 BETWEEN h.first AND h.last
         ON CONFLICT (sink_id, series_id) DO UPDATE
           SET sequence = excluded.sequence, index = 0, moved_at = now() WHERE p.sequence = $4`,
        [sinkId, epoch, seriesId, position.sequence, new Date(position.since)],
      );
      return rowCount === 1;
    });
  }

  advance(
    { sinkId, epoch }: OutboxHold,
    seriesId: number,
    { from, to, dead }: { from: EventPosition; to: EventPosition; dead: readonly DeadLetter[] },
  ): Promise<boolean> {
    return translating(async () => {
      // One statement, so one transaction. A position that is not there yet stands at the first fact.
      const { rows } = await this.pool.query<{ moved: number }>(
        `WITH moved AS (
           INSERT INTO event_positions AS p (sink_id, series_id, sequence, index, since)
           SELECT id, $3::integer, $6::bigint, $7::integer, $8::timestamptz FROM event_sinks
           WHERE id = $1 AND epoch = $2 AND (($4::bigint = 1 AND $5::integer = 0) OR EXISTS (
             SELECT FROM event_positions WHERE sink_id = $1 AND series_id = $3))
           -- Waits for a recovery under way, which ends the hold before it moves positions.
           FOR SHARE
           ON CONFLICT (sink_id, series_id) DO UPDATE
             SET sequence = excluded.sequence, index = excluded.index, since = excluded.since, moved_at = now()
             WHERE p.sequence = $4 AND p.index = $5
           RETURNING 1
         ), buried AS (
           INSERT INTO event_dead_letters (sink_id, series_id, sequence, index, time, kind, reason, attempts)
           SELECT $1, $3::integer, d.sequence, d.index, d.time, d.kind, d.reason, d.attempts
           FROM moved, jsonb_to_recordset($9::jsonb)
             AS d(sequence bigint, index integer, time timestamptz, kind text, reason text, attempts integer)
           ON CONFLICT DO NOTHING
         )
         SELECT count(*) AS moved FROM moved`,
        [
          sinkId,
          epoch,
          seriesId,
          from.sequence,
          from.index,
          to.sequence,
          to.index,
          new Date(to.since),
          JSON.stringify(dead.map(deadLetterRow)),
        ],
      );
      return rows[0]?.moved === 1;
    });
  }

  requested({ sinkId }: OutboxHold, countMax: number): Promise<readonly RequestedLetter[]> {
    return translating(async () => {
      const { rows } = await this.pool.query<RequestedRow>(
        `SELECT d.id, s.tenant, s.series, s.period, d.sequence, d.index, b.revision, b.body, ${BRANCH}
         FROM event_dead_letters d
         JOIN series s ON s.id = d.series_id
         LEFT JOIN batches b ON b.series_id = d.series_id AND b.sequence = d.sequence AND b.time = d.time
         WHERE d.sink_id = $1 AND d.requested_at IS NOT NULL
         ORDER BY d.id LIMIT $2`,
        [sinkId, countMax],
      );
      return rows.map(({ id, tenant, series, period, sequence, index, revision, body, branch }) => ({
        id,
        series: { tenant, series, period },
        index,
        batch: revision === null || body === null ? undefined : { sequence, revision, body, branch },
      }));
    });
  }

  settle({ sinkId }: OutboxHold, id: number, refusal: string | undefined): Promise<void> {
    return translating(async () => {
      if (refusal === undefined) {
        await this.pool.query('DELETE FROM event_dead_letters WHERE id = $1 AND sink_id = $2', [id, sinkId]);
        return;
      }
      await this.pool.query(
        `UPDATE event_dead_letters SET requested_at = NULL, attempts = attempts + 1, reason = $3
         WHERE id = $1 AND sink_id = $2`,
        [id, sinkId, columnText(refusal)],
      );
    });
  }

  /** @returns whether it was not there before */
  private async register(sink: string, from: HoldRequest['from']): Promise<boolean> {
    const { rows } = await this.pool.query<{ made: number }>(
      `WITH made AS (
         INSERT INTO event_sinks (cluster, name) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id
       ), placed AS (
         INSERT INTO event_positions (sink_id, series_id, sequence, index, since)
         SELECT made.id, s.id, s.sequence + 1, 0, '-infinity'::timestamptz FROM made, series s WHERE s.cluster = $1 AND $3 = 'end'
       )
       SELECT count(*) AS made FROM made`,
      [this.cluster, sink, from],
    );
    return rows[0]?.made === 1;
  }
}

interface BacklogRow {
  readonly id: number;
  readonly tenant: string;
  readonly series: string;
  readonly period: string;
  readonly batches: number;
  readonly sequence: number;
  readonly index: number;
  /** The driver's word for `-infinity` is a number. */
  readonly since: Date | number | null;
  readonly oldest: Date | null;
}

interface RequestedRow {
  readonly id: number;
  readonly tenant: string;
  readonly series: string;
  readonly period: string;
  readonly sequence: number;
  readonly index: number;
  readonly revision: number | null;
  readonly body: string | null;
  readonly branch: string | null;
}

function backlogOf(row: BacklogRow): SeriesBacklog {
  const { id, tenant, series, period, batches, sequence, index, since, oldest } = row;
  return {
    seriesId: id,
    series: { tenant, series, period },
    position: { sequence, index, since: since instanceof Date ? since.getTime() : 0 },
    batches,
    oldest: oldest?.getTime(),
  };
}

function deadLetterRow({ position, time, kind, reason, attempts }: DeadLetter): object {
  return { ...position, time: new Date(time).toISOString(), kind, reason: columnText(reason), attempts };
}
