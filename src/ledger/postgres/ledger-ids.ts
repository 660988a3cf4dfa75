import { type Owner, ownerKey, type SeriesId, seriesName } from '../../core/identifiers.ts';
import { textArray } from './array-literal.ts';
import type { Queryable } from './borrowed-connection.ts';

/** The ids that the ledger's rows name series and owners by, remembered once seen. */
export class LedgerIds {
  private readonly cluster: string;
  private readonly seriesIds = new Map<string, number>();
  private readonly ownerIds = new Map<string, number>();

  constructor(cluster: string) {
    this.cluster = cluster;
  }

  /** Forgets all: the database may be another one now. */
  forget(): void {
    this.seriesIds.clear();
    this.ownerIds.clear();
  }

  /** The id of a series; `undefined` while the ledger does not know it. */
  async findSeries(ledger: Queryable, series: SeriesId): Promise<number | undefined> {
    const name = seriesName(series);
    const known = this.seriesIds.get(name);
    if (known !== undefined) return known;
    const { rows } = await ledger.query<{ id: number }>(
      'SELECT id FROM series WHERE cluster = $1 AND tenant = $2 AND series = $3 AND period = $4',
      [this.cluster, series.tenant, series.series, series.period],
    );
    if (rows[0] !== undefined) this.seriesIds.set(name, rows[0].id);
    return rows[0]?.id;
  }

  /** The histories of a series that a recovery has set aside; never remembered. */
  async lostSeries(ledger: Queryable, series: SeriesId): Promise<readonly { id: number; period: string }[]> {
    const { rows } = await ledger.query<{ id: number; period: string }>(
      'SELECT id, period FROM series WHERE cluster = $1 AND tenant = $2 AND series = $3 AND starts_with(period, $4) AND sequence > 0 ORDER BY id',
      [this.cluster, series.tenant, series.series, `${series.period}~lost-`],
    );
    return rows;
  }

  /** The id of a series, which is made when there is none. */
  async series(ledger: Queryable, series: SeriesId): Promise<number> {
    const found = await this.findSeries(ledger, series);
    if (found !== undefined) return found;
    await ledger.query(
      'INSERT INTO series (cluster, tenant, series, period) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
      [this.cluster, series.tenant, series.series, series.period],
    );
    return (await this.findSeries(ledger, series))!;
  }

  /** The ids of the rows' owners by `ownerKey`, made where there are none. */
  async owners(
    ledger: Queryable,
    rows: readonly { readonly owner: Owner | null }[],
  ): Promise<ReadonlyMap<string, number>> {
    const missing = new Map<string, Owner>();
    for (const { owner } of rows) {
      if (owner === null) continue;
      const key = ownerKey(owner);
      if (!this.ownerIds.has(key)) missing.set(key, owner);
    }
    if (missing.size > 0) await this.learnOwners(ledger, [...missing.values()]);
    return this.ownerIds;
  }

  private async learnOwners(ledger: Queryable, owners: readonly Owner[]): Promise<void> {
    const columns = [
      textArray(owners.map(({ site }) => site)),
      textArray(owners.map(({ partition }) => partition)),
      textArray(owners.map(({ type }) => type)),
    ];
    await ledger.query(
      `INSERT INTO owners (site, partition, type) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
       ON CONFLICT DO NOTHING`,
      columns,
    );
    const { rows } = await ledger.query<Owner & { id: number }>(
      `SELECT id, site, partition, type FROM owners
       JOIN unnest($1::text[], $2::text[], $3::text[]) AS wanted (site, partition, type) USING (site, partition, type)`,
      columns,
    );
    for (const { id, ...owner } of rows) this.ownerIds.set(ownerKey(owner), id);
  }
}
