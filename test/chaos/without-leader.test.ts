import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { noop } from 'cockatiel';
import { Etcd3, type Lease } from 'etcd3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeLeader, encodeRegistration } from '../../src/cluster/registration.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import type { SeqdNode } from '../../src/node.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import type { HttpAnswer } from '../kit/http-client.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { expectNothingLost } from '../kit/nothing-lost.ts';
import { readMetric } from '../kit/read-metric.ts';
import { RuleClient } from '../kit/rule-client.ts';

const DOCUMENTS = 4_000;
const CLIENTS = 64;
/** Of commits attempted, at least this share must be carried out: more conflicts than that would be a collapse. */
const COMMITTED_SHARE_MIN = 0.2;

let cluster: string;
let ghost: Ghost;
let nodes: SeqdNode[] = [];
let client: RuleClient;
const refusals: HttpAnswer[] = [];

/** Holds the leadership of a cluster and takes in connections, and that is all it ever does. */
class Ghost {
  private readonly etcd = new Etcd3({
    hosts: sharedEndpoints(),
    faultHandling: { global: noop, host: () => noop },
  });
  private readonly lease: Lease = this.etcd.lease(60);
  private readonly sockets = new Set<Socket>();
  private readonly server: Server = createServer(socket => {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.resume();
  });

  async haunt(name: string): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const { port } = this.server.address() as { port: number };
    const node = {
      id: 'ghost',
      instance: 'ghost-1',
      site: 'site-1',
      partition: 'partition-a',
      url: `http://127.0.0.1:${port}`,
      peerToken: 'none',
      lease: await this.lease.grant(),
      version: '0',
      startedAt: Date.now(),
    };
    const keys = new EtcdKeys(name);
    await this.lease.put(keys.node(node.id)).value(encodeRegistration({ node, wallMs: undefined }));
    await this.lease.put(keys.leader(GLOBAL_SERIES)).value(encodeLeader(node));
  }

  async close(): Promise<void> {
    await this.lease.revoke();
    this.etcd.close();
    const closed = once(this.server.close(), 'close');
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

beforeEach(async () => {
  cluster = uniqueCluster();
  ghost = new Ghost();
  await ghost.haunt(cluster);
  client = new RuleClient({
    urls: () => nodes.map(node => node.url),
    budgetMs: 60_000,
    onRefusal: answer => refusals.push(answer),
  });
});

afterEach(async () => {
  client.close();
  await Promise.all(nodes.splice(0).map(node => node.close()));
  await ghost.close();
});

test('four nodes that all commit by themselves get in each other’s way, but do not collapse', async () => {
  nodes = await startTestNodes(4, { endpoints: sharedEndpoints(), cluster });
  const documents = await client.drawMany(DOCUMENTS, CLIENTS);
  const counts = await Promise.all(
    nodes.map(async ({ url }) => ({
      leads: await readMetric(url, 'seqd_leader'),
      commits: await readMetric(url, 'seqd_batches_committed_total'),
      conflicts: await readMetric(url, 'seqd_commit_conflicts_total'),
    })),
  );
  const commits = counts.reduce((sum, count) => sum + count.commits, 0);
  const conflicts = counts.reduce((sum, count) => sum + count.conflicts, 0);
  console.log(`without a leader: ${commits} commits, ${conflicts} conflicts`, counts);
  expect(counts.map(({ leads }) => leads)).toEqual([0, 0, 0, 0]);
  for (const count of counts) expect(count.commits, 'commits of one node').toBeGreaterThan(0);
  expect(conflicts).toBeGreaterThan(0);
  expect(commits / (commits + conflicts)).toBeGreaterThan(COMMITTED_SHARE_MIN);
  expect(
    refusals.map(({ body }) => body.code),
    'requests that were refused',
  ).toEqual([]);
  await expectNothingLost(sharedEndpoints(), cluster, documents);
});
