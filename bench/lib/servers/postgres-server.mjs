import pg from 'pg';
import { findPostgres } from '../../../scripts/lib/postgres-binary.mjs';
import { startPostgresServer } from '../../../scripts/lib/postgres-server.mjs';
import { makeScratch } from '../scratch.mjs';

const CONNECTIONS_MAX = 300;
const SCHEMA = `
  CREATE TABLE counter (id integer PRIMARY KEY, value bigint NOT NULL) WITH (fillfactor = 10);
  INSERT INTO counter VALUES (1, 0);
  CREATE SEQUENCE counter_sequence;`;

/**
 * Starts a PostgreSQL of our own with its defaults, that is with every commit on disk before it is acknowledged, and
 * makes a counter row and a sequence. It listens on a socket in its own directory only.
 *
 * @returns {Promise<{ version: string, connection: import('pg').ClientConfig, close(): Promise<void> } | undefined>}
 *   undefined when there is none
 * @throws when there is one that does not run
 */
export async function startPostgres() {
  const binary = await findPostgres();
  if (binary === undefined) return undefined;
  const settings = { fsync: 'on', synchronous_commit: 'on', max_connections: String(CONNECTIONS_MAX) };
  const directory = await makeScratch('bench-pg');
  const server = await startPostgresServer({ binary, directory, socket: true, settings });
  const connection = { connectionString: server.url };
  try {
    const client = new pg.Client(connection);
    await client.connect();
    await client.query(SCHEMA);
    await client.end();
    return { version: server.version, connection, close: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
