import type { Pool, PoolClient, QueryConfig, QueryResultRow } from 'pg';
import { SeqdError } from '../../core/errors.ts';
import { translating } from './ledger-errors.ts';
import type { Statement } from './statement.ts';

/** Whatever a statement can be sent through. */
export interface Queryable {
  // As the driver has it: a statement's rows are of no type but the one that who asks expects.
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  query<Row extends QueryResultRow>(
    statement: string | Statement,
    values?: unknown[],
  ): Promise<{ rows: Row[] }>;
}

/** A server that has to stop a query may be the one that hangs. */
const CANCEL_MS = 1_000;

/**
 * A connection of a pool, for as long as somebody waits for what it reads.
 *
 * States: out → given back | abandoned. Aborting abandons it at once, whatever it is doing: it is closed, so that its place in the pool
 * is free for others although the server may not answer for minutes, and the server is asked to stop the query.
 */
export class BorrowedConnection {
  private readonly pool: Pool;
  private readonly client: PoolClient;
  private readonly signal: AbortSignal | undefined;
  private isOut = true;
  private underWay = 0;

  private constructor(pool: Pool, client: PoolClient, signal: AbortSignal | undefined) {
    this.pool = pool;
    this.client = client;
    this.signal = signal;
    signal?.addEventListener('abort', this.abandon, { once: true });
  }

  /** @param signal aborted when nobody waits any more @throws SeqdError `ledger_unavailable` */
  static async from(pool: Pool, signal?: AbortSignal): Promise<BorrowedConnection> {
    const connecting = pool.connect();
    try {
      const client = await unlessAborted(signal, () => connecting);
      return new BorrowedConnection(pool, client, signal);
    } catch (error) {
      // It may come yet, for whoever is next.
      connecting.then(
        client => client.release(),
        () => {},
      );
      throw error;
    }
  }

  /** @throws SeqdError `ledger_unavailable` */
  async run<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    this.underWay += 1;
    try {
      return await unlessAborted(this.signal, () => work(this.client));
    } finally {
      this.underWay -= 1;
    }
  }

  /** Idempotent. @param broken why nobody else may have it: it is closed then */
  giveBack(broken?: Error): void {
    if (!this.isOut) return;
    this.isOut = false;
    this.signal?.removeEventListener('abort', this.abandon);
    this.client.release(broken);
  }

  private readonly abandon = (): void => {
    this.giveBack(new Error('nobody waits for the answer any more'));
    if (this.underWay > 0) cancelQuery(this.pool, this.client);
  };
}

/** The pool, for questions that are given up on when the signal is aborted. Each takes a connection of its own. */
export function untilAborted(pool: Pool, signal: AbortSignal | undefined): Queryable {
  return {
    async query<Row extends QueryResultRow>(statement: string | Statement, values?: unknown[]) {
      const connection = await BorrowedConnection.from(pool, signal);
      let broken: Error | undefined;
      try {
        return await connection.run(client => client.query<Row>(statement, values));
      } catch (error) {
        broken = error as Error;
        throw error;
      } finally {
        connection.giveBack(broken);
      }
    },
  };
}

function unlessAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal === undefined) return translating(work);
  return new Promise((resolve, reject) => {
    const stop = (): void =>
      reject(
        new SeqdError('ledger_unavailable', 'The ledger has not answered in time', { cause: signal.reason }),
      );
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    translating(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Without this the server would go on until it has a row to send, and find that there is nobody. */
function cancelQuery(pool: Pool, client: PoolClient): void {
  const { processID } = client as PoolClient & { readonly processID?: number };
  if (processID === undefined) return;
  // Known to the driver, not to its types.
  const statement: QueryConfig & { query_timeout: number } = {
    text: 'SELECT pg_cancel_backend($1)',
    values: [processID],
    query_timeout: CANCEL_MS,
  };
  pool.query(statement).catch(() => {});
}
