import pg from 'pg';
import type { SeriesId } from '../../core/identifiers.ts';
import type { LedgerHole, LedgerPosition } from '../../ports/ledger.ts';
import {
  type LedgerChunk,
  type LedgerMoment,
  type LedgerScan,
  ORPHANS_SHOWN_MAX,
  type OrphanRows,
  type ScanLimits,
} from '../../ports/ledger-scan.ts';
import type { BatchRow, FactRow } from '../../ports/ledger-rows.ts';
import { translating } from './ledger-errors.ts';
import { readHoles } from './ledger-holes.ts';

/** Reads the ledger's tables as they are, for whoever checks them. */
export class PostgresLedgerScan implements LedgerScan {
  private readonly pool: pg.Pool;
  private readonly cluster: string;
  private closing: Promise<void> | undefined;

  /** @param options.pool of `createLedgerPool`; closed with the scan */
  constructor({ pool, cluster }: { readonly pool: pg.Pool; readonly cluster: string }) {
    this.pool = pool;
    this.cluster = cluster;
  }

  async at<T>(series: SeriesId, work: (moment: LedgerMoment) => Promise<T>): Promise<T> {
    const client = await translating(() => this.pool.connect());
    let ended = false;
    try {
      const moment = await translating(() => this.begin(client, series));
      const result = await work(moment);
      await translating(() => client.query('COMMIT'));
      ended = true;
      return result;
    } finally {
      // A connection with an open transaction is closed, not handed to somebody else.
      client.release(ended ? undefined : new Error('the scan has stopped'));
    }
  }

  async close(): Promise<void> {
    this.closing ??= this.pool.end();
    await this.closing;
  }

  private async begin(client: pg.PoolClient, { tenant, series, period }: SeriesId): Promise<LedgerMoment> {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    // Times are read as texts, exactly. Chunks are found by the primary keys whatever the planner knows of the tables yet; a plan for
    // the values at hand would be made again for every chunk.
    await client.query(
      "SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; " +
        'SET LOCAL plan_cache_mode = force_generic_plan',
    );
    const { rows } = await client.query<LedgerPosition & { id: number }>({
      text: `SELECT id, sequence, chain, next FROM series WHERE cluster = $1 AND tenant = $2 AND series = $3 AND period = $4`,
      values: [this.cluster, tenant, series, period],
      types,
    });
    const [row] = rows;
    return new PostgresMoment(client, row, row === undefined ? [] : await readHoles(client, row.id));
  }
}

const NO_ORPHANS: OrphanRows = { count: 0, rows: [] };
const NOTHING: LedgerChunk = { batches: [], facts: [], orphans: NO_ORPHANS };

/** Batches of any series have sequences from 1 to this. */
const SEQUENCE_MAX = Number.MAX_SAFE_INTEGER;

const FACTS = `f.sequence, f.index, f.part, f.time, f.kind, f.facts, f.first, f.last, f.fresh, f.target, f.owner_id,
  f.allocation_sequence, f.allocation_index, f.deadline, f.client, f.trace, f.reference, f.key, f.reason, f.actor,
  o.site, o.partition, o.type`;

type Nullable<Row> = { [Column in keyof Row]: Row[Column] | null };

/** As it comes from PostgreSQL. */
interface StoredFact extends Omit<FactRow, 'owner' | 'allocation'> {
  readonly owner_id: number | null;
  readonly allocation_sequence: number | null;
  readonly allocation_index: number | null;
  readonly site: string | null;
  readonly partition: string | null;
  readonly type: string | null;
}

class PostgresMoment implements LedgerMoment {
  readonly checkpoint: LedgerPosition | undefined;
  readonly holes: readonly LedgerHole[];
  private readonly client: pg.PoolClient;
  private readonly id: number | undefined;

  constructor(
    client: pg.PoolClient,
    row: (LedgerPosition & { id: number }) | undefined,
    holes: readonly LedgerHole[],
  ) {
    this.client = client;
    this.holes = holes;
    this.id = row?.id;
    this.checkpoint =
      row === undefined ? undefined : { sequence: row.sequence, chain: row.chain, next: row.next };
  }

  after(sequence: number, limits: ScanLimits): Promise<LedgerChunk> {
    const { id } = this;
    if (id === undefined) return Promise.resolve(NOTHING);
    return translating(async () => {
      const run = await this.nextRun(id, sequence, limits);
      if (run === undefined)
        return { ...NOTHING, orphans: await this.orphans(id, sequence, SEQUENCE_MAX + 1) };
      const { first, last } = run;
      const batches = await this.rows<BatchRow>(
        'verify batches',
        `SELECT sequence, time, revision, node, next, chain, facts, body FROM batches
         WHERE series_id = $1 AND sequence >= $2 AND sequence <= $3 ORDER BY sequence, time`,
        [id, first, last],
      );
      const facts = await this.rows<StoredFact>(
        'verify facts',
        `SELECT ${FACTS} FROM facts f LEFT JOIN owners o ON o.id = f.owner_id
         WHERE f.series_id = $1 AND f.sequence >= $2 AND f.sequence <= $3 ORDER BY f.sequence, f.index, f.part, f.time`,
        [id, first, last],
      );
      const orphans = first === sequence + 1 ? NO_ORPHANS : await this.orphans(id, sequence, first);
      return { batches, facts: facts.map(toFactRow), orphans };
    });
  }

  strays(): Promise<string[]> {
    return translating(async () => {
      const strays: string[] = [];
      const found = await this.rows<{ table: string; series_id: number; sequence: string }>(
        'verify strays',
        `(SELECT 'batches' AS table, series_id, sequence::text FROM batches
            WHERE series_id = $1 AND (sequence < 1 OR sequence > $2) LIMIT 10)
         UNION ALL (SELECT 'facts', series_id, sequence::text FROM facts
            WHERE series_id = $1 AND (sequence < 1 OR sequence > $2) LIMIT 10)`,
        [this.id ?? 0, SEQUENCE_MAX],
      );
      for (const { table, sequence } of found)
        strays.push(`${table}: there is a row of batch ${sequence}, which no batch can be`);
      // By the index: between the ids of the series that there are. Only `facts` has no foreign key.
      const ownerless = await this.rows<{ series_id: number; sequence: string; index: number }>(
        'verify ownerless',
        `SELECT f.* FROM (
           SELECT id AS after, lead(id) OVER (ORDER BY id) AS before FROM series
           UNION ALL SELECT -2147483648, (SELECT min(id) FROM series)
         ) gap CROSS JOIN LATERAL (
           SELECT series_id, sequence::text, index FROM facts
           WHERE series_id > gap.after AND series_id < coalesce(gap.before, 2147483648)
           ORDER BY series_id, sequence, index LIMIT 10
         ) f LIMIT 10`,
        [],
      );
      for (const { series_id: id, sequence, index } of ownerless)
        strays.push(
          `facts: the row of batch ${sequence}, index ${index} belongs to series ${id}, which is not there`,
        );
      return strays;
    });
  }

  /** The next batches without a hole, as many as the limits allow. */
  private async nextRun(
    id: number,
    after: number,
    { batchesMax, bytesMax }: ScanLimits,
  ): Promise<{ first: number; last: number } | undefined> {
    const keys = await this.rows<{ sequence: number; bytes: number }>(
      'verify keys',
      `SELECT sequence, octet_length(body) AS bytes FROM batches
       WHERE series_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence, time LIMIT $4`,
      [id, after, SEQUENCE_MAX, batchesMax],
    );
    const [start] = keys;
    if (start === undefined) return undefined;
    let last = start.sequence;
    let bytes = 0;
    for (const key of keys) {
      bytes += key.bytes;
      if (key.sequence > last && (key.sequence !== last + 1 || bytes > bytesMax)) break;
      last = key.sequence;
    }
    return { first: start.sequence, last };
  }

  /** Rows of facts between two batches, neither of which is meant. */
  private async orphans(id: number, after: number, before: number): Promise<OrphanRows> {
    const rows = await this.rows<StoredFact & { total: number }>(
      'verify orphans',
      `SELECT ${FACTS}, count(*) OVER () AS total FROM facts f LEFT JOIN owners o ON o.id = f.owner_id
       WHERE f.series_id = $1 AND f.sequence > $2 AND f.sequence < $3 ORDER BY f.sequence, f.index, f.part, f.time LIMIT $4`,
      [id, after, before, ORPHANS_SHOWN_MAX],
    );
    return { count: rows[0]?.total ?? 0, rows: rows.map(toFactRow) };
  }

  private async rows<Row>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    const { rows } = await this.client.query<Row & pg.QueryResultRow>({ name, text, values, types });
    return rows;
  }
}

/** The columns as they are; an owner that is not there is nobody's name. */
function toFactRow(row: Nullable<StoredFact>): FactRow {
  const { sequence, index, part, time, kind, facts, first, last, fresh, target, deadline } =
    row as StoredFact;
  const { client, trace, reference, key, reason, actor } = row;
  const { owner_id: owner, site, partition, type, allocation_sequence: at, allocation_index: place } = row;
  return {
    sequence,
    index,
    part,
    time,
    kind,
    facts,
    first,
    last,
    fresh,
    owner: owner === null ? null : { site: site ?? '', partition: partition ?? '', type: type ?? '' },
    target,
    allocation: at === null && place === null ? null : { sequence: at ?? 0, index: place ?? -1 },
    deadline,
    client,
    trace,
    reference,
    key,
    reason,
    actor,
  };
}

// Whatever somebody may have written, too: a number above 2^53 is rounded, and so is none that seqd writes; times keep what is
// less than a millisecond.
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);
types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, parseTime);

const TIME = /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(\.\d+)?\+00$/;

/** Unix milliseconds, with a fraction where there is one; NaN for what no time of seqd's can be. */
function parseTime(text: string): number {
  const match = TIME.exec(text);
  if (match === null) return Number.NaN;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  at.setUTCHours(hour, minute, second);
  const fraction = match[7] ?? '.0';
  return (
    at.getTime() +
    (fraction.length <= 4 ? Number(fraction.slice(1).padEnd(3, '0')) : Number(fraction) * 1_000)
  );
}
