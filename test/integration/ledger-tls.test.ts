import { chown } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { runCommand } from '../../scripts/lib/run-command.mjs';
import { createLedgerPool } from '../../src/ledger/postgres/ledger-pool.ts';
import { migrationStatus } from '../../src/ledger/postgres/migrations.ts';
import { ownPostgres, query } from '../kit/postgres.ts';

const openssl = (await runCommand('openssl', ['version'])).code === 0;

test.skipIf(!openssl)(
  'a connection is encrypted, and a server that cannot prove who it is is refused',
  async () => {
    const server = await ownPostgres();
    const directory = dirname(server.spec.logFile);
    const [certificate, key] = [join(directory, 'server.crt'), join(directory, 'server.key')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
    const names = ['-addext', 'subjectAltName=DNS:localhost'];
    const made = await runCommand('openssl', [...request, ...names, '-keyout', key, '-out', certificate]);
    expect(made.code, made.stderr).toBe(0);
    const { user } = inject('postgresBinary');
    if (user !== undefined) for (const file of [certificate, key]) await chown(file, user.uid, user.gid);
    // Settings that a server can take without being started again.
    const settings = { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: key };
    for (const [name, value] of Object.entries(settings))
      await query(server.url, `ALTER SYSTEM SET ${name} = '${value}'`);
    await query(server.url, 'SELECT pg_reload_conf()');

    const optionsOf = (host: string, tls: 'require' | 'verify-full', caFile: string | null) => {
      const url = new URL(server.url);
      url.hostname = host;
      const timeouts = { connectTimeoutMs: 5_000, statementTimeoutMs: 5_000 };
      return { url: url.href, schema: 'seqd', ...timeouts, tls, caFile };
    };
    const pool = createLedgerPool({ ...optionsOf('localhost', 'verify-full', certificate), poolMax: 1 });
    onTestFinished(() => pool.end());
    const { rows } = await pool.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    expect(rows).toEqual([{ ssl: true }]);
    await migrationStatus(optionsOf('127.0.0.1', 'require', null));
    const refused = { code: 'ledger_unavailable' };
    await expect(migrationStatus(optionsOf('localhost', 'verify-full', null))).rejects.toMatchObject(refused);
    await expect(migrationStatus(optionsOf('127.0.0.1', 'verify-full', certificate))).rejects.toMatchObject(
      refused,
    );
  },
);
