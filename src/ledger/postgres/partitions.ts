import type { Pool, PoolClient } from 'pg';
import { SeqdError } from '../../core/errors.ts';
import { timestampOf } from './array-literal.ts';

/** The tables that are partitioned by month. */
const PARTITIONED = ['batches', 'facts'] as const;

/** All that make partitions in one database wait for each other on this advisory lock. */
const LOCK = 7_365_113;

/**
 * Makes the monthly partitions that rows need, before they are written.
 *
 * A partition is made as a table of its own and then attached: that lets readers of the ledger go on, where
 * `CREATE TABLE … PARTITION OF` would wait for all of them, and everybody else behind it.
 */
export class Partitions {
  private readonly known = new Set<string>();

  /** Forgets which there are: the database may be another one now. */
  forget(): void {
    this.known.clear();
  }

  /** Makes sure that there are partitions for these times (Unix milliseconds). */
  async ensure(pool: Pool, times: readonly number[]): Promise<void> {
    const missing = [...new Set(times.map(monthOf))].filter(month => !this.known.has(month));
    if (missing.length === 0) return;
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      for (const month of missing) await create(client, month);
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      // A transaction left open ends with its connection.
      client.release(broken);
    }
    for (const month of missing) this.known.add(month);
  }
}

/** `2026-11`, in UTC. */
function monthOf(timeMs: number): string {
  return timestampOf(timeMs).replace(/-\d\dT.*$/, '');
}

async function create(client: PoolClient, month: string): Promise<void> {
  const [year = 0, index = 0] = month.split('-').map(Number);
  const from = `${month}-01 00:00:00+00`;
  const to =
    index === 12
      ? `${String(year + 1).padStart(4, '0')}-01-01 00:00:00+00`
      : `${month.slice(0, -2)}${String(index + 1).padStart(2, '0')}-01 00:00:00+00`;
  await client.query('BEGIN');
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
  for (const table of PARTITIONED) {
    const name = `${table}_${month.replace('-', '_')}`;
    const { rows } = await client.query<{ there: boolean; attached: boolean }>(
      `SELECT to_regclass($1) IS NOT NULL AS there,
         EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass($1) AND inhparent = to_regclass($2)) AS attached`,
      [name, table],
    );
    if (rows[0]?.attached === true) continue;
    // Whether what is in it belongs there, nobody but who has detached it can say.
    if (rows[0]?.there === true)
      throw new SeqdError(
        'ledger_unavailable',
        `The table ${name} is there, but is no partition of ${table}: attach it again (ALTER TABLE ${table} ATTACH PARTITION ${name} ` +
          `FOR VALUES FROM ('${from}') TO ('${to}')), or give it another name`,
      );
    // Names and bounds are made of digits here; no parameter can stand for them.
    await client.query(`CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL)`);
    await client.query(
      `ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`,
    );
  }
  await client.query('COMMIT');
}
