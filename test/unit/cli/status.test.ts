import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { answer, deadUrl, type FakeNode, fakeNode } from '../client/fake-node.ts';
import { run } from './run.ts';

interface Peer {
  readonly id: string;
  readonly url: string;
}

function health(self: string, peers: readonly Peer[], problem?: string): object {
  return {
    status: problem === undefined ? 'healthy' : 'unhealthy',
    node: self,
    version: '1.0.0',
    checks: { node: 'ok', etcd: problem ?? 'ok' },
    cluster: {
      name: 'c',
      leader: 'n1',
      epoch: 3,
      nodes: peers.map(({ id, url }) => ({
        id,
        url,
        site: 'site-1',
        partition: 'partition-a',
        version: '1.0.0',
        startedAt: '2026-01-01T00:00:00.000Z',
        leader: id === 'n1',
      })),
      members: [
        { endpoint: 'http://e1', healthy: problem === undefined, revision: 120, behindRevisions: 0 },
        { endpoint: 'http://e2', healthy: problem === undefined, revision: 95, behindRevisions: 25 },
      ],
      ledger: {
        state: 'ok',
        detail: '',
        position: 12,
        lagBatches: 0,
        lagSeconds: 0,
        unprojectedBytes: 0,
        fullness: 0,
        projector: 'n2',
      },
    },
  };
}

/** Starts nodes n1, n2, … that know each other. `problems` by index; a `null` node is registered but gone. */
async function cluster(problems: readonly (string | undefined | null)[]): Promise<FakeNode[]> {
  const peers: Peer[] = [];
  const nodes: FakeNode[] = [];
  for (const [index, problem] of problems.entries()) {
    const id = `n${index + 1}`;
    const respond = (response: ServerResponse): void => {
      const body = health(id, peers, problem ?? undefined);
      if (problem === undefined) answer(response, body);
      else response.writeHead(503).end(JSON.stringify(body));
    };
    if (problem === null) peers.push({ id, url: await deadUrl() });
    else {
      const node = await fakeNode(respond);
      nodes.push(node);
      peers.push({ id, url: node.url });
    }
  }
  return nodes;
}

describe('seqd status', () => {
  it('0: all is well, in aligned columns', async () => {
    const [node] = await cluster([undefined, undefined]);
    const { exitCode, stdout } = await run(['status', '--url', node!.url]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^status +healthy$/m);
    expect(stdout).toMatch(/^leader +n1 \(epoch 3\)$/m);
    const [header, first, second] = stdout.split('\n').filter(line => /^n(ode|1|2) /.test(line));
    expect([first!.indexOf('healthy'), second!.indexOf('healthy')]).toEqual(
      Array(2).fill(header!.indexOf('state')),
    );
    const members = stdout.slice(stdout.indexOf('etcd member')).trimEnd().split('\n');
    expect(members.map(line => line.trim().split(/ {2,}/))).toEqual([
      ['etcd member', 'state', 'role', 'version', 'revision', 'behind', 'database', 'problem'],
      ['http://e1', 'healthy', '120', '0'],
      ['http://e2', 'healthy', '95', '25'],
    ]);
  });

  it('1: without a quorum the 503 of /health is read and shown', async () => {
    const [node] = await cluster(['no etcd quorum answers', 'no etcd quorum answers']);
    const { exitCode, stdout } = await run(['status', '--url', node!.url]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^status +unhealthy$/m);
    expect(stdout).toContain('etcd: no etcd quorum answers');
  });

  it('0, degraded: one node is gone, the others serve', async () => {
    const [node] = await cluster([undefined, null]);
    const { exitCode, stdout } = await run(['status', '--json', '--url', node!.url]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'degraded',
      nodes: [
        { id: 'n1', state: 'healthy', leader: true },
        { id: 'n2', state: 'unreachable' },
      ],
    });
  });

  it('a node known by two addresses is shown once', async () => {
    const [node] = await cluster([undefined]);
    const other = node!.url.replace('127.0.0.1', 'localhost');
    const { stdout } = await run(['status', '--json', '--url', `${other},${node!.url}`]);
    expect((JSON.parse(stdout) as { nodes: unknown[] }).nodes).toHaveLength(1);
  });

  it('4: nobody answers', async () => {
    const { exitCode, stdout, stderr } = await run(['status', '--url', await deadUrl()]);
    expect([exitCode, stdout]).toEqual([4, '']);
    expect(stderr).toContain('./START-POC.sh');
  });
});
