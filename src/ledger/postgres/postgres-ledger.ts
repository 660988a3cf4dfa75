import type { Pool, PoolClient } from 'pg';
import type { Digest } from '../../core/apply.ts';
import { invariant, SeqdError } from '../../core/errors.ts';
import { GENESIS_CHAIN } from '../../core/head.ts';
import { type SeriesId, seriesName } from '../../core/identifiers.ts';
import type { JournalEntry } from '../../core/records.ts';
import { Breather } from '../../sequencer/breather.ts';
import { costOf } from '../../sequencer/load-state.ts';
import type {
  AppendOptions,
  AppendOutcome,
  Ledger,
  LedgerPosition,
  LedgerStanding,
} from '../../ports/ledger.ts';
import { batchRowOf, factRowsOf, nextAfter } from '../ledger-rows.ts';
import type { FactRow } from '../../ports/ledger-rows.ts';
import { documentHole } from './ledger-holes.ts';
import { insertBatches, insertFacts } from './insert-rows.ts';
import { translating } from './ledger-errors.ts';
import { LedgerIds } from './ledger-ids.ts';
import { assertMigrated } from './migrations.ts';
import { Partitions } from './partitions.ts';

/** What a {@link PostgresLedger} works with. */
export interface PostgresLedgerOptions {
  /** Of `createLedgerPool`; closed with the ledger. */
  readonly pool: Pool;
  /** The cluster whose series these are. */
  readonly cluster: string;
  /** Where its tables are: nothing is written to those of another version. Unchecked when left out. */
  readonly schema?: string;
  /** SHA-256 in lower-case hex. */
  readonly digest: Digest;
}

/** Entries with the hashes of their texts, known to continue each other. */
interface Chain {
  readonly entries: readonly JournalEntry[];
  readonly hashes: readonly string[];
}

const BEGINNING: LedgerPosition = { sequence: 0, chain: GENESIS_CHAIN, next: 0 };

/** Why a ledger begins after the first batch. */
const NEVER_HAD = { reason: 'pruned from the journal before there was a ledger', actor: 'seqd' };

/** The ledger in PostgreSQL, in the tables of `migrations/`. */
export class PostgresLedger implements Ledger {
  private readonly pool: Pool;
  private readonly cluster: string;
  private readonly digest: Digest;
  private readonly ids: LedgerIds;
  private readonly partitions = new Partitions();
  private closing: Promise<void> | undefined;
  private readonly schema: string | undefined;
  private tablesFit = false;

  constructor({ pool, cluster, schema, digest }: PostgresLedgerOptions) {
    this.schema = schema;
    this.pool = pool;
    this.cluster = cluster;
    this.digest = digest;
    this.ids = new LedgerIds(cluster);
  }

  async position(series: SeriesId): Promise<LedgerPosition> {
    const { epoch: _, ...position } = await this.standing(series);
    return position;
  }

  /** Where a series stands, and in which epoch. @throws SeqdError `ledger_unavailable` */
  standing(series: SeriesId): Promise<LedgerStanding> {
    return translating(async () => {
      // By its names: the ids that were learnt may be those of a database that has been replaced since.
      const { rows } = await this.pool.query<LedgerStanding>(
        `SELECT sequence, chain, next, epoch FROM series
         WHERE cluster = $1 AND tenant = $2 AND series = $3 AND period = $4`,
        [this.cluster, series.tenant, series.series, series.period],
      );
      return rows[0] ?? { ...BEGINNING, epoch: 0 };
    });
  }

  append(
    series: SeriesId,
    entries: readonly JournalEntry[],
    epoch: number,
    { beginsHere = false }: AppendOptions = {},
  ): Promise<AppendOutcome> {
    return translating(async () => {
      const chain = await this.chainOf(entries);
      // The first batch of all has none before it.
      const missing = beginsHere ? entries[0]!.batch.sequence - 1 : 0;
      try {
        await this.checkTables();
        return await this.appendChain(series, chain, epoch, missing);
      } catch (error) {
        this.forget();
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.closing ??= this.pool.end();
    await this.closing;
  }

  /** Once, and again after an error: the database may have been migrated or replaced. */
  private async checkTables(): Promise<void> {
    if (this.schema === undefined || this.tablesFit) return;
    await assertMigrated(this.pool, this.schema);
    this.tablesFit = true;
  }

  /** @param missing batches before the chain that the ledger, which has none yet, is to go on without */
  private async appendChain(
    series: SeriesId,
    chain: Chain,
    epoch: number,
    missing = 0,
  ): Promise<AppendOutcome> {
    await this.partitions.ensure(
      this.pool,
      chain.entries.map(({ batch }) => batch.time),
    );
    const facts = await factRowsOfAll(chain);
    const owners = await this.ids.owners(this.pool, facts);
    const id = await this.ids.series(this.pool, series);
    const position = positionAfter(chain);
    const moved = await this.inTransaction(async client => {
      const from = missing > 0 ? BEGINNING : placeBefore(chain);
      if (!(await moveSeries(client, id, from, { position, epoch }))) return false;
      if (missing > 0) await documentHole(client, id, { first: 1, last: missing }, NEVER_HAD);
      await insertBatches(
        client,
        id,
        chain.entries.map((entry, i) => batchRowOf(entry, chain.hashes[i]!)),
      );
      await insertFacts(client, id, facts, owners);
      return true;
    });
    if (moved) return { status: 'appended', position };
    // The row is not as expected: so may be what was remembered of the others.
    this.forget();
    return this.appendElsewhere(series, chain, epoch);
  }

  /** What to do when the ledger does not stand right before the first batch. */
  private async appendElsewhere(series: SeriesId, chain: Chain, epoch: number): Promise<AppendOutcome> {
    const { entries, hashes } = chain;
    const id = await this.ids.series(this.pool, series);
    const row = await readSeries(this.pool, id);
    if (row.epoch > epoch) return { status: 'fenced' };
    const { epoch: _, ...position } = row;
    const first = entries[0]!.batch.sequence;
    if (position.sequence < first - 1) return { status: 'elsewhere', position };
    const known = Math.min(position.sequence - first + 1, entries.length);
    if (known === 0) {
      // Right place and epoch, so either the chain differs or the row has moved here in the meantime.
      if (position.chain === entries[0]!.batch.previous) return this.appendChain(series, chain, epoch);
      throw contradiction(series, first, 'does not continue the chain of the ledger');
    }
    const last = first + known - 1;
    const stored = last === position.sequence ? position.chain : await readChain(this.pool, id, last);
    if (stored !== hashes[known - 1]) throw contradiction(series, last, 'is another one in the ledger');
    if (known === entries.length) return { status: 'appended', position };
    const rest = { entries: entries.slice(known), hashes: hashes.slice(known) };
    return this.appendChain(series, rest, epoch);
  }

  /** @throws SeqdError `invariant_violated` when the entries do not continue each other */
  private async chainOf(entries: readonly JournalEntry[]): Promise<Chain> {
    invariant(entries.length > 0, 'at least one batch is appended to the ledger');
    const breather = new Breather();
    const hashes: string[] = [];
    for (const [i, { batch, text }] of entries.entries()) {
      hashes.push(this.digest(text));
      if (breather.isDue({ characters: text.length, items: 1 })) await breather.pause();
      if (i === 0) continue;
      const follows =
        batch.sequence === entries[i - 1]!.batch.sequence + 1 && batch.previous === hashes[i - 1];
      invariant(follows, `batch ${batch.sequence} continues the one before`);
    }
    return { entries, hashes };
  }

  private forget(): void {
    this.tablesFit = false;
    this.ids.forget();
    this.partitions.forget();
  }

  /** @param work commits when it gives true, and rolls back otherwise */
  private async inTransaction(work: (client: PoolClient) => Promise<boolean>): Promise<boolean> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN');
      const done = await work(client);
      await client.query(done ? 'COMMIT' : 'ROLLBACK');
      return done;
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      // A transaction left open ends with its connection.
      client.release(broken);
    }
  }
}

/**
 * Moves the series' row, and locks it till the transaction ends: whoever else appends waits, and then finds it moved.
 *
 * @returns false when it is not at `from`, or a later projector's
 */
async function moveSeries(
  client: PoolClient,
  id: number,
  from: Pick<LedgerPosition, 'sequence' | 'chain'>,
  { position, epoch }: { position: LedgerPosition; epoch: number },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE series SET sequence = $2, chain = $3, next = $4, epoch = $5, projected_at = now()
     WHERE id = $1 AND sequence = $6 AND chain = $7 AND epoch <= $5`,
    [id, position.sequence, position.chain, position.next, epoch, from.sequence, from.chain],
  );
  return rowCount === 1;
}

function placeBefore({ entries }: Chain): Pick<LedgerPosition, 'sequence' | 'chain'> {
  const { sequence, previous } = entries[0]!.batch;
  return { sequence: sequence - 1, chain: previous };
}

/** The rows of all batches; making tens of thousands takes long enough for others to be let through now and then. */
async function factRowsOfAll({ entries }: Chain): Promise<FactRow[]> {
  const breather = new Breather();
  const rows: FactRow[] = [];
  for (const entry of entries) {
    for (const row of factRowsOf(entry.batch)) rows.push(row);
    if (breather.isDue(costOf(entry))) await breather.pause();
  }
  return rows;
}

function positionAfter({ entries, hashes }: Chain): LedgerPosition {
  const { batch } = entries.at(-1)!;
  return { sequence: batch.sequence, chain: hashes.at(-1)!, next: nextAfter(batch) };
}

async function readSeries(pool: Pool, id: number): Promise<LedgerStanding> {
  const { rows } = await pool.query<LedgerStanding>(
    'SELECT sequence, chain, next, epoch FROM series WHERE id = $1',
    [id],
  );
  if (rows[0] === undefined) throw new SeqdError('ledger_unavailable', 'The ledger has just been emptied');
  return rows[0];
}

async function readChain(pool: Pool, id: number, sequence: number): Promise<string | undefined> {
  const { rows } = await pool.query<{ chain: string }>(
    'SELECT chain FROM batches WHERE series_id = $1 AND sequence = $2',
    [id, sequence],
  );
  return rows[0]?.chain;
}

function contradiction(series: SeriesId, sequence: number, what: string): SeqdError {
  return new SeqdError('invariant_violated', `Batch ${sequence} of ${seriesName(series)} ${what}`, {
    details: { sequence },
  });
}
