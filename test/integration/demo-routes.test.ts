import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ScratchPoc, startScratchPoc } from '../../scripts/poc/scratch-poc.mjs';
import type { DemoCatalogue, DemoRun } from '../../src/demo/demo-run.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { createTestNode } from '../kit/nodes.ts';
import { until } from '../kit/until.ts';
import { run as runCommand } from '../unit/cli/run.ts';

// The one-click start as it is: its supervisor, its etcd, its nodes, and the process of the demonstrations.
const NODES = 3;
const BASE = '/api/v1/demo';

let poc: ScratchPoc;

beforeAll(async () => {
  poc = await startScratchPoc({ nodes: NODES, args: ['--no-ledger'] });
  await until('every node has its demonstrations', async () => {
    const answers = await Promise.all(poc.urls.map(url => fetch(`${url}${BASE}`)));
    return answers.every(({ status }) => status === 200);
  });
});

afterAll(() => poc.stop());

async function leaderUrl(): Promise<{ leader: string; others: string[] }> {
  const { cluster } = (await (await fetch(`${poc.urls[0]}/health`)).json()) as {
    cluster: { nodes: { url: string; leader: boolean }[] };
  };
  const leader = cluster.nodes.find(node => node.leader)!.url;
  return { leader, others: poc.urls.filter(url => url !== leader) };
}

const asyncPost = (path: string): Promise<Response> =>
  fetch(`${poc.urls[0]}${BASE}/${path}`, { method: 'POST', headers: { prefer: 'respond-async' } });

/** Waits for the end of a run on whichever node is there. */
function ended(id: string): Promise<DemoRun> {
  let turn = 0;
  return until(
    'the run ends',
    async () => {
      const url = poc.urls[(turn += 1) % NODES];
      const answer = await fetch(`${url}${BASE}/runs/${id}`).catch(() => undefined);
      if (answer?.status !== 200) return undefined;
      const run = (await answer.json()) as DemoRun;
      return run.state === 'running' ? undefined : run;
    },
    { timeoutMs: 90_000, intervalMs: 200 },
  );
}

test('every node knows them, and the command lists them', async () => {
  const catalogues = await Promise.all(
    poc.urls.map(async url => (await (await fetch(`${url}${BASE}`)).json()) as DemoCatalogue),
  );
  expect(catalogues[0]!.demos.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'basic',
      'concurrent',
      'gaps',
      'load-test',
      'failover',
      'etcd-failover',
      'outage',
    ]),
  );
  for (const catalogue of catalogues) expect(catalogue.demos).toEqual(catalogues[0]!.demos);
  const { stdout } = await runCommand(['demo', '--url', poc.urls[1]!]);
  expect(stdout).toContain('--total-requests');
});

test('a POST waits for the end, and the whole series is proven', async () => {
  const answer = await fetch(`${poc.urls[1]}${BASE}/basic`, { method: 'POST' });
  expect(answer.status).toBe(200);
  const run = (await answer.json()) as DemoRun;
  expect(run.state, run.problem ?? '').toBe('passed');
  expect(run.verification).toMatchObject({ complete: true, holes: 0 });
});

test('parameters are checked, and one runs at a time, until it is cancelled', async () => {
  expect((await asyncPost('load-test?totalRequests=0')).status).toBe(400);
  const begun = await asyncPost('load-test?totalRequests=200000&concurrentThreads=8');
  expect(begun.status).toBe(202);
  const { id } = (await begun.json()) as DemoRun;
  const second = await fetch(`${poc.urls[1]}${BASE}/basic`, { method: 'POST' });
  expect([second.status, ((await second.json()) as { code: string }).code]).toEqual([409, 'demo_running']);

  const lines = await fetch(`${poc.urls[2]}${BASE}/runs/${id}`, {
    headers: { accept: 'application/x-ndjson' },
  });
  await fetch(`${poc.urls[1]}${BASE}/runs/${id}`, { method: 'DELETE' });
  const told = (await lines.text()).trim().split('\n');
  expect(JSON.parse(told.at(-1)!)).toMatchObject({
    id,
    state: 'cancelled',
    verification: { complete: true },
  });
});

test('failover, asked of the very node that will be killed: it says where to look just before, and that node tells the end', async () => {
  const { leader, others } = await leaderUrl();
  const answer = await fetch(`${leader}${BASE}/failover?seconds=4`, { method: 'POST' });
  expect(answer.status).toBe(202);
  expect(await answer.json()).toMatchObject({ state: 'running' });
  const location = answer.headers.get('location')!;
  expect(others).toContain(new URL(location).origin);
  const lines = await fetch(location, { headers: { accept: 'application/x-ndjson' } });
  const run = JSON.parse((await lines.text()).trim().split('\n').at(-1)!) as DemoRun;
  expect(run.state, run.problem ?? '').toBe('passed');
  expect(run.verification).toMatchObject({ complete: true, holes: 0 });
  await until(
    'the killed node has its demonstrations again',
    async () => (await fetch(`${leader}${BASE}`).catch(() => undefined))?.ok,
  );
});

test('the command follows a run over the death of the node it talks to', async () => {
  const { leader } = await leaderUrl();
  const { exitCode, stdout } = await runCommand(['demo', 'failover', '--seconds', '4', '--url', leader]);
  expect(exitCode, stdout).toBe(0);
  expect(stdout).toContain('It breaks for a while: The node that leads is killed');
  expect(stdout).toMatch(/2\/7 {2}Kill the node that leads\n(?: {7}.+\n)+ {7}ok /);
  expect(stdout).toMatch(/holes: 0\n/);
  expect(stdout).toMatch(/failover: passed after/);
});

test('a kill -9 of their process in the middle of an outage leaves nothing broken', async () => {
  const { id } = (await (await asyncPost('outage?seconds=20')).json()) as DemoRun;
  const before = await poc.run();
  await until('two members are stopped', async () => {
    const { etcd } = await poc.run();
    return etcd.members.filter(({ pid }) => pid === 0).length === 2;
  });
  process.kill(before.demos!.pid, 'SIGKILL');
  await until('all members run', async () => (await poc.run()).etcd.members.every(({ pid }) => pid !== 0));
  await until('numbers are issued again', async () => {
    const query = 'siteId=site-1&partitionId=partition-a&invoiceType=on-cycle';
    return (await fetch(`${poc.urls[0]}/api/v1/sequence/next?${query}`)).ok;
  });
  await until('their process is back', async () => (await fetch(`${poc.urls[0]}${BASE}`)).ok);
  expect((await fetch(`${poc.urls[0]}${BASE}/runs/${id}`)).status).toBe(404);
  const { id: next } = (await (await asyncPost('basic')).json()) as DemoRun;
  expect((await ended(next)).state).toBe('passed');
});

test('the token is in no file and no answer', async () => {
  const { demos, nodes: running } = await poc.run();
  const environment = await readFile(`/proc/${running[0]!.pid}/environ`, 'utf8').catch(() => '');
  const token = /SEQD_DEMO_TOKEN=([^\0]+)/.exec(environment)?.[1];
  if (token === undefined) return; // no /proc here
  const logs = ['supervisor', 'demo-host', ...running.map(({ id }) => id)].map(name =>
    readFile(join(dirname(poc.runFile), 'logs', `${name}.log`), 'utf8'),
  );
  const answers = ['/health', '/metrics', '/api/v1/sequence/stats', BASE].map(async path =>
    (await fetch(`${poc.urls[0]}${path}`)).text(),
  );
  const texts = await Promise.all([...logs, ...answers]);
  expect([JSON.stringify(await poc.run()), ...texts].filter(text => text.includes(token))).toEqual([]);
  // Its own process asks for it, too.
  expect((await fetch(`http://127.0.0.1:${demos!.port}/catalogue`)).status).toBe(401);
});

describe('they are not there', () => {
  const ask = (method: string, path: string, headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(
        `${poc.urls[0]}${path}`,
        { method, headers },
        (response: IncomingMessage) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode!));
        },
      );
      request.on('error', reject).end();
    });

  test.each([
    ['for a page of somebody else', { origin: 'https://evil.example' }],
    ['for another program of this machine', { origin: 'http://localhost:3000' }],
    ['through a proxy', { 'x-forwarded-for': '127.0.0.1' }],
    ['through a proxy that says so in the standard way', { forwarded: 'for=127.0.0.1' }],
    ['under a name that leads here', { host: 'evil.example:8080' }],
  ])('%s', async (_, headers) => {
    for (const [method, path] of [
      ['GET', BASE],
      ['POST', `${BASE}/failover`],
      ['DELETE', `${BASE}/runs/x`],
    ] as const)
      expect(await ask(method, path, headers), `${method} ${path}`).toBe(404);
  });

  test('but they are for the page of any node of the cluster', async () => {
    const origin = poc.urls[2]!.replace('127.0.0.1', 'localhost');
    expect(await ask('GET', BASE, { origin, 'sec-fetch-site': 'cross-site' })).toBe(200);
  });

  test('on a node that was started by itself', async () => {
    const node = createTestNode({ endpoints: sharedEndpoints(), cluster: uniqueCluster() });
    try {
      await node.start();
      for (const [method, path] of [
        ['GET', BASE],
        ['POST', `${BASE}/failover`],
      ] as const)
        expect((await fetch(`${node.url}${path}`, { method })).status).toBe(404);
      const { exitCode, stderr } = await runCommand(['demo', '--url', node.url]);
      expect(exitCode).toBe(3);
      expect(stderr).toContain('START-POC.sh');
    } finally {
      await node.close();
    }
  });
});
