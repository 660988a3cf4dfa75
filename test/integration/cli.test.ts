import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReplaySummary } from '../../src/cli/replay/summary.ts';
import type { StatsReply } from '../../src/client/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { type CliRun, run } from '../unit/cli/run.ts';

const nodes: SeqdNode[] = [];
let directory: string;
let cluster: string;

async function startNode(site: string): Promise<void> {
  const flags = {
    'server.port': '0',
    'sequence.etcd.endpoints': sharedEndpoints().join(','),
    'sequence.cluster': cluster,
    'node.site': site,
  };
  const node = new SeqdNode(loadConfig({ env: {}, flags }).config, pino({ level: 'silent' }));
  nodes.push(node);
  await node.start();
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'seqd-cli-'));
  cluster = uniqueCluster();
  await startNode('site-1');
  await startNode('site-2');
});

afterAll(async () => {
  for (const node of nodes) await node.close();
  rmSync(directory, { recursive: true });
});

const PLACE = ['--site', 'site-1', '--partition', 'partition-a'];

const seqd = (...args: string[]): Promise<CliRun> => run([...args, '--url', nodes[0]!.url]);

async function json<T>(...args: string[]): Promise<T> {
  const { stdout } = await seqd(...args, '--json');
  return JSON.parse(stdout) as T;
}

const stats = (): Promise<StatsReply> => json<StatsReply>('stats');

describe('the seqd command on a real cluster', () => {
  it('next draws numbers, and the same key draws the same again', async () => {
    expect(await seqd('next', ...PLACE, '--type', 'on-cycle', '--key', 'a')).toMatchObject({
      exitCode: 0,
      stdout: '1\n',
    });
    const again = await seqd('next', ...PLACE, '--type', 'on-cycle', '--key', 'a');
    expect(again.stdout).toBe('1\n');
    expect(again.stderr).toContain('given before under this key');
    expect((await seqd('next', ...PLACE, '--type', 'on-cycle', '--count', '3')).stdout).toBe('2-4\n');
  });

  it('a preview issues nothing', async () => {
    const { stdout, stderr } = await seqd('next', ...PLACE, '--type', 'simulated');
    expect([stdout, stderr]).toEqual(['5\n', expect.stringContaining('nothing was issued')]);
    expect((await stats()).next).toBe(5);
  });

  it('release gives a number back once; after that it is refused', async () => {
    const released = await seqd('release', '2', ...PLACE, '--reason', 'cancelled', '--key', 'r');
    expect(released).toMatchObject({ exitCode: 0, stdout: '2 released to the gap pool\n' });
    const refused = await seqd('release', '2', ...PLACE, '--reason', 'cancelled');
    expect(refused).toMatchObject({ exitCode: 3, stdout: '' });
    expect(refused.stderr).toContain('(already_released)');
  });

  it('a released number is drawn again, and the command says so', async () => {
    const { stdout, stderr } = await seqd('next', ...PLACE, '--type', 'on-cycle');
    expect([stdout, stderr]).toEqual(['2\n', expect.stringContaining('from the gap pool')]);
  });

  it('a wrong site is refused with what is allowed', async () => {
    const { exitCode, stderr } = await seqd('next', '--site', 'x', '--partition', 'y', '--type', 'on-cycle');
    expect(exitCode).toBe(3);
    expect(stderr).toContain('site-1, site-2');
  });

  it('stats names the numbers and what requests may name', async () => {
    expect(await stats()).toMatchObject({
      next: 5,
      issued: 4,
      holes: 0,
      vocabulary: {
        sites: [
          { id: 'site-1', partitions: ['partition-a', 'partition-b'] },
          { id: 'site-2', partitions: ['partition-a', 'partition-b'] },
        ],
        invoiceTypes: { 'on-cycle': 'issue', suppressed: 'suppress' },
        countMax: 1000,
      },
    });
    const { exitCode, stdout } = await seqd('stats');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^site-1\/partition-a +4 +5 +1 +0$/m);
  });

  it('status shows both nodes and all etcd members', async () => {
    await expect
      .poll(async () => (await json<{ nodes: unknown[] }>('status')).nodes.length, { timeout: 10_000 })
      .toBe(2);
    const { exitCode, stdout } = await seqd('status');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^status +healthy$/m);
    for (const text of [...nodes.map(node => node.url), ...sharedEndpoints()]) expect(stdout).toContain(text);
  });

  it('a replay run again changes nothing', async () => {
    const rows = Array.from({ length: 60 }, (_, index) => {
      const country = ['France', 'United Kingdom', 'Germany', 'EIRE'][index % 4]!;
      return `${index % 6 === 5 ? 'C' : ''}${1000 + index},2010-12-01T08:26:00,${country},1,1.00`;
    });
    const file = join(directory, 'documents.csv');
    writeFileSync(file, ['invoice_no,invoiced_at,country,line_count,amount_gbp', ...rows, ''].join('\n'));

    const first = await json<ReplaySummary>('replay', file, '--concurrency', '8');
    expect(first).toMatchObject({
      end: 'complete',
      kept: 50,
      suppressed: 10,
      replayed: 0,
      failed: 0,
      duplicates: 0,
    });
    expect(Object.keys(first.byNode)).toEqual(nodes.map(node => node.id).sort());
    const before = await stats();
    expect(before).toMatchObject({ issued: 54, holes: 0 });

    const second = await json<ReplaySummary>('replay', file, '--concurrency', '8');
    expect(second).toMatchObject({ kept: 50, suppressed: 10, replayed: 60, failed: 0, duplicates: 0 });
    expect([second.lowestKept, second.highestKept]).toEqual([first.lowestKept, first.highestKept]);
    const after = await stats();
    expect(after.journal).toEqual(before.journal);
    expect([after.next, after.issued, after.pooled]).toEqual([before.next, before.issued, before.pooled]);
  });

  it('an interrupted replay is finished by running it again', async () => {
    const rows = Array.from({ length: 40 }, (_, index) => `${2000 + index},2010-12-01T08:26:00,Japan,1,1.00`);
    const file = join(directory, 'more.csv');
    writeFileSync(file, ['invoice_no,invoiced_at,country,line_count,amount_gbp', ...rows, ''].join('\n'));
    const args = ['replay', file, '--concurrency', '2', '--json', '--url', nodes[0]!.url];
    const onInterrupt = (handle: () => void): (() => void) => {
      handle();
      return () => {};
    };
    expect((await run(args, { onInterrupt })).exitCode).toBe(130);
    expect((await run([...args, '--limit', '10'])).exitCode).toBe(0);
    const { stdout } = await run(args);
    expect(JSON.parse(stdout)).toMatchObject({ kept: 40, replayed: 10, duplicates: 0 });
  });

  it('verify proves that every number is accounted for, and names the cluster', async () => {
    const etcd = ['--etcd-endpoints', sharedEndpoints().join(',')];
    const { exitCode, stdout } = await run(['verify', ...etcd, '--cluster', cluster]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`in cluster ${cluster}`);
    expect(stdout).toMatch(/^complete: every number from 1 to \d+ is accounted for exactly once$/m);
  });

  it('verify of a cluster without numbers says so and ends with 0', async () => {
    const empty = uniqueCluster();
    const args = ['verify', '--etcd-endpoints', sharedEndpoints().join(','), '--cluster', empty];
    expect(await run(args)).toEqual({
      exitCode: 0,
      stdout: `series default/global/all in cluster ${empty}: no numbers yet\n`,
      stderr: '',
    });
    expect(JSON.parse((await run([...args, '--json'])).stdout)).toMatchObject({ complete: true, numbers: 0 });
  });
});
