import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { EtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import { startEtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';

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
  const dataDir = await mkdtemp(join(tmpdir(), 'seqd-own-etcd-'));
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
