import { readFileSync } from 'node:fs';
import pg from 'pg';
import { type LedgerTls, splitLedgerUrl } from '../../config/ledger-url.ts';
import { SeqdError } from '../../core/errors.ts';
import { toLedgerError } from './ledger-errors.ts';

/** Where the ledger is and how to talk to it; the configuration's section `sequence.ledger`. */
export interface LedgerConnectionOptions {
  /** `postgres://…`, as the configuration has validated it. */
  readonly url: string;
  /** The PostgreSQL schema of the ledger's tables. */
  readonly schema: string;
  readonly connectTimeoutMs: number;
  /** Deadline of one statement, held by the server; 0 for none. */
  readonly statementTimeoutMs: number;
  /** `null`: as the URL's `sslmode` says, without one `disable`. */
  readonly tls: LedgerTls | null;
  /** PEM file of whoever signed the server's certificate; `null`: those that Node knows. */
  readonly caFile: string | null;
  /** Settings of the server for each connection, such as `plan_cache_mode=force_generic_plan`; our own words only. */
  readonly settings?: readonly string[];
}

/** What a pool needs besides. */
export interface LedgerPoolOptions extends LedgerConnectionOptions {
  readonly poolMax: number;
  /** How long a transaction may stand still before the server ends its session; left out, {@link IDLE_TRANSACTION_MS}. */
  readonly idleTransactionMs?: number;
  /** Told of a connection that broke while nobody used it; the pool replaces it when one is needed. */
  readonly onLostConnection?: (error: SeqdError) => void;
}

/**
 * A process that stands still (stopped, swapped out, cut off) in the middle of a write holds the locks of that for no longer: the
 * projector that takes over, and a recovery, write the same rows.
 */
const IDLE_TRANSACTION_MS = 10_000;
/** For whoever only reads: locks nobody out, but keeps the server from cleaning up; and a slow client may take its time. */
export const IDLE_READ_TRANSACTION_MS = 15 * 60_000;
/** Longer than such a lock lasts, and shorter than the deadline of a statement, whose error says nothing of locks. */
const LOCK_TIMEOUT_MS = 15_000;
/** The server notices that the client is gone after idle + count * interval seconds; its system's default is two hours. */
const KEEPALIVE = ['tcp_keepalives_idle=10', 'tcp_keepalives_interval=5', 'tcp_keepalives_count=4'];

/** A server that has gone without a word is noticed this long after its deadline. */
const QUERY_GRACE_MS = 5_000;

/**
 * A pool of connections to the ledger's database, for all of a node. It outlives restarts of the server. `bigint` comes
 * as a number.
 *
 * @throws SeqdError `invalid_request` when the CA file cannot be read
 */
export function createLedgerPool(options: LedgerPoolOptions): pg.Pool {
  const { poolMax, connectTimeoutMs, onLostConnection } = options;
  const pool = new pg.Pool({
    ...ledgerClientConfig({
      ...options,
      settings: [`lock_timeout=${LOCK_TIMEOUT_MS}`, ...(options.settings ?? [])],
    }),
    idle_in_transaction_session_timeout: options.idleTransactionMs ?? IDLE_TRANSACTION_MS,
    max: poolMax,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
  });
  // Without these listeners a server that stops would end the process: the one hears of connections that nobody uses, the
  // other of those in use, where the query that is under way fails, too.
  pool.on('error', error => onLostConnection?.(toLedgerError(error)));
  pool.on('connect', client => client.on('error', () => {}));
  return pool;
}

/** What both a pool and a single connection are made with. @throws SeqdError `invalid_request` */
export function ledgerClientConfig(options: LedgerConnectionOptions): pg.ClientConfig {
  const address = splitLedgerUrl(options.url);
  // Not a query of its own for each new connection: it could fail, and costs a round trip.
  const startOptions = [
    address.options,
    `-c search_path=${options.schema}`,
    '-c timezone=UTC',
    ...KEEPALIVE.map(setting => `-c ${setting}`),
    ...(options.settings ?? []).map(setting => `-c ${setting}`),
  ];
  return {
    connectionString: address.url,
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    ...(options.statementTimeoutMs === 0
      ? {}
      : { query_timeout: options.statementTimeoutMs + QUERY_GRACE_MS }),
    application_name: 'seqd',
    options: startOptions.filter(part => part !== undefined).join(' '),
    ssl: tlsOptions(options.tls ?? address.tls ?? 'disable', options.caFile ?? address.caFile),
    types,
  };
}

function tlsOptions(tls: LedgerTls, caFile: string | undefined): pg.ClientConfig['ssl'] {
  switch (tls) {
    case 'disable':
      return false;
    case 'require':
      return { rejectUnauthorized: false };
    case 'verify-full':
      return { rejectUnauthorized: true, ...(caFile === undefined ? {} : { ca: readCa(caFile) }) };
  }
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SeqdError('invalid_request', `sequence.ledger.ca-file ${file} cannot be read`, {
      cause: error,
    });
  }
}

// As the driver does it, but for `bigint`, which it would leave a text.
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, parseSafeInteger);

function parseSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new SeqdError('invariant_violated', `The ledger holds the number ${text}, which is above 2^53 - 1`);
  return value;
}
