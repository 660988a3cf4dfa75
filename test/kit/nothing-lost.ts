import { expect } from 'vitest';
import { checkHistory } from '../../src/core/history.ts';
import { verifyCluster } from './nodes.ts';
import type { NumberedDocument } from './rule-client.ts';

/**
 * The three claims that every fault must leave standing: each document has one number and no two the same; the
 * journal holds exactly what the clients hold, so nothing was lost and nothing drawn twice; and what the clients
 * saw is one linearizable history.
 *
 * For series drawn from by these documents only, one number each.
 */
export async function expectNothingLost(
  endpoints: readonly string[],
  cluster: string,
  documents: readonly NumberedDocument[],
): Promise<void> {
  const numbers = documents.map(({ number }) => number).sort((a, b) => a - b);
  expect(new Set(numbers).size, 'a number was given to two documents').toBe(numbers.length);
  const report = await verifyCluster(endpoints, cluster);
  expect(report).toMatchObject({ complete: true, missing: 0, duplicates: [], problems: [] });
  expect(report.issued, 'numbers issued that no document has').toBe(numbers.length);
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => i + 1));
  const history = checkHistory(
    documents.map(({ operation }) => operation),
    1,
  );
  expect(history.problems.slice(0, 5)).toEqual([]);
}
