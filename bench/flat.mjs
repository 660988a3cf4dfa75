// `npm run bench:flat`: what ten million numbers and a million gaps cost a draw, a change of leader, and etcd's disk. Nothing
// should depend on how many numbers there have been. Its exit code is about correctness only.

import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { ensureBuild } from '../scripts/lib/build.mjs';
import { runBounded } from './lib/bounded-main.mjs';
import { fillSeries } from './lib/flat/fill-series.mjs';
import { measureRates } from './lib/flat/measure-rates.mjs';
import { measureTakeover } from './lib/flat/measure-takeover.mjs';
import { databaseBytes } from './lib/flat/database-bytes.mjs';
import { LoadProcess } from './lib/load-process.mjs';
import { readWholeOptions } from './lib/options.mjs';
import { makeScratch } from './lib/scratch.mjs';
import { startBenchEtcd } from './lib/servers/bench-etcd.mjs';
import { startSeqdNodes } from './lib/servers/seqd-nodes.mjs';
import { median } from './lib/statistics.mjs';
import { shortNumber, textTable } from './lib/text-table.mjs';
import { describeCompleteness, verifyCluster } from './lib/verify-cluster.mjs';

const USAGE = `npm run bench:flat -- [options]
  --numbers N   how many numbers the full series has (10000000)
  --pool N      how many of them are gaps, scattered (1000000)
  --rounds N    how often the rates are measured, in turn (5)
  --quick       a thousandth of all that, one round: does it still work?
  --json FILE   write all figures`;

const TIMEOUT_MS = 1_500_000;
const ROUND_MS = { full: 3_000, quick: 400 };
/** What the start script sets for the etcd that it starts. */
const COMPACTION = { SEQD_ETCD_COMPACTION_MINUTES: '2' };

/** @param {string} line */
const progress = line => process.stderr.write(`${line}\n`);
/** @param {string} [text] */
const print = (text = '') => process.stdout.write(`${text}\n`);

/** @param {{ numbers: number, pool: number, rounds: number, quick: boolean, json: string | undefined }} options @returns {Promise<boolean>} */
async function main({ numbers, pool, rounds, quick, json }) {
  await ensureBuild(progress);
  const directory = await makeScratch('flat');
  const names = { empty: `flat-empty-${randomUUID()}`, full: `flat-full-${randomUUID()}` };
  const etcd = await startBenchEtcd({ directory, log: progress });
  const { endpoints } = etcd.cluster;
  const options = { endpoints, directory, env: COMPACTION };
  const empty = await startSeqdNodes(1, { ...options, cluster: names.empty });
  const full = await startSeqdNodes(2, { ...options, cluster: names.full });
  const load = new LoadProcess();
  try {
    const leader = await full.leader();
    await fillSeries({ url: leader.url, load, numbers, pool, log: progress });
    const bytesMax = await databaseBytes(endpoints);
    const rates = await measureRates({
      empty: (await empty.leader()).url,
      full: leader.url,
      load,
      rounds,
      ms: quick ? ROUND_MS.quick : ROUND_MS.full,
      log: progress,
    });
    const takeover = await measureTakeover(full);
    const report = await verifyCluster(endpoints, names.full);
    const ratios = {
      fromThePool: median(rates.map(({ empty: base, pooled }) => pooled / base)),
      fromTheCounter: median(rates.map(({ empty: base, fresh }) => fresh / base)),
    };
    print(
      `\n${availableParallelism()} cores, etcd ${etcd.version}; series with ${shortNumber(numbers)} numbers and ${shortNumber(pool)} gaps, 64 connections\n`,
    );
    print(
      textTable([
        ['', 'measured', 'wanted'],
        ['rate, numbers from the pool, against an empty series', ratios.fromThePool.toFixed(2), '≥ 0.90'],
        [
          'rate, numbers from the counter, against an empty series',
          ratios.fromTheCounter.toFixed(2),
          '≥ 0.90',
        ],
        ['leader killed, first number from the other node, ms', takeover.gapMs.toFixed(0), '≤ 1,000'],
        ['node started anew, ready after, ms', takeover.restartMs.toFixed(0), ''],
        ['largest database of a member after filling, MB', (bytesMax / 1e6).toFixed(0), '< 256'],
      ]),
    );
    print(`seqd verify: ${describeCompleteness(report)}`);
    if (json !== undefined) {
      const found = { numbers, pool, rates, ratios, takeover, databaseBytes: bytesMax };
      await writeFile(json, `${JSON.stringify({ at: new Date().toISOString(), ...found }, undefined, 2)}\n`);
    }
    return report.complete;
  } finally {
    load.close();
    await empty.close();
    await full.close();
    await etcd.cluster.close();
  }
}

const options = readWholeOptions(USAGE, {
  numbers: { full: 10_000_000, quick: 10_000 },
  pool: { full: 1_000_000, quick: 1_000 },
  rounds: { full: 5, quick: 1 },
});
if (options !== undefined) await runBounded(TIMEOUT_MS, () => main(options));
