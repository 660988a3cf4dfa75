import type { Pool, PoolClient } from 'pg';
import type { Owner, Position, SeriesId } from '../../core/identifiers.ts';
import type { NumberRange } from '../../core/ranges.ts';
import type {
  AuditFilter,
  AuditOrder,
  CoverageBreak,
  FactPlace,
  FactsRead,
  LedgerFact,
  LedgerReader,
  LostHistory,
  Patience,
  RangeEvidence,
  VoidRow,
} from '../../ports/ledger-reader.ts';
import { columnText } from '../ledger-rows.ts';
import { type Queryable, untilAborted } from './borrowed-connection.ts';
import { type AuditScope, auditStatement, type Cover, coverStatement } from './audit-query.ts';
import { type StoredFact, toLedgerFact } from './fact-rows.ts';
import { translating } from './ledger-errors.ts';
import { readUnrecorded, WHOLE_FROM } from './ledger-holes.ts';
import { LedgerIds } from './ledger-ids.ts';
import { numberLifeStatement } from './number-life.ts';
import { readInChunks } from './read-cursor.ts';
import {
  coverageStatement,
  drawnAtStatement,
  lostNumbersStatement,
  voidsStatement,
} from './report-queries.ts';
import type { Statement } from './statement.ts';

/** Rows fetched at a time; a few hundred kilobytes. */
const CHUNK = 1_000;

const NOTHING: FactsRead = { position: 0, wholeFrom: 1, facts: [] };

type Nullable<T> = { readonly [K in keyof T]: T[K] | null };

interface StoredCoverage {
  readonly first: number | null;
  readonly last: number | null;
  readonly breaks: readonly (readonly [number, number, number])[];
}

/** Searches the ledger's tables. */
export class PostgresLedgerReader implements LedgerReader {
  private readonly pool: Pool;
  private readonly ids: LedgerIds;
  private closing: Promise<void> | undefined;

  /** @param options.pool of `createReaderPool`; closed with the reader */
  constructor({ pool, cluster }: { readonly pool: Pool; readonly cluster: string }) {
    this.pool = pool;
    this.ids = new LedgerIds(cluster);
  }

  position(series: SeriesId, { signal }: Patience = {}): Promise<number> {
    const questions = untilAborted(this.pool, signal);
    return this.within(questions, series, 0, async id => (await reachOf(questions, id))?.position);
  }

  factsOf(
    series: SeriesId,
    number: number,
    options: { through: number; after?: Position | undefined; limit: number } & Patience,
  ): Promise<FactsRead> {
    const questions = untilAborted(this.pool, options.signal);
    return this.within(questions, series, NOTHING, async id => {
      const { rows } = await questions.query<StoredFact & { position: number; whole_from: number }>(
        numberLifeStatement(id, number, options),
      );
      if (rows[0] === undefined) return undefined;
      // Without any fact there is one row, of the position alone.
      const found = rows.filter(({ sequence }) => (sequence as number | null) !== null);
      const { position, whole_from: wholeFrom } = rows[0];
      return { position, wholeFrom, facts: found.map(toLedgerFact) };
    });
  }

  facts(
    series: SeriesId,
    filter: AuditFilter,
    {
      through,
      order,
      from,
      limit,
      signal,
    }: { through: number; order: AuditOrder; from?: FactPlace | undefined; limit: number } & Patience,
  ): Promise<FactsRead> {
    return this.within(untilAborted(this.pool, signal), series, NOTHING, async id => {
      let reach: Reach | undefined;
      const open = async (client: PoolClient): Promise<Statement | undefined> => {
        reach = await reachOf(client, id);
        if (reach === undefined) return undefined;
        const scope = await this.scopeOf(client, id, filter, Math.min(through, reach.position));
        return auditStatement(filter, { ...scope, order, from, limit });
      };
      const facts: LedgerFact[] = [];
      for await (const rows of readInChunks<StoredFact>(this.pool, open, { chunk: limit + 1, signal }))
        facts.push(...rows.map(toLedgerFact));
      return reach === undefined ? undefined : { ...reach, facts };
    });
  }

  async *stream(
    series: SeriesId,
    filter: AuditFilter,
    { through, signal }: { through: number } & Patience,
  ): AsyncGenerator<FactsRead> {
    const id = await this.ids.findSeries(untilAborted(this.pool, signal), series);
    let reach: Reach = { position: 0, wholeFrom: 1 };
    const open = async (client: PoolClient): Promise<Statement | undefined> => {
      if (id === undefined) return undefined;
      reach = (await reachOf(client, id)) ?? reach;
      if (reach.position === 0) return undefined;
      const scope = await this.scopeOf(client, id, filter, Math.min(through, reach.position));
      return auditStatement(filter, { ...scope, order: 'asc' });
    };
    let first = true;
    for await (const rows of readInChunks<StoredFact>(this.pool, open, { chunk: CHUNK, signal })) {
      first = false;
      yield { ...reach, facts: rows.map(toLedgerFact) };
    }
    if (first) yield { ...reach, facts: [] };
  }

  drawnBetween(
    series: SeriesId,
    { from, to }: { from?: number | undefined; to?: number | undefined },
    through: number,
  ): Promise<{ position: number; numbers: NumberRange | null }> {
    const nothing = { position: 0, numbers: null };
    return this.within(this.pool, series, nothing, async id => {
      const reach = await reachOf(this.pool, id);
      if (reach === undefined) return undefined;
      const { position } = reach;
      const until = Math.min(through, position);
      const [first, last] = await Promise.all([
        this.pool.query<NumberRange>(drawnAtStatement(id, { from: from ?? 0 }, until)),
        this.pool.query<NumberRange>(drawnAtStatement(id, { before: to ?? Number.POSITIVE_INFINITY }, until)),
      ]);
      const [begin, end] = [first.rows[0]?.first, last.rows[0]?.last];
      const none = begin === undefined || end === undefined || begin > end;
      return { position, numbers: none ? null : { first: begin, last: end } };
    });
  }

  evidence(
    series: SeriesId,
    range: NumberRange,
    { through, signal }: { through: number } & Patience,
  ): Promise<RangeEvidence> {
    const nothing = { position: 0, chain: null, coverage: { covered: null, breaks: [] }, unrecorded: [] };
    return this.within(untilAborted(this.pool, signal), series, nothing, async id => {
      let position: number | undefined;
      let chain: string | null = null;
      let unrecorded: readonly NumberRange[] = [];
      const open = async (client: PoolClient): Promise<Statement | undefined> => {
        position = (await reachOf(client, id))?.position;
        if (position === undefined) return undefined;
        unrecorded = await readUnrecorded(client, id);
        const until = Math.min(through, position);
        // A ledger that ends with a documented hole has no batch there, but knows what the next one is to continue.
        const { rows } = await client.query<{ chain: string }>(
          `SELECT chain FROM batches WHERE series_id = $1 AND sequence = $2
           UNION ALL
           SELECT chain FROM series s JOIN ledger_holes h ON h.series_id = s.id AND h.last = s.sequence
           WHERE s.id = $1 AND s.sequence = $2`,
          [id, until],
        );
        chain = rows[0]?.chain ?? null;
        return coverageStatement(id, range, { cover: await coverOf(client, id, range.last), through: until });
      };
      const found: StoredCoverage[] = [];
      // Through a cursor, so that it ends with whoever asked.
      for await (const rows of readInChunks<StoredCoverage>(this.pool, open, { chunk: 2, signal }))
        found.push(...rows);
      if (position === undefined || found[0] === undefined) return undefined;
      const { first, last, breaks } = found[0];
      return {
        position,
        chain,
        coverage: {
          covered: first === null ? null : { first, last: last! },
          breaks: breaks.map(([before, first, last]): CoverageBreak => ({ before, first, last })),
        },
        unrecorded,
      };
    });
  }

  async *voids(
    series: SeriesId,
    range: NumberRange,
    { through, signal }: { through: number } & Patience,
  ): AsyncGenerator<readonly VoidRow[]> {
    const id = await this.ids.findSeries(untilAborted(this.pool, signal), series);
    if (id === undefined) return;
    const open = async (client: PoolClient): Promise<Statement> =>
      voidsStatement(id, range, { cover: await coverOf(client, id, range.last), through });
    yield* readInChunks<VoidRow & Record<string, unknown>>(this.pool, open, { chunk: CHUNK, signal });
  }

  lostHistories(series: SeriesId, range: NumberRange): Promise<readonly LostHistory[]> {
    return translating(async () => {
      const lost = await this.ids.lostSeries(this.pool, series);
      if (lost.length === 0) return [];
      const id = await this.ids.findSeries(this.pool, series);
      return await Promise.all(lost.map(one => this.lostHistory(id, one, range)));
    });
  }

  async owners({ signal }: Patience = {}): Promise<readonly Owner[]> {
    const { rows } = await untilAborted(this.pool, signal).query<Owner>(
      'SELECT site, partition, type FROM owners ORDER BY site, partition, type',
    );
    return rows;
  }

  async close(): Promise<void> {
    this.closing ??= this.pool.end();
    await this.closing;
  }

  /** @param id of the series that it was lost from */
  private async lostHistory(
    id: number | undefined,
    lost: { readonly id: number; readonly period: string },
    range: NumberRange,
  ): Promise<LostHistory> {
    const [batches, touched, drawn] = await Promise.all([
      this.pool.query<NumberRange>(
        'SELECT min(sequence) AS first, max(sequence) AS last FROM batches WHERE series_id = $1',
        [lost.id],
      ),
      this.pool.query<Nullable<NumberRange>>(lostNumbersStatement(lost.id, range)),
      this.pool.query<Nullable<NumberRange>>(lostNumbersStatement(lost.id, range, { fresh: true })),
    ]);
    const numbers = rangeOf(touched.rows[0]);
    const fresh = rangeOf(drawn.rows[0]);
    const { first, last } = batches.rows[0]!;
    return {
      period: lost.period,
      first,
      last,
      numbers,
      both: fresh === null || id === undefined ? null : await this.drawnTwice(id, fresh),
    };
  }

  /** What a series itself has drawn of numbers that a lost history drew; a raise draws none. */
  private async drawnTwice(id: number, { first, last }: NumberRange): Promise<NumberRange | null> {
    const cover = await coverOf(this.pool, id, last);
    const { rows } = await this.pool.query<{ last: number }>(
      `SELECT last FROM facts WHERE series_id = $1 AND fresh AND kind <> 'raise' AND last >= $2 AND last <= $3 AND first <= $4
       ORDER BY last DESC LIMIT 1`,
      [id, first, cover.fresh, last],
    );
    return rows[0] === undefined ? null : { first, last: Math.min(last, rows[0].last) };
  }

  /** Looks for a series the ledger knows. @param work gives undefined when its id is stale: the database is another one */
  private within<T>(
    questions: Queryable,
    series: SeriesId,
    nothing: T,
    work: (id: number) => Promise<T | undefined>,
  ): Promise<T> {
    return translating(async () => {
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const id = await this.ids.findSeries(questions, series);
        if (id === undefined) return nothing;
        const found = await work(id);
        if (found !== undefined) return found;
        this.ids.forget();
      }
      return nothing;
    });
  }

  private async scopeOf(
    client: Queryable,
    seriesId: number,
    filter: AuditFilter,
    through: number,
  ): Promise<Omit<AuditScope, 'order'>> {
    const { site, partition, type, numbers } = filter;
    const owned = site !== undefined || partition !== undefined || type !== undefined;
    const ownerIds = owned ? await ownerIdsOf(client, filter) : undefined;
    const cover = numbers === undefined ? undefined : await coverOf(client, seriesId, numbers.last);
    return { seriesId, ownerIds, cover, through };
  }
}

function rangeOf(row: Nullable<NumberRange> | undefined): NumberRange | null {
  const { first = null, last = null } = row ?? {};
  return first === null || last === null ? null : { first, last };
}

/** Which batches the ledger has. */
type Reach = Pick<FactsRead, 'position' | 'wholeFrom'>;

async function reachOf(client: Queryable, id: number): Promise<Reach | undefined> {
  const { rows } = await client.query<Reach>(
    `SELECT sequence AS position, ${WHOLE_FROM} AS "wholeFrom" FROM series s WHERE id = $1`,
    [id],
  );
  return rows[0];
}

async function ownerIdsOf(
  client: Queryable,
  { site, partition, type }: AuditFilter,
): Promise<readonly number[]> {
  const { rows } = await client.query<{ id: number }>(
    `SELECT id FROM owners WHERE ($1::text IS NULL OR site = $1) AND ($2::text IS NULL OR partition = $2)
       AND ($3::text IS NULL OR type = $3)`,
    [columnText(site), columnText(partition), columnText(type)],
  );
  return rows.map(({ id }) => id);
}

async function coverOf(client: Queryable, id: number, number: number): Promise<Cover> {
  const { rows } = await client.query<{ fresh: number | null; adopt: number | null }>(
    coverStatement(id, number),
  );
  return {
    fresh: rows[0]?.fresh ?? Number.MAX_SAFE_INTEGER,
    adopt: rows[0]?.adopt ?? Number.MAX_SAFE_INTEGER,
  };
}
