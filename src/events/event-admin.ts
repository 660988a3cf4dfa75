import type { Pool } from 'pg';
import { type EventKind, eventId } from '../core/document-event.ts';
import { formatAllocationId } from '../core/identifiers.ts';
import { translating } from '../ledger/postgres/ledger-errors.ts';

/** How a sink stands in one series. */
export interface SinkStatus {
  readonly sink: string;
  /** The node process that delivers; null while none does. */
  readonly holder: string | null;
  /** Why the last attempt came to nothing. */
  readonly problem: string | null;
  readonly series: string | null;
  /** The fact it is to be told of next, such as `4711-0`; null without a series. */
  readonly next: string | null;
  /** Batches not wholly delivered. */
  readonly lag: number;
  /** Time of the oldest of them. */
  readonly oldestAt: string | null;
  /** Dead letters in this series. */
  readonly deadLetters: number;
}

/** A dead letter, to be shown. */
export interface DeadLetterStatus {
  readonly id: number;
  readonly sink: string;
  readonly event: string;
  readonly kind: EventKind;
  readonly reason: string;
  readonly attempts: number;
  readonly diedAt: string;
  /** Since when it waits to be delivered again. */
  readonly requestedAt: string | null;
}

/** How the sinks of a cluster stand, by name and series; those that are configured no more, too. @throws SeqdError `ledger_unavailable` */
export function readSinks(pool: Pool, cluster: string): Promise<readonly SinkStatus[]> {
  return translating(async () => {
    const { rows } = await pool.query<SinkRow>(
      `SELECT e.name AS sink, CASE WHEN e.held_until > now() THEN e.holder END AS holder, e.problem,
              s.tenant || '/' || s.series || '/' || s.period AS name,
              coalesce(p.sequence, 1) AS sequence, coalesce(p.index, 0) AS index,
              greatest(s.sequence - coalesce(p.sequence, 1) + 1, 0) AS lag, oldest.time AS oldest,
              (SELECT count(*) FROM event_dead_letters d WHERE d.sink_id = e.id AND d.series_id = s.id) AS dead
       FROM event_sinks e
       LEFT JOIN series s ON s.cluster = e.cluster AND NOT EXISTS (SELECT FROM ledger_branches r WHERE r.lost_id = s.id)
       LEFT JOIN event_positions p ON p.sink_id = e.id AND p.series_id = s.id
       LEFT JOIN LATERAL (
         SELECT b.time FROM batches b
         WHERE b.series_id = s.id AND b.sequence = coalesce(p.sequence, 1) AND b.time >= coalesce(p.since, '-infinity')
         LIMIT 1
       ) oldest ON true
       WHERE e.cluster = $1
       ORDER BY e.name, name`,
      [cluster],
    );
    return rows.map(({ sink, holder, problem, name, sequence, index, lag, oldest, dead }) => ({
      sink,
      holder,
      problem,
      series: name,
      next: name === null ? null : formatAllocationId({ sequence, index }),
      lag: lag ?? 0,
      oldestAt: oldest?.toISOString() ?? null,
      deadLetters: dead,
    }));
  });
}

/** Dead letters, the oldest first. @throws SeqdError `ledger_unavailable` */
export function readDeadLetters(
  pool: Pool,
  cluster: string,
  { sink, countMax }: { sink: string | undefined; countMax: number },
): Promise<readonly DeadLetterStatus[]> {
  return translating(async () => {
    const { rows } = await pool.query<DeadLetterRow>(
      `SELECT d.id, e.name AS sink, s.tenant, s.series, s.period, d.sequence, d.index, d.kind, d.reason, d.attempts,
              d.died_at, d.requested_at,
              (SELECT r.name FROM ledger_branches r WHERE r.series_id = d.series_id AND r.after < d.sequence
               ORDER BY r.id DESC LIMIT 1) AS branch
       FROM event_dead_letters d
       JOIN event_sinks e ON e.id = d.sink_id
       JOIN series s ON s.id = d.series_id
       WHERE e.cluster = $1 AND ($2::text IS NULL OR e.name = $2)
       ORDER BY d.id LIMIT $3`,
      [cluster, sink ?? null, countMax],
    );
    return rows.map(
      ({ tenant, series, period, sequence, index, branch, died_at, requested_at, ...rest }) => ({
        ...rest,
        event: eventId(cluster, { tenant, series, period }, { sequence, index, branch }),
        diedAt: died_at.toISOString(),
        requestedAt: requested_at?.toISOString() ?? null,
      }),
    );
  });
}

/**
 * Has dead letters delivered again by whichever node delivers to their sink. Asking again changes nothing.
 *
 * @param which one by its id, or all of a sink
 * @returns how many there are
 * @throws SeqdError `ledger_unavailable`
 */
export function requestRedelivery(
  pool: Pool,
  cluster: string,
  which: { readonly id: number } | { readonly sink: string },
): Promise<number> {
  return translating(async () => {
    const [column, value] = 'id' in which ? ['d.id', which.id] : ['e.name', which.sink];
    const { rowCount } = await pool.query(
      `UPDATE event_dead_letters d SET requested_at = coalesce(d.requested_at, now())
       FROM event_sinks e WHERE e.id = d.sink_id AND e.cluster = $1 AND ${column} = $2`,
      [cluster, value],
    );
    return rowCount ?? 0;
  });
}

interface SinkRow {
  readonly sink: string;
  readonly holder: string | null;
  readonly problem: string | null;
  readonly name: string | null;
  readonly sequence: number;
  readonly index: number;
  readonly lag: number | null;
  readonly oldest: Date | null;
  readonly dead: number;
}

interface DeadLetterRow {
  readonly id: number;
  readonly sink: string;
  readonly tenant: string;
  readonly series: string;
  readonly period: string;
  readonly sequence: number;
  readonly index: number;
  readonly kind: EventKind;
  readonly reason: string;
  readonly attempts: number;
  readonly died_at: Date;
  readonly requested_at: Date | null;
  readonly branch: string | null;
}
