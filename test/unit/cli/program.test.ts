import { describe, expect, it } from 'vitest';
import type { Config } from '../../../src/config/index.ts';
import { VERSION } from '../../../src/version.ts';
import { answer, deadUrl, fakeNode, issued, refuse } from '../client/fake-node.ts';
import { run } from './run.ts';

const NEXT = ['next', '--site', 'site-1', '--partition', 'partition-a', '--type', 'on-cycle'];

describe('the command line', () => {
  it('a wrong command is refused with a suggestion', async () => {
    const { exitCode, stdout, stderr } = await run(['stauts']);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Did you mean one of stats, status?');
  });

  it('a wrong option is refused with a suggestion', async () => {
    const { exitCode, stderr } = await run([...NEXT, '--cont', '3']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Did you mean --count?');
  });

  it.each([
    { args: [] },
    { args: ['next'] },
    { args: [...NEXT, '--count', '0'] },
    { args: [...NEXT, '--timeout', 'soon'] },
    { args: ['release', 'x'] },
  ])('$args is refused as a usage error', async ({ args }) => {
    expect((await run(args)).exitCode).toBe(2);
  });

  it('help explains the exit codes', async () => {
    const { exitCode, stdout } = await run(['--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/Exit codes:\n +0 .*\n +1 .*\n +2 .*\n +3 .*\n +4 .*\n +130 /);
  });

  it('help says which options are required', async () => {
    const { stdout } = await run(['next', '--help']);
    expect(stdout).toMatch(/--site <id> .*\(required\)/);
    expect(stdout).not.toMatch(/--count <n> .*\(required\)/);
    expect(stdout).toMatch(/--timeout <seconds> .*\(default: 10\)/);
  });

  it.each([
    { args: ['show', '9007199254740992'], max: '9007199254740991' },
    { args: ['replay', 'x.csv', '--concurrency', '1001'], max: '1000' },
  ])('$args is told the largest that may be', async ({ args, max }) => {
    const { exitCode, stderr } = await run(args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`from 1 to ${max}.`)]);
  });

  it('--version prints the version alone', async () => {
    expect(await run(['--version'])).toEqual({ exitCode: 0, stdout: `${VERSION}\n`, stderr: '' });
  });
});

describe('serve', () => {
  it('gets the configuration, and decides the exit code', async () => {
    let served: Config | undefined;
    const serve = (config: Config): Promise<number> => {
      served = config;
      return Promise.resolve(1);
    };
    const args = [
      'serve',
      '--port',
      '0',
      '--site',
      'site-2',
      '--node-id',
      'n1',
      '--etcd-endpoints',
      'a:1,b:2',
    ];
    expect((await run(args, { serve })).exitCode).toBe(1);
    expect(served?.node).toMatchObject({ site: 'site-2', id: 'n1' });
    expect([served?.server.port, served?.sequence.etcd.endpoints]).toEqual([0, ['a:1', 'b:2']]);
  });

  it('a wrong configuration is refused with every mistake', async () => {
    const { exitCode, stdout, stderr } = await run(['serve', '--port', 'x'], {
      env: { SEQD_LOGGING_LEVEL: 'y' },
    });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('server.port');
    expect(stderr).toContain('env:SEQD_LOGGING_LEVEL');
  });
});

describe('config print', () => {
  it('names the source of every value', async () => {
    const { exitCode, stdout } = await run(['config', 'print', '--port', '81']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('port: 81 # flag:--port');
  });

  it('--json prints one document', async () => {
    const { stdout } = await run(['config', 'print', '--json', '--profile', 'poc']);
    expect(JSON.parse(stdout)).toMatchObject({ config: { sequence: { cluster: 'poc' } } });
  });
});

describe('exit codes', () => {
  it('0: the number alone is on stdout', async () => {
    const node = await fakeNode(response => answer(response, issued(42)));
    const { exitCode, stdout, stderr } = await run([
      ...NEXT,
      '--url',
      node.url,
      '--key',
      'k',
      '--reference',
      'r',
    ]);
    expect([exitCode, stdout]).toEqual([0, '42\n']);
    expect(stderr).toContain('key k');
    expect(node.seen[0]).toMatchObject({ key: 'k' });
    expect(JSON.parse(node.seen[0]!.body)).toEqual({
      siteId: 'site-1',
      partitionId: 'partition-a',
      invoiceType: 'on-cycle',
      reference: 'r',
    });
  });

  it('release sends what identifies a number issued long ago', async () => {
    const node = await fakeNode(response => refuse(response, 'not_owner'));
    const place = ['--site', 's', '--partition', 'p', '--reason', 'r'];
    const long = ['--allocation-id', '4711-3', '--type', 'on-cycle'];
    await run(['release', '5', ...place, ...long, '--url', node.url]);
    expect(JSON.parse(node.seen[0]!.body)).toEqual({
      sequenceNumber: 5,
      siteId: 's',
      partitionId: 'p',
      reason: 'r',
      allocationId: '4711-3',
      invoiceType: 'on-cycle',
    });
  });

  it('3: a refusal prints detail, code and every further mistake', async () => {
    const errors = [{ field: 'count', detail: 'count is too much' }];
    const node = await fakeNode(response => refuse(response, 'unknown_site', { errors }));
    const { exitCode, stdout, stderr } = await run([...NEXT, '--url', node.url]);
    expect([exitCode, stdout]).toEqual([3, '']);
    expect(stderr).toContain('The site is not known. (unknown_site)');
    expect(stderr).toContain('count is too much');
    expect(stderr).toContain('change the request');
  });

  it('4: without a server it names the addresses tried and how to start one', async () => {
    const url = await deadUrl();
    const { exitCode, stderr } = await run(['stats', '--url', url, '--timeout', '0.05']);
    expect(exitCode).toBe(4);
    expect(stderr).toContain(`Tried ${url} (from --url)`);
    expect(stderr).toContain('./START-POC.sh');
  });

  it('4: an unknown outcome gives the key to repeat it with', async () => {
    const node = await fakeNode(response => response.destroy());
    const { exitCode, stderr } = await run([...NEXT, '--url', node.url, '--key', 'k1', '--timeout', '0.05']);
    expect(exitCode).toBe(4);
    expect(stderr).toContain('repeat it with --key k1');
  });

  it('4: a node that has stopped says where to read on', async () => {
    const stopped = await fakeNode(response => refuse(response, 'invariant_violated'));
    const { exitCode, stderr } = await run(['stats', '--url', stopped.url, '--timeout', '0.05']);
    expect(exitCode).toBe(4);
    expect(stderr).toContain('docs/runbook.md says what to do');
  });

  it('1: something that is no seqd', async () => {
    const other = await fakeNode(response => response.writeHead(404).end('<html>'));
    expect((await run(['stats', '--url', other.url])).exitCode).toBe(1);
  });

  it('2: an address that is none', async () => {
    expect((await run(['stats', '--url', 'localhost'])).exitCode).toBe(2);
  });
});

describe('--json', () => {
  it('prints one document with the key', async () => {
    const node = await fakeNode(response => answer(response, issued(42), { 'idempotent-replayed': 'true' }));
    const { stdout, stderr } = await run([...NEXT, '--json', '--url', node.url, '--key', 'k']);
    expect(JSON.parse(stdout)).toEqual({ ...issued(42), replayed: true, idempotencyKey: 'k' });
    expect(stderr).toBe('');
  });

  it('prints an error as one document too', async () => {
    const node = await fakeNode(response => refuse(response, 'unknown_site'));
    const { exitCode, stdout } = await run([...NEXT, '--json', '--url', node.url]);
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'unknown_site', retry: 'never', status: 422, exitCode: 3 },
    });
  });

  it.each([
    { args: ['config', 'print', '--port', 'x', '--json'] },
    { args: ['next', '--json'] },
    { args: ['replay', 'no-such-file.csv', '--json'] },
  ])('$args ends with 2 and one document', async ({ args }) => {
    const { exitCode, stdout } = await run(args);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { exitCode: 2 } });
  });
});
