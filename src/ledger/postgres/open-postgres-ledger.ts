import { createHash } from 'node:crypto';
import type { Config } from '../../config/index.ts';
import type { Logger } from '../../ports/logger.ts';
import { createLedgerPool } from './ledger-pool.ts';
import { PostgresLedger } from './postgres-ledger.ts';

/** The configuration of a ledger that there is. */
export type LedgerSettings = Config['sequence']['ledger'] & { readonly url: string };

/**
 * The ledger of a cluster's series as configured. Connects when it is first used, so it may be made before PostgreSQL runs.
 *
 * @throws SeqdError `invalid_request` when the CA file cannot be read
 */
export function openPostgresLedger(
  settings: LedgerSettings,
  { cluster, logger }: { cluster: string; logger: Logger },
): PostgresLedger {
  const pool = createLedgerPool({
    ...settings,
    onLostConnection: error => logger.warn({ err: error }, 'a connection to the ledger has broken'),
  });
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  return new PostgresLedger({ pool, cluster, schema: settings.schema, digest });
}
