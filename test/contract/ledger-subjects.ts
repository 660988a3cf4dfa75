import { createLedgerPool } from '../../src/ledger/postgres/ledger-pool.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import { PostgresLedger } from '../../src/ledger/postgres/postgres-ledger.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { freshDatabase } from '../kit/postgres.ts';
import { digest } from '../kit/series-world.ts';

/** Every adapter of the ledger port, by name; each opens an empty one. */
export const LEDGER_SUBJECTS: readonly (readonly [string, () => Promise<Ledger>])[] = [
  ['memory', async () => new MemoryLedger(digest)],
  ['PostgreSQL', openPostgres],
];

async function openPostgres(): Promise<Ledger> {
  const options = {
    url: await freshDatabase(),
    schema: 'seqd',
    poolMax: 3,
    connectTimeoutMs: 5_000,
    statementTimeoutMs: 30_000,
    tls: null,
    caFile: null,
  };
  await migrateUp(options);
  return new PostgresLedger({ pool: createLedgerPool(options), cluster: 'contract', digest });
}
