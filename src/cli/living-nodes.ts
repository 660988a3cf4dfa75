import { prefixEnd, type EtcdKeys } from '../store/etcd/etcd-keys.ts';
import type { EtcdConnection } from '../store/etcd/etcd-connection.ts';
import { parseRegistration } from '../cluster/registration.ts';

/** What a node that runs says of a series that may have been set back. */
export interface LivingNode {
  readonly url: string;
  /** `undefined` when it does not answer, or is of another cluster. */
  readonly answer:
    | {
        readonly refusing: boolean;
        /** The last batch it has seen, and the next number then; 0 when it has seen none. */
        readonly sequence: number;
        readonly next: number;
        readonly ready: boolean;
      }
    | undefined;
  /** The cluster that answered instead; `null` when it named none. */
  readonly stranger?: string | null;
}

const ANSWER_TIMEOUT_MS = 3_000;

/** The addresses under which nodes are registered; of those whose registration came with the backup, too. */
export async function registeredUrls(connection: EtcdConnection, keys: EtcdKeys): Promise<string[]> {
  const request = { key: Buffer.from(keys.nodes), range_end: Buffer.from(prefixEnd(keys.nodes)) };
  const { kvs } = await connection.read((client, options) => client.kv.range(request, options));
  return kvs.flatMap(kv => parseRegistration(kv.value.toString('utf8'))?.node.url ?? []);
}

/**
 * Asks nodes how far they saw the series go, all at once. Never rejects.
 *
 * @param cluster whose nodes are believed: a registration that came with a backup may name an address that is another's by now
 */
export function askNodes(urls: readonly string[], cluster: string): Promise<LivingNode[]> {
  return Promise.all([...new Set(urls)].map(async url => ({ url, ...(await ask(url, cluster)) })));
}

/** The node that saw the series go furthest; `undefined` when none answered. */
export function furthestNode(nodes: readonly LivingNode[]): { url: string; next: number } | undefined {
  let furthest: { url: string; next: number } | undefined;
  for (const { url, answer } of nodes)
    if (answer !== undefined && answer.next > (furthest?.next ?? 0)) furthest = { url, next: answer.next };
  return furthest;
}

async function ask(url: string, cluster: string): Promise<Omit<LivingNode, 'url'>> {
  try {
    const response = await fetch(new URL('/health', url), { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    const body = (await response.json()) as {
      cluster?: {
        name?: unknown;
        restoreGuard?: { state?: unknown; sequence?: unknown; next?: unknown };
      };
    };
    const guard = body.cluster?.restoreGuard;
    const name = body.cluster?.name;
    if (name !== cluster) return { answer: undefined, stranger: typeof name === 'string' ? name : null };
    if (guard === undefined) return { answer: undefined };
    const answer = {
      refusing: guard.state === 'refusing',
      sequence: wholeOr0(guard.sequence),
      next: wholeOr0(guard.next),
      ready: response.status === 200,
    };
    return { answer };
  } catch {
    return { answer: undefined };
  }
}

function wholeOr0(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0;
}
