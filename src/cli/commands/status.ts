import type { Command } from 'commander';
import type { SeqdClient } from '../../client/index.ts';
import { addClientOptions, type ClientOptions, withClient } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, printLines } from '../output.ts';
import { type ClusterStatus, describeStatus, gatherStatus, type NodeStatus } from '../cluster-status.ts';

/** A node that is well answers in milliseconds. */
const NODE_TIMEOUT_MS = 2_000;

/** `seqd status`: who is there, who leads, and whether all is well. Works without an etcd quorum. */
export function registerStatus(program: Command, context: CliContext): void {
  const command = program
    .command('status')
    .description('show cluster, etcd members, nodes and leader; ends with 1 when no node can serve');
  addClientOptions(command).action(async (options: ClientOptions) => {
    const status = await withClient(options, context, client => readStatus(client));
    if (options.json === true) printJson(context.stdout, status);
    else printLines(context.stdout, describeStatus(status));
    if (status.status === 'unhealthy') context.exitWith(EXIT.failed);
  });
}

/** Asks one node for the cluster, then every node of it for itself. @throws SeqdClientError when none answers */
async function readStatus(client: SeqdClient): Promise<ClusterStatus> {
  const health = await client.health();
  const urls = new Set([...health.cluster.nodes.map(node => node.url), ...client.urls]);
  const answers = await Promise.all(
    [...urls].map(async (url): Promise<NodeStatus> => {
      try {
        return { url, health: await client.healthOf(url, { timeoutMs: NODE_TIMEOUT_MS }) };
      } catch (error) {
        return { url, problem: (error as Error).message };
      }
    }),
  );
  return gatherStatus(health, answers);
}
