import { PostgresDrawFinder } from '../../src/ledger/postgres/postgres-draw-finder.ts';
import { createLedgerPool } from '../../src/ledger/postgres/ledger-pool.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { migrateUp } from '../../src/ledger/postgres/migrations.ts';
import { createReaderPool } from '../../src/ledger/postgres/open-postgres-ledger-reader.ts';
import { PostgresLedger } from '../../src/ledger/postgres/postgres-ledger.ts';
import type { DrawFinder, Ledger } from '../../src/ports/ledger.ts';
import { freshDatabase } from '../kit/postgres.ts';
import { digest } from '../kit/series-world.ts';

/** An empty ledger, and who finds draws in it. */
export interface LedgerSubject {
  readonly ledger: Ledger;
  readonly finder: DrawFinder;
  close(): Promise<unknown>;
}

/** Every adapter of the ledger's ports, by name. */
export const LEDGER_SUBJECTS: readonly (readonly [string, () => Promise<LedgerSubject>])[] = [
  ['memory', openMemory],
  ['PostgreSQL', openPostgres],
];

async function openMemory(): Promise<LedgerSubject> {
  const ledger = new MemoryLedger(digest);
  return { ledger, finder: ledger, close: () => ledger.close() };
}

async function openPostgres(): Promise<LedgerSubject> {
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
  const cluster = 'contract';
  const ledger = new PostgresLedger({ pool: createLedgerPool(options), cluster, digest });
  const finder = new PostgresDrawFinder({ pool: createReaderPool(options), cluster });
  return { ledger, finder, close: () => Promise.all([ledger.close(), finder.close()]) };
}
