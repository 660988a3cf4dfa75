import { SeqdError } from '../../core/errors.ts';

/** SQLSTATE of an error that PostgreSQL has answered with. */
function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Undefined table, schema or column: the migrations have not run, or others than ours. */
const NOT_MIGRATED = new Set(['42P01', '3F000', '42703']);

/** A statement was ended because it took too long, … */
const TOO_LONG = '57014';
/** … or because it waited too long for somebody else's lock. */
const LOCKED = '55P03';

/** Classes that only a contradiction between what is written and what is there can cause: bad data, broken constraint. */
const CONTRADICTIONS = /^2[23]/;

/**
 * Translates what the driver or PostgreSQL has thrown: the one place where that is done. Whatever may pass when the
 * server, the network or an administrator does something is `ledger_unavailable`, and then either nothing or all of a
 * transaction was written; what cannot is `invariant_violated`. `details.tooLong` says that less at once might do.
 */
export function toLedgerError(error: unknown): SeqdError {
  if (error instanceof SeqdError) return error;
  const state = sqlStateOf(error);
  const reason = reasonOf(error);
  if (state !== undefined && CONTRADICTIONS.test(state))
    return new SeqdError('invariant_violated', `The ledger contradicts the journal: ${reason}`, {
      cause: error,
    });
  if (state !== undefined && NOT_MIGRATED.has(state)) {
    return new SeqdError(
      'ledger_unavailable',
      `The ledger's tables are not there: ${reason}; run "seqd migrate up"`,
      {
        cause: error,
      },
    );
  }
  if (state === TOO_LONG) {
    return new SeqdError('ledger_unavailable', `The ledger took too long: ${reason}`, {
      cause: error,
      details: { tooLong: true },
    });
  }
  if (state === LOCKED) {
    return new SeqdError(
      'ledger_unavailable',
      `Another session of PostgreSQL holds a lock that is needed: ${reason}. One of a node that stands still ends by itself within seconds, ` +
        'so try again; any other is found in pg_stat_activity and pg_locks, and ended with pg_terminate_backend',
      { cause: error },
    );
  }
  return new SeqdError('ledger_unavailable', `The ledger cannot be reached: ${reason}`, { cause: error });
}

/** Runs work on the ledger. @throws SeqdError as {@link toLedgerError} says */
export async function translating<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toLedgerError(error);
  }
}

/** What the driver says, in one line. Its texts name hosts, users and databases, never passwords. */
function reasonOf(error: unknown): string {
  // Node tries several addresses and says what came of each.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0]! || (error as { code?: string }).code || 'unknown';
}
