import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkHistory, type ObservedOperation } from '../../src/core/history.ts';
import { parseAllocationId } from '../../src/core/identifiers.ts';
import type { SeqdNode } from '../../src/node.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient, nextBody } from '../kit/http-client.ts';
import { startTestNodes, verifyCluster } from '../kit/nodes.ts';

const CLIENTS = 64;
const NUMBERS = 20_000;

const cluster = uniqueCluster();
const http = new HttpClient();
let nodes: SeqdNode[];

beforeAll(async () => {
  nodes = await startTestNodes(4, { endpoints: sharedEndpoints(), cluster });
});

afterAll(async () => {
  http.close();
  await Promise.all(nodes.map(node => node.close()));
});

test('64 clients over four nodes draw exactly 1 to 20,000, in a linearizable order', async () => {
  const operations: ObservedOperation[] = [];
  let left = NUMBERS;
  const client = async (number: number): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const node = nodes[(number + left) % nodes.length]!;
      const invokedAtMs = performance.now();
      const { status, body } = await http.post(`${node.url}/api/v1/sequence/next`, nextBody());
      const returnedAtMs = performance.now();
      expect(status, JSON.stringify(body)).toBe(200);
      operations.push({
        invokedAtMs,
        returnedAtMs,
        result: {
          kind: 'draw',
          position: parseAllocationId(body.allocationId)!,
          revision: body.revision,
          ranges: body.numbers.map((range: object) => ({ ...range, reused: body.reused })),
        },
      });
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)));

  const numbers = operations.flatMap(({ result }) =>
    result?.kind === 'draw' ? result.ranges.map(r => r.first) : [],
  );
  expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: NUMBERS }, (_, i) => i + 1));
  expect(checkHistory(operations, 1)).toEqual({
    linearizable: true,
    operations: NUMBERS,
    unknown: 0,
    problems: [],
  });
  expect(await verifyCluster(sharedEndpoints(), cluster)).toMatchObject({
    complete: true,
    issued: NUMBERS,
    missing: 0,
    duplicates: [],
    problems: [],
  });
});
