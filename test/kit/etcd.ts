import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { inject } from 'vitest';
import type { EtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import { startEtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import type { EtcdMember } from '../../scripts/lib/etcd-member.mjs';
import { EtcdConnection } from '../../src/store/etcd/etcd-connection.ts';
import { readMemberStatus } from '../../src/store/etcd/etcd-status.ts';
import { makeDataDirectory } from './data-directory.ts';
import { until } from './until.ts';

/** Client URLs of the project's shared three-member cluster. Do not stop its members: use `ownCluster`. */
export function sharedEndpoints(): string[] {
  return inject('etcdEndpoints');
}

/** A cluster name that no other test uses, so that its keys `/seqd/<cluster>/…` are its own. */
export function uniqueCluster(): string {
  return `test-${randomUUID()}`;
}

export interface OwnClusterOptions {
  /** How many members; default 3. */
  members?: number;
  /** Flags for every member, overriding ours, such as `--quota-backend-bytes=16777216`. */
  extraArgs?: readonly string[];
}

/**
 * Starts a private cluster for tests that kill, pause or restore members, and waits until it serves.
 * The caller closes it; `close` also deletes its data.
 */
export async function ownCluster(options: OwnClusterOptions = {}): Promise<EtcdCluster> {
  const dataDir = await makeDataDirectory('own-etcd');
  const cluster = await startEtcdCluster({ bin: inject('etcdBin'), dataDir, ...options });
  cluster.onClosed(() => rm(dataDir, { recursive: true, force: true }));
  try {
    await cluster.ready();
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}

/** The member that leads by its own account, once exactly one says so. */
export async function etcdLeader(cluster: EtcdCluster): Promise<EtcdMember> {
  const connection = new EtcdConnection({ endpoints: cluster.endpoints, callTimeoutMs: 2_000 });
  try {
    return await until(
      'etcd has a leader',
      async () => {
        const leaders = (await readMemberStatus(connection)).filter(({ leader }) => leader === true);
        if (leaders.length !== 1) return undefined;
        return cluster.members.find(member => member.clientUrl === leaders[0]!.endpoint);
      },
      { timeoutMs: 60_000 },
    );
  } finally {
    connection.close();
  }
}
