import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import type { SeqdNode } from '../../src/node.ts';
import { etcdLeader, ownCluster, uniqueCluster } from '../kit/etcd.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { expectNothingLost } from '../kit/nothing-lost.ts';
import { readMetric } from '../kit/read-metric.ts';
import { RuleClient } from '../kit/rule-client.ts';

const CYCLES = 20;

let etcd: EtcdCluster;
let nodes: SeqdNode[] = [];
let client: RuleClient;

beforeEach(async () => {
  etcd = await ownCluster();
  client = new RuleClient({ urls: () => nodes.map(node => node.url), budgetMs: 60_000 });
});

afterEach(async () => {
  client.close();
  await Promise.all(nodes.splice(0).map(node => node.close()));
  await etcd.close();
  expect(etcd.members.filter(member => member.alive)).toEqual([]);
});

test('the etcd leader killed and started again 20 times under load costs no document and no number (F11)', async () => {
  const cluster = uniqueCluster();
  nodes = await startTestNodes(2, { endpoints: etcd.endpoints, cluster });
  const load = client.start(12);
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    await load.more(60);
    const leader = await etcdLeader(etcd);
    await leader.kill();
    await load.more(60);
    await leader.start();
    await etcd.ready();
  }
  await load.more(60);
  // Every client has kept the retry rule, and none was refused for good.
  await expectNothingLost(etcd.endpoints, cluster, await load.stop());
  // A kill that nobody notices proves nothing: commits were under way, and their outcome had to be found out.
  const unknown = await Promise.all(nodes.map(({ url }) => readMetric(url, 'seqd_commit_unknown_total')));
  expect(
    unknown.reduce((sum, count) => sum + count, load.retries),
    'commits of unknown outcome, and retries',
  ).toBeGreaterThan(0);
});
