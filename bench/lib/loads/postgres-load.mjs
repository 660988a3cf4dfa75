import pg from 'pg';
import { loadWorkers } from './worker-pool.mjs';

/** What is measured; each is one transaction of its own. */
const QUERIES = {
  update: 'UPDATE counter SET value = value + 1 WHERE id = 1 RETURNING value AS number',
  nextval: "SELECT nextval('counter_sequence') AS number",
};

/** @typedef {keyof typeof QUERIES} PostgresQuery */

/**
 * Draws numbers with prepared statements, each caller on a connection of its own.
 *
 * @param {{ connection: import('pg').ClientConfig, query: PostgresQuery, connections: number, ms: number }} options
 * @returns {Promise<import('../figures.mjs').RawLoad>}
 */
export async function load({ connection, query, connections, ms }) {
  const clients = Array.from({ length: connections }, () => new pg.Client(connection));
  const statement = { name: query, text: QUERIES[query] };
  try {
    await Promise.all(clients.map(client => client.connect()));
    return await loadWorkers(
      clients.map(client => async () => {
        const { rows } = await client.query(statement);
        return Number(rows[0].number);
      }),
      ms,
    );
  } finally {
    await Promise.all(clients.map(client => client.end()));
  }
}
