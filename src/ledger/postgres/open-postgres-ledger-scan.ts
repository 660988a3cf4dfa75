import type { SeqdError } from '../../core/errors.ts';
import { createLedgerPool, IDLE_READ_TRANSACTION_MS, type LedgerConnectionOptions } from './ledger-pool.ts';
import { PostgresLedgerScan } from './postgres-ledger-scan.ts';

/**
 * What checks the ledger as configured, over one connection of its own. Connects when it is first used.
 *
 * @throws SeqdError `invalid_request` when the CA file cannot be read
 */
export function openPostgresLedgerScan(
  connection: LedgerConnectionOptions,
  { cluster, onLostConnection }: { cluster: string; onLostConnection?: (error: SeqdError) => void },
): PostgresLedgerScan {
  const lost = onLostConnection === undefined ? {} : { onLostConnection };
  return new PostgresLedgerScan({
    pool: createLedgerPool({
      ...connection,
      poolMax: 1,
      idleTransactionMs: IDLE_READ_TRANSACTION_MS,
      ...lost,
    }),
    cluster,
  });
}
