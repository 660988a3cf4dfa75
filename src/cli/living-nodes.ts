import { prefixEnd, type EtcdKeys } from '../store/etcd/etcd-keys.ts';
import type { EtcdConnection } from '../store/etcd/etcd-connection.ts';
import { parseRegistration } from '../cluster/registration.ts';

/** What a node that runs says of a series that may have been set back. */
export interface LivingNode {
  readonly url: string;
  /** `undefined` when it does not answer. */
  readonly answer: { readonly refusing: boolean; readonly next: number; readonly ready: boolean } | undefined;
}

const ANSWER_TIMEOUT_MS = 3_000;

/** The addresses under which nodes are registered; of those whose registration came with the backup, too. */
export async function registeredUrls(connection: EtcdConnection, keys: EtcdKeys): Promise<string[]> {
  const request = { key: Buffer.from(keys.nodes), range_end: Buffer.from(prefixEnd(keys.nodes)) };
  const { kvs } = await connection.read((client, options) => client.kv.range(request, options));
  return kvs.flatMap(kv => parseRegistration(kv.value.toString('utf8'))?.node.url ?? []);
}

/** Asks nodes how far they saw the series go, all at once. Never rejects. */
export function askNodes(urls: readonly string[]): Promise<LivingNode[]> {
  return Promise.all([...new Set(urls)].map(async url => ({ url, answer: await ask(url) })));
}

async function ask(url: string): Promise<LivingNode['answer']> {
  try {
    const response = await fetch(new URL('/health', url), { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    const body = (await response.json()) as {
      cluster?: { restoreGuard?: { state?: unknown; next?: unknown } };
    };
    const guard = body.cluster?.restoreGuard;
    if (guard === undefined) return undefined;
    const next = Number.isSafeInteger(guard.next) ? (guard.next as number) : 0;
    return { refusing: guard.state === 'refusing', next, ready: response.status === 200 };
  } catch {
    return undefined;
  }
}
