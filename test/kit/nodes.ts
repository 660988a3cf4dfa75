import { PLACES } from '../../scripts/lib/seqd-process.mjs';
import { loadConfig } from '../../src/config/index.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import type { CompletenessReport } from '../../src/core/completeness.ts';
import type { Logger } from '../../src/ports/logger.ts';
import { silentLogger } from '../../src/ports/logger.ts';
import { SeqdNode, sha256 } from '../../src/node.ts';
import { EtcdConnection } from '../../src/store/etcd/etcd-connection.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { EtcdStore } from '../../src/store/etcd/etcd-store.ts';
import { verifySeries } from '../../src/verify/verify-series.ts';

/** How to start a node of a test. */
export interface TestNodeOptions {
  readonly endpoints: readonly string[];
  readonly cluster: string;
  /** Which of the four places it takes; more nodes than places get a suffix. */
  readonly index?: number;
  readonly settings?: Readonly<Record<string, string>>;
  readonly logger?: Logger;
}

/** A node in this process, not started yet. */
export function createTestNode(options: TestNodeOptions): SeqdNode {
  const index = options.index ?? 0;
  const [site, partition] = PLACES[index % PLACES.length]!;
  const { config } = loadConfig({
    env: {},
    flags: {
      'sequence.etcd.endpoints': options.endpoints.join(','),
      'sequence.cluster': options.cluster,
      'server.port': '0',
      'node.site': site,
      'node.partition': partition,
      'node.id': `node-${index + 1}`,
      ...options.settings,
    },
  });
  return new SeqdNode(config, options.logger ?? silentLogger);
}

/** Starts `count` nodes of one cluster, one after the other, so that the first one leads. */
export async function startTestNodes(count: number, options: TestNodeOptions): Promise<SeqdNode[]> {
  const nodes: SeqdNode[] = [];
  for (let index = 0; index < count; index += 1) {
    const node = createTestNode({ ...options, index });
    await node.start();
    nodes.push(node);
  }
  return nodes;
}

/** The completeness check on a live cluster, as `seqd verify` runs it. */
export async function verifyCluster(
  endpoints: readonly string[],
  cluster: string,
): Promise<CompletenessReport> {
  const connection = new EtcdConnection({ endpoints, callTimeoutMs: 5_000 });
  try {
    const report = await verifySeries(
      new EtcdStore(connection, new EtcdKeys(cluster)),
      GLOBAL_SERIES,
      sha256,
    );
    if (report === null) throw new Error('the series does not exist');
    return report;
  } finally {
    connection.close();
  }
}
