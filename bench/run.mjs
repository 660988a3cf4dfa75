// `npm run bench`: seqd against naive compare-and-swap on the same etcd, in turn, and the ratios within the run.
// Times of different runs or machines say little; the ratios travel.

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuild } from '../scripts/lib/build.mjs';
import { ensureEtcdBinary } from '../scripts/lib/etcd-binary.mjs';
import { startEtcdCluster } from '../scripts/lib/etcd-cluster.mjs';
import { startBenchNode } from './lib/bench-node.mjs';
import { medianOf, summarise } from './lib/figures.mjs';
import { loadHttp } from './lib/http-load.mjs';
import { loadBareCommit, loadNaiveCas } from './lib/naive-cas.mjs';

/** @typedef {import('./lib/figures.mjs').Summary} Summary */
/** @typedef {{ name: string, connections: number, run: (ms: number) => Promise<import('./lib/figures.mjs').Figures> }} Contender */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '1,16,64,256' },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const ms = Number(values.seconds) * 1000;
const connections = values.connections.split(',').map(Number);

/** @param {string} line */
const say = line => process.stderr.write(`${line}\n`);

/** @param {{ url: string, endpoints: readonly string[] }} where @returns {Contender[]} */
function contenders({ url, endpoints }) {
  const body = JSON.stringify({ siteId: 'site-1', partitionId: 'partition-a', invoiceType: 'on-cycle' });
  const path = '/api/v1/sequence/next';
  return [
    { name: 'bare commit', connections: 1, run: time => loadBareCommit({ endpoints, ms: time }) },
    ...connections.flatMap(count => [
      {
        name: 'seqd',
        connections: count,
        run: /** @param {number} time */ time =>
          loadHttp({ urls: [url], path, body, connections: count, ms: time }),
      },
      {
        name: 'naive',
        connections: count,
        run: /** @param {number} time */ time => loadNaiveCas({ endpoints, workers: count, ms: time }),
      },
    ]),
  ];
}

/** @param {Contender} contender */
const keyOf = ({ name, connections: count }) => `${name} ${count}`;

/** @param {Map<string, Summary>} medians */
function printTable(medians) {
  const row = /** @param {readonly string[]} cells */ cells =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(16) : cell.padStart(13))).join(' ');
  const lines = [row(['contender', 'numbers/s', 'p50 ms', 'p99 ms', 'times naive'])];
  for (const [key, { perSecond, p50Ms, p99Ms }] of medians) {
    const naive = medians.get(key.replace('seqd', 'naive'));
    const ratio =
      key.startsWith('seqd') && naive !== undefined ? `${(perSecond / naive.perSecond).toFixed(1)}×` : '';
    lines.push(row([key, perSecond.toFixed(0), p50Ms.toFixed(2), p99Ms.toFixed(2), ratio]));
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function main() {
  await ensureBuild(say);
  const { bin, version } = await ensureEtcdBinary({ log: say });
  const dataDir = await mkdtemp(join(tmpdir(), 'seqd-bench-'));
  const etcd = await startEtcdCluster({ bin, dataDir });
  try {
    await etcd.ready();
    const node = await startBenchNode({
      endpoints: etcd.endpoints,
      cluster: `bench-${randomUUID()}`,
      id: 'bench',
    });
    try {
      const all = contenders({ url: node.url, endpoints: etcd.endpoints });
      /** @type {Map<string, Summary[]>} */
      const results = new Map(all.map(contender => [keyOf(contender), []]));
      for (const contender of all) await contender.run(Math.min(1000, ms));
      for (let round = 1; round <= rounds; round += 1) {
        for (const contender of all) {
          const summary = summarise(await contender.run(ms));
          results.get(keyOf(contender))?.push(summary);
          say(`round ${round}: ${keyOf(contender)}: ${summary.perSecond.toFixed(0)}/s`);
        }
      }
      const medians = new Map([...results].map(([key, list]) => [key, medianOf(list)]));
      printTable(medians);
      if (values.json !== undefined) {
        const document = {
          etcd: version,
          node: process.version,
          rounds,
          secondsEach: ms / 1000,
          medians: Object.fromEntries(medians),
        };
        await writeFile(values.json, `${JSON.stringify(document, null, 2)}\n`);
      }
    } finally {
      await node.close();
    }
  } finally {
    await etcd.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

await main();
