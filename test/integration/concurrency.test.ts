import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { startTestNodes } from '../kit/nodes.ts';
import { expectNothingLost } from '../kit/nothing-lost.ts';
import { RuleClient } from '../kit/rule-client.ts';

const CLIENTS = 64;
const NUMBERS = 20_000;
/** Where the machine stands still for some seconds, what waits then runs out of its time, of every client; that may happen now and then. */
const REFUSALS_MAX = 4 * CLIENTS;

const cluster = uniqueCluster();
let nodes: SeqdNode[];
let client: RuleClient;
/** Codes of answers that are no number. */
const refusals: string[] = [];

beforeAll(async () => {
  nodes = await startTestNodes(4, { endpoints: sharedEndpoints(), cluster });
  client = new RuleClient({
    urls: () => nodes.map(node => node.url),
    // So that nothing is given up here that the nodes would still have answered.
    attemptTimeoutMs: 30_000,
    onRefusal: ({ status, body }) => refusals.push(body.code ?? String(status)),
  });
});

afterAll(async () => {
  client.close();
  await Promise.all(nodes.map(node => node.close()));
});

test('64 clients over four nodes draw exactly 1 to 20,000, in a linearizable order', async () => {
  const documents = await client.drawMany(NUMBERS, CLIENTS);
  expect(refusals.filter(code => code !== 'outcome_unknown' && code !== 'unavailable')).toEqual([]);
  expect(client.retries).toBeLessThanOrEqual(REFUSALS_MAX);
  await expectNothingLost(sharedEndpoints(), cluster, documents);
});
