import { afterEach, expect, test } from 'vitest';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { createRandom } from '../kit/fault-proxy/rules.ts';
import { NodeFleet, type NodeProcess } from '../kit/node-process.ts';
import { expectNothingLost } from '../kit/nothing-lost.ts';
import { type NumberedDocument, RuleClient } from '../kit/rule-client.ts';

/** In each of three clusters at once: while nodes of one start, which is most of the time, the others have traffic. */
const ITERATIONS = 67;
/** Decide who is killed and after how many documents, one for each cluster. */
const SEEDS = [20_261_121, 20_261_122, 20_261_123];
const NODES = 4;
const CLIENTS = 24;
/** Starting a node takes a second of a processor; others may want it as well. */
const TIMEOUT_MS = 1_200_000;

const fleets: NodeFleet[] = [];

afterEach(async () => {
  await Promise.all(fleets.map(fleet => fleet.close()));
  expect(fleets.flatMap(fleet => fleet.nodes).filter(node => node.alive)).toEqual([]);
});

test(
  'nodes killed 200 times under load, one or two at once, cost no document, number or answer (F21)',
  async () => {
    await Promise.all(SEEDS.map(killNodes));
  },
  TIMEOUT_MS,
);

async function killNodes(seed: number): Promise<void> {
  const cluster = uniqueCluster();
  const fleet = await NodeFleet.start(NODES, { endpoints: sharedEndpoints(), cluster });
  fleets.push(fleet);
  const client = new RuleClient({ urls: () => fleet.urls, budgetMs: 90_000 });
  const random = createRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const documents: NumberedDocument[] = [];
  const expectSameAnswer = async ({ key, number, allocationId }: NumberedDocument): Promise<void> => {
    const again = await client.draw(key);
    expect([again.number, again.allocationId, again.replayed]).toEqual([number, allocationId, true]);
  };
  let leadersKilled = 0;

  for (let iteration = 0; iteration < ITERATIONS; iteration += 1) {
    const load = client.start(CLIENTS);
    await load.more(1 + Math.floor(random() * 2 * CLIENTS));
    const victims = new Set<NodeProcess>([pick(fleet.nodes)]);
    if (random() < 0.2) victims.add(pick(fleet.nodes));
    if (random() < 0.3) {
      const leader = await fleet.leader(pick(fleet.nodes));
      victims.add(leader);
      leadersKilled += 1;
    }
    for (const victim of victims) victim.killNow();
    await Promise.all(Array.from(victims, async victim => victim.kill()));
    await Promise.all(Array.from(victims, async victim => victim.start()));
    await load.more(CLIENTS);
    documents.push(...(await load.stop()));
    // The next one to be killed is one that serves; the others may still be starting.
    if (iteration % 2 === 0) await Promise.all(Array.from(victims, victim => victim.ready()));
    // G5: whoever asks again with its key, whichever node, gets what it got.
    for (let i = 0; i < 3; i += 1) await expectSameAnswer(pick(documents));
  }

  expect(leadersKilled).toBeGreaterThan(10);
  expect(client.retries).toBeGreaterThan(ITERATIONS);
  await Promise.all(fleet.nodes.map(node => node.ready()));
  await expectNothingLost(sharedEndpoints(), cluster, documents);
  let left = documents.length;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (left > 0) await expectSameAnswer(documents[(left -= 1)]!);
    }),
  );
  await expectNothingLost(sharedEndpoints(), cluster, documents);
  client.close();
}
