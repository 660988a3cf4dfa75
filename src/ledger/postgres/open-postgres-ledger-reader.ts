import type pg from 'pg';
import type { Logger } from '../../ports/logger.ts';
import { PostgresDrawFinder } from './postgres-draw-finder.ts';
import { createLedgerPool, IDLE_READ_TRANSACTION_MS, type LedgerPoolOptions } from './ledger-pool.ts';
import type { LedgerSettings } from './open-postgres-ledger.ts';
import { PostgresLedgerReader } from './postgres-ledger-reader.ts';

/** Each question is one row found by an index. */
const DRAW_CONNECTIONS = 2;

/**
 * What answers questions from the ledger as configured, over connections of its own: however many ask, the ledger can be
 * written. Connects when it is first used.
 *
 * @throws SeqdError `invalid_request` when the CA file cannot be read
 */
export function openPostgresLedgerReader(
  settings: LedgerSettings,
  { cluster, logger }: { cluster: string; logger: Logger },
): PostgresLedgerReader {
  const pool = createReaderPool({ ...settings, onLostConnection: warnsOf(logger) });
  return new PostgresLedgerReader({ pool, cluster });
}

/**
 * What tells releases who drew a number, over connections of its own: however many read the ledger, a number can be given back.
 * Connects when it is first used.
 *
 * @throws SeqdError `invalid_request` when the CA file cannot be read
 */
export function openPostgresDrawFinder(
  settings: LedgerSettings,
  { cluster, logger }: { cluster: string; logger: Logger },
): PostgresDrawFinder {
  const poolMax = Math.min(settings.poolMax, DRAW_CONNECTIONS);
  const pool = createReaderPool({ ...settings, poolMax, onLostConnection: warnsOf(logger) });
  return new PostgresDrawFinder({ pool, cluster });
}

const warnsOf =
  (logger: Logger): NonNullable<LedgerPoolOptions['onLostConnection']> =>
  error =>
    logger.warn({ err: error }, 'a connection to the ledger has broken');

/**
 * The pool that those who only read work with. A question for one number touches three indexes of every partition, so that
 * planning it takes several times as long as answering it: its plan, which is the same for every number, is made once a connection.
 * What is better planned for its values goes through a cursor, which always is.
 */
export function createReaderPool(options: LedgerPoolOptions): pg.Pool {
  return createLedgerPool({
    idleTransactionMs: IDLE_READ_TRANSACTION_MS,
    ...options,
    settings: ['plan_cache_mode=force_generic_plan'],
  });
}
