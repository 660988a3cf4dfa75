import type { Pool, PoolClient } from 'pg';
import type { Owner, Position, SeriesId } from '../../core/identifiers.ts';
import type { NumberRange } from '../../core/ranges.ts';
import type {
  AuditFilter,
  CoverageBreak,
  FactPlace,
  FactsRead,
  LedgerFact,
  LedgerReader,
  LostHistory,
  RangeEvidence,
  VoidRow,
} from '../../ports/ledger-reader.ts';
import { columnText } from '../ledger-rows.ts';
import { type AuditScope, auditStatement, type Cover, coverStatement } from './audit-query.ts';
import { type StoredFact, toLedgerFact } from './fact-rows.ts';
import { translating } from './ledger-errors.ts';
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

const NOTHING: FactsRead = { position: 0, facts: [] };

type Queryable = Pool | PoolClient;

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

  position(series: SeriesId): Promise<number> {
    return this.within(series, 0, id => positionOf(this.pool, id));
  }

  factsOf(
    series: SeriesId,
    number: number,
    options: { through: number; after?: Position | undefined; limit: number },
  ): Promise<FactsRead> {
    return this.within(series, NOTHING, async id => {
      const { rows } = await this.pool.query<StoredFact & { position: number }>(
        numberLifeStatement(id, number, options),
      );
      if (rows[0] === undefined) return undefined;
      // Without any fact there is one row, of the position alone.
      const found = rows.filter(({ sequence }) => (sequence as number | null) !== null);
      return { position: rows[0].position, facts: found.map(toLedgerFact) };
    });
  }

  facts(
    series: SeriesId,
    filter: AuditFilter,
    { through, from, limit }: { through: number; from?: FactPlace | undefined; limit: number },
  ): Promise<FactsRead> {
    return this.within(series, NOTHING, async id => {
      let position: number | undefined;
      const open = async (client: PoolClient): Promise<Statement | undefined> => {
        position = await positionOf(client, id);
        if (position === undefined) return undefined;
        const scope = await this.scopeOf(client, id, filter, Math.min(through, position));
        return auditStatement(filter, { ...scope, from, limit });
      };
      const facts: LedgerFact[] = [];
      for await (const rows of readInChunks<StoredFact>(this.pool, open, { chunk: limit + 1 }))
        facts.push(...rows.map(toLedgerFact));
      return position === undefined ? undefined : { position, facts };
    });
  }

  async *stream(
    series: SeriesId,
    filter: AuditFilter,
    { through, signal }: { through: number; signal?: AbortSignal | undefined },
  ): AsyncGenerator<FactsRead> {
    const id = await translating(() => this.ids.findSeries(this.pool, series));
    let position = 0;
    const open = async (client: PoolClient): Promise<Statement | undefined> => {
      position = (id === undefined ? undefined : await positionOf(client, id)) ?? 0;
      if (id === undefined || position === 0) return undefined;
      return auditStatement(filter, await this.scopeOf(client, id, filter, Math.min(through, position)));
    };
    let first = true;
    for await (const rows of readInChunks<StoredFact>(this.pool, open, { chunk: CHUNK, signal })) {
      first = false;
      yield { position, facts: rows.map(toLedgerFact) };
    }
    if (first) yield { position, facts: [] };
  }

  drawnBetween(
    series: SeriesId,
    { from, to }: { from?: number | undefined; to?: number | undefined },
    through: number,
  ): Promise<{ position: number; numbers: NumberRange | null }> {
    const nothing = { position: 0, numbers: null };
    return this.within(series, nothing, async id => {
      const position = await positionOf(this.pool, id);
      if (position === undefined) return undefined;
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
    { through, signal }: { through: number; signal?: AbortSignal | undefined },
  ): Promise<RangeEvidence> {
    const nothing = { position: 0, chain: null, coverage: { covered: null, breaks: [] } };
    return this.within(series, nothing, async id => {
      let position: number | undefined;
      let chain: string | null = null;
      const open = async (client: PoolClient): Promise<Statement | undefined> => {
        position = await positionOf(client, id);
        if (position === undefined) return undefined;
        const until = Math.min(through, position);
        const { rows } = await client.query<{ chain: string }>(
          'SELECT chain FROM batches WHERE series_id = $1 AND sequence = $2',
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
      };
    });
  }

  async *voids(
    series: SeriesId,
    range: NumberRange,
    { through, signal }: { through: number; signal?: AbortSignal | undefined },
  ): AsyncGenerator<readonly VoidRow[]> {
    const id = await translating(() => this.ids.findSeries(this.pool, series));
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

  owners(): Promise<readonly Owner[]> {
    return translating(async () => {
      const { rows } = await this.pool.query<Owner>(
        'SELECT site, partition, type FROM owners ORDER BY site, partition, type',
      );
      return rows;
    });
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
  private within<T>(series: SeriesId, nothing: T, work: (id: number) => Promise<T | undefined>): Promise<T> {
    return translating(async () => {
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const id = await this.ids.findSeries(this.pool, series);
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
  ): Promise<AuditScope> {
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

async function positionOf(client: Queryable, id: number): Promise<number | undefined> {
  const { rows } = await client.query<{ sequence: number }>('SELECT sequence FROM series WHERE id = $1', [
    id,
  ]);
  return rows[0]?.sequence;
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
