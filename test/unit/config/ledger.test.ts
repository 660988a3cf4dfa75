import { describe, expect, test } from 'vitest';
import { configAsObject, describeConfig, loadConfig } from '../../../src/config/index.ts';
import { ledgerClientConfig } from '../../../src/ledger/postgres/ledger-pool.ts';
import { errorOf, isolated } from './kit.ts';

const load = (env: Record<string, string>) => loadConfig(isolated({}, { env }));

describe('where the ledger is', () => {
  test('is nowhere by default, and what DATABASE_URL says, unless our own variable says more', () => {
    expect(load({}).config.sequence.ledger.url).toBeNull();
    const DATABASE_URL = 'postgres://a@h/x';
    const known = load({ DATABASE_URL });
    expect(known.config.sequence.ledger.url).toBe(DATABASE_URL);
    expect(known.sources.get('sequence.ledger.url')).toBe('env:DATABASE_URL');
    expect(load({ DATABASE_URL, SEQD_LEDGER_URL: '' }).config.sequence.ledger.url).toBe(DATABASE_URL);
    expect(load({ DATABASE_URL, SEQD_LEDGER_URL: 'null' }).config.sequence.ledger.url).toBeNull();
    const own = 'postgresql://b@h/y';
    expect(load({ SEQD_LEDGER_URL: own, DATABASE_URL }).config.sequence.ledger.url).toBe(own);
  });

  test('is never shown with its password', () => {
    const loaded = load({ DATABASE_URL: 'postgres://app:s3cret@db:5432/x?sslmode=require' });
    expect(describeConfig(loaded)).toContain('url: postgres://***@db:5432/x?sslmode=require');
    expect(describeConfig(loaded) + JSON.stringify(configAsObject(loaded))).not.toContain('s3cret');
  });

  test.each([
    'mysql://u:s3cret@h/x',
    'postgres://u:s3/cret@h/x',
    'postgres://u:1/s3cret@h/x',
    'postgres://h/x?password=s3cret',
    'postgres://u:s3cret@h/x?sslmode=perhaps',
    'db.example:5432',
    'postgres://u:s3cret@h:port/x',
  ])('%s is refused without being shown', url => {
    const { message } = errorOf(isolated({}, { env: { DATABASE_URL: url } }));
    expect(message).toContain('sequence.ledger.url: must be null or a PostgreSQL URL');
    expect(message).not.toContain('s3cret');
  });
});

describe('a connection to the ledger', () => {
  const clientOf = (url: string, tls: 'require' | 'verify-full' | null = null) =>
    ledgerClientConfig({
      url,
      schema: 'numbers',
      connectTimeoutMs: 1,
      statementTimeoutMs: 2,
      tls,
      caFile: null,
    });

  test('is encrypted as the setting says, else as the URL does', () => {
    expect(clientOf('postgres://h/x').ssl).toBe(false);
    expect(clientOf('postgres://h/x?sslmode=prefer').ssl).toBe(false);
    expect(clientOf('postgres://h/x?sslmode=require').ssl).toEqual({ rejectUnauthorized: false });
    expect(clientOf('postgres://h/x?sslmode=verify-full').ssl).toEqual({ rejectUnauthorized: true });
    expect(clientOf('postgres://h/x?sslmode=disable', 'verify-full').ssl).toEqual({
      rejectUnauthorized: true,
    });
    expect(() => clientOf('postgres://h/x?sslmode=verify-full&sslrootcert=/none')).toThrow('/none');
  });

  test('works in its schema, beside what the URL asks for', () => {
    const config = clientOf('postgres://h/x?options=-c%20lock_timeout%3D1s&host=%2Ftmp&application_name=x');
    expect(config.options).toMatch(/^-c lock_timeout=1s -c search_path=numbers -c timezone=UTC /);
    // A server that hears nothing of a frozen node must not keep its locks for hours.
    expect(config.options).toMatch(/-c tcp_keepalives_idle=\d+/);
    expect(config.connectionString).toBe('postgres://h/x?host=%2Ftmp');
    expect(config.application_name).toBe('seqd');
  });
});
