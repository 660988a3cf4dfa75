import { expect, test } from 'vitest';
import { ownPostgres, freshDatabase, query } from '../kit/postgres.ts';
import { run } from '../unit/cli/run.ts';

test('seqd migrate makes, shows and undoes the tables, and asks before it deletes rows', async () => {
  const env = { DATABASE_URL: await freshDatabase() };
  const migrate = (...args: string[]) => run(['migrate', ...args], { env });
  expect(await migrate('status')).toMatchObject({
    exitCode: 1,
    stdout: expect.stringMatching(/missing {2}001_ledger/) as string,
  });
  expect(await migrate('up')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/applied 001_ledger/) as string,
  });
  expect(await migrate('up')).toMatchObject({ exitCode: 0, stdout: 'schema seqd: nothing to do\n' });
  const status = await migrate('status', '--json');
  expect(status.exitCode).toBe(0);
  expect(JSON.parse(status.stdout)).toMatchObject({ pending: [], unknown: [], schema: 'seqd' });

  await query(
    env.DATABASE_URL,
    `INSERT INTO seqd.series (cluster, tenant, series, period) VALUES ('c', 't', 's', 'p');
     CREATE TABLE seqd.batches_all PARTITION OF seqd.batches DEFAULT;
     INSERT INTO seqd.batches VALUES (1, 1, now(), 1, 'n', 1, 'x', 1, 'x')`,
  );
  const refused = await migrate('down');
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('1 batches and 0 rows about the numbers of 1 series');
  expect((await migrate('status')).stdout).toContain('applied  001_ledger');

  let undone = await migrate('down', '--yes');
  while (!undone.stdout.includes('001_ledger')) undone = await migrate('down', '--yes');
  expect(undone.exitCode).toBe(0);
  expect(await migrate('down')).toMatchObject({ exitCode: 0, stdout: 'schema seqd: nothing to undo\n' });
});

test('seqd migrate without a ledger, or without an answer from it, says what to do', async () => {
  const none = await run(['migrate', 'up'], { env: {} });
  expect(none).toMatchObject({ exitCode: 2 });
  expect(none.stderr).toContain('DATABASE_URL');
  const server = await ownPostgres();
  await server.stop();
  const gone = await run(['migrate', 'up'], { env: { DATABASE_URL: server.url } });
  expect(gone.exitCode).toBe(4);
  expect(gone.stderr).toContain('ledger_unavailable');
  expect(gone.stderr).not.toContain(new URL(server.url).password);
});
