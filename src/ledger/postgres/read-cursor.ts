import type { Pool, PoolClient, QueryResultRow } from 'pg';
import { translating } from './ledger-errors.ts';
import type { Statement } from './statement.ts';

const CURSOR = 'rows_to_read';

/**
 * Reads a statement's rows in chunks, through a cursor in a read-only transaction: at one moment, and never more than a chunk
 * in memory. Ending the iteration early, or aborting, gives the connection back.
 *
 * @param open runs in the transaction first, and makes the statement
 * @throws SeqdError `ledger_unavailable`
 */
export async function* readInChunks<Row extends QueryResultRow>(
  pool: Pool,
  open: (client: PoolClient) => Promise<Statement | undefined>,
  { chunk, signal }: { readonly chunk: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Row[]> {
  const client = await translating(() => pool.connect());
  let ended = false;
  let broken: Error | undefined;
  const stop = (): void => cancel(pool, client);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const statement = await translating(async () => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const made = await open(client);
      if (made !== undefined)
        await client.query(`DECLARE ${CURSOR} NO SCROLL CURSOR FOR ${made.text}`, made.values);
      return made;
    });
    if (statement !== undefined) {
      for (;;) {
        const { rows } = await translating(() => client.query<Row>(`FETCH ${chunk} FROM ${CURSOR}`));
        if (rows.length > 0) yield rows;
        if (rows.length < chunk || signal?.aborted === true) break;
      }
    }
    await translating(() => client.query('COMMIT'));
    // A cancellation that is still on its way must not meet whoever has the connection next.
    ended = signal?.aborted !== true;
  } catch (error) {
    broken = error as Error;
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    // A connection with an open transaction is closed, not handed to somebody else.
    client.release(ended ? undefined : (broken ?? new Error('the reader has stopped')));
  }
}

/** Stops what a connection is doing; without this the server would find out with the next row it sends. */
function cancel(pool: Pool, client: PoolClient): void {
  const { processID } = client as PoolClient & { readonly processID?: number };
  if (processID === undefined) return;
  pool.query('SELECT pg_cancel_backend($1)', [processID]).catch(() => {});
}
