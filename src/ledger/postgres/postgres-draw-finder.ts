import type { Pool } from 'pg';
import type { Owner, SeriesId } from '../../core/identifiers.ts';
import type { FreshOwner } from '../../core/requests.ts';
import type { DrawFinder } from '../../ports/ledger.ts';
import { untilAborted } from './borrowed-connection.ts';
import { translating } from './ledger-errors.ts';

/** A request that asks who drew a number has no more time itself. */
const WAIT_MS = 1_000;

interface DrawRow extends Owner {
  readonly sequence: number;
  readonly index: number;
  readonly facts: number;
  readonly first: number;
}

/** Tells from the ledger's tables who drew a number, for the request that gives it back. */
export class PostgresDrawFinder implements DrawFinder {
  private readonly pool: Pool;
  private readonly cluster: string;
  private closing: Promise<void> | undefined;

  /** @param options.pool of its own, so that no long read is in a release's way; closed with the finder */
  constructor({ pool, cluster }: { readonly pool: Pool; readonly cluster: string }) {
    this.pool = pool;
    this.cluster = cluster;
  }

  findDraw({ tenant, series, period }: SeriesId, number: number): Promise<FreshOwner | undefined> {
    const questions = untilAborted(this.pool, AbortSignal.timeout(WAIT_MS));
    return translating(async () => {
      // By the series' names: an id that was learnt may be that of a database that has been replaced since. Rows that are fresh never
      // overlap, so only the first that ends at or after the number can hold it.
      const { rows } = await questions.query<DrawRow>(
        `SELECT sequence, index, facts, first, site, partition, type
         FROM (SELECT * FROM facts
               WHERE series_id = (SELECT id FROM series WHERE cluster = $1 AND tenant = $2 AND series = $3 AND period = $4)
                 AND fresh AND last >= $5
               ORDER BY last LIMIT 1) AS candidate
         JOIN owners ON owners.id = owner_id
         WHERE first <= $5`,
        [this.cluster, tenant, series, period, number],
      );
      const [row] = rows;
      if (row === undefined) return undefined;
      const { site, partition, type } = row;
      // In a run each number is a fact of its own.
      const index = row.facts === 1 ? row.index : row.index + (number - row.first);
      return { allocation: { sequence: row.sequence, index }, owner: { site, partition, type } };
    });
  }

  async close(): Promise<void> {
    this.closing ??= this.pool.end();
    await this.closing;
  }
}
