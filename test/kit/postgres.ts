import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { type PostgresServer, startPostgresServer } from '../../scripts/lib/postgres-server.mjs';
import { makeDataDirectory } from './data-directory.ts';

/** An empty database on the shared server, dropped after the test. @returns its URL */
export async function freshDatabase(): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await query(inject('postgresUrl'), `CREATE DATABASE ${name}`);
  onTestFinished(() => query(inject('postgresUrl'), `DROP DATABASE ${name} WITH (FORCE)`).then(() => {}));
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

/** A server for one test that stops or kills it; its data goes after the test. Its `url` is an empty database. */
export async function ownPostgres(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const directory = await makeDataDirectory('own-postgres');
  const binary = inject('postgresBinary');
  const server = await startPostgresServer({ binary, directory, settings: { fsync: 'off', ...settings } });
  onTestFinished(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });
  return server;
}

/** Runs one statement on a connection of its own. */
export async function query(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
    return rows;
  } finally {
    await client.end();
  }
}
