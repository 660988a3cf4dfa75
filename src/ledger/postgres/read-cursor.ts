import type { Pool, PoolClient, QueryResultRow } from 'pg';
import { BorrowedConnection } from './borrowed-connection.ts';
import type { Statement } from './statement.ts';

const CURSOR = 'rows_to_read';

/**
 * Reads a statement's rows in chunks, through a cursor in a read-only transaction: at one moment, and never more than a chunk
 * in memory. Ending the iteration early, or aborting, gives the connection back.
 *
 * @param open runs in the transaction first, and makes the statement
 * @throws SeqdError `ledger_unavailable`, at once when it is aborted
 */
export async function* readInChunks<Row extends QueryResultRow>(
  pool: Pool,
  open: (client: PoolClient) => Promise<Statement | undefined>,
  { chunk, signal }: { readonly chunk: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Row[]> {
  const connection = await BorrowedConnection.from(pool, signal);
  let unfinished: Error | undefined = new Error('the reader has stopped');
  try {
    const statement = await connection.run(async client => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const made = await open(client);
      if (made !== undefined)
        await client.query(`DECLARE ${CURSOR} NO SCROLL CURSOR FOR ${made.text}`, made.values);
      return made;
    });
    if (statement !== undefined) {
      for (;;) {
        const { rows } = await connection.run(client => client.query<Row>(`FETCH ${chunk} FROM ${CURSOR}`));
        if (rows.length > 0) yield rows;
        if (rows.length < chunk) break;
      }
    }
    await connection.run(client => client.query('COMMIT'));
    unfinished = undefined;
  } finally {
    // A connection with an open transaction is closed, not handed to somebody else.
    connection.giveBack(unfinished);
  }
}
