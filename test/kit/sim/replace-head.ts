import { expect } from 'vitest';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import { KEYS } from '../../../src/core/records.ts';
import type { SimCluster } from './sim-cluster.ts';

/** Replaces the head in the store behind everybody's back. Returns what puts it back. */
export async function replaceHead(
  cluster: SimCluster,
  change: (head: string) => string,
): Promise<() => Promise<void>> {
  const put = async (expectedHead: string, value: string): Promise<void> => {
    const outcome = await cluster.store.commit({
      series: GLOBAL_SERIES,
      expectedHead,
      puts: [{ key: KEYS.head, value }],
      deletes: [],
      journalKey: 'journal/none',
    });
    expect(outcome.status).toBe('committed');
  };
  const { record } = await cluster.store.read(GLOBAL_SERIES, KEYS.head);
  const broken = change(record!.value);
  expect(broken).not.toBe(record!.value);
  await put(record!.value, broken);
  return () => put(broken, record!.value);
}

/** What no version can read. */
export function unreadable(head: string): string {
  return head.slice(0, -1);
}
