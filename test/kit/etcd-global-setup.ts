import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { ensureEtcdBinary } from '../../scripts/lib/etcd-binary.mjs';
import { startEtcdCluster } from '../../scripts/lib/etcd-cluster.mjs';
import { makeDataDirectory } from './data-directory.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Client URLs of the three members that all tests of a project share. */
    etcdEndpoints: string[];
    /** The etcd program, for tests that start a cluster of their own. */
    etcdBin: string;
    /** Version of that program, such as `3.6.14`. */
    etcdVersion: string;
  }
}

/** Starts one real three-member cluster for all test files of a project; vitest calls what it returns at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { bin, version } = await ensureEtcdBinary({ log: line => console.log(`[etcd] ${line}`) });
  const dataDir = await makeDataDirectory('test-etcd');
  const cluster = await startEtcdCluster({ bin, dataDir });
  const teardown = async (): Promise<void> => {
    await cluster.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await cluster.ready();
  } catch (error) {
    await teardown();
    throw error;
  }
  project.provide('etcdEndpoints', cluster.endpoints);
  project.provide('etcdBin', bin);
  project.provide('etcdVersion', version);
  return teardown;
}
