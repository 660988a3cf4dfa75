import { join } from 'node:path';
import { ensureEtcdBinary } from '../../../scripts/lib/etcd-binary.mjs';
import { startEtcdCluster } from '../../../scripts/lib/etcd-cluster.mjs';

/** A benchmark writes in minutes what a site writes in months. */
const QUOTA_BYTES = 8 * 1024 ** 3;

/**
 * Starts three members that flush every commit to disk, as etcd does unless told otherwise.
 *
 * @param {{ directory: string, log: (line: string) => void }} options
 * @returns {Promise<{ cluster: import('../../../scripts/lib/etcd-cluster.mjs').EtcdCluster, version: string }>} to be
 *   closed by the caller
 */
export async function startBenchEtcd({ directory, log }) {
  const { bin, version } = await ensureEtcdBinary({ log });
  const cluster = await startEtcdCluster({
    bin,
    dataDir: join(directory, 'etcd'),
    extraArgs: [`--quota-backend-bytes=${QUOTA_BYTES}`],
  });
  try {
    await cluster.ready();
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return { cluster, version };
}
