// `node bench/live.mjs`: what those who watch cost those who draw, as processor time of the nodes for each number. Viewers and load have processes of
// their own, which do not count: in practice they are other machines. Rates by the clock are told, too, but on one machine the viewers' reading is part of
// them, and whatever else runs there. Its exit code is about correctness only.

import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { ensureBuild } from '../scripts/lib/build.mjs';
import { runBounded } from './lib/bounded-main.mjs';
import { measureLive, percent } from './lib/live/measure-live.mjs';
import { ViewersProcess } from './lib/live/viewers-process.mjs';
import { LoadProcess } from './lib/load-process.mjs';
import { readWholeOptions } from './lib/options.mjs';
import { makeScratch } from './lib/scratch.mjs';
import { startBenchEtcd } from './lib/servers/bench-etcd.mjs';
import { startSeqdNodes } from './lib/servers/seqd-nodes.mjs';
import { median, spread } from './lib/statistics.mjs';
import { textTable } from './lib/text-table.mjs';
import { describeCompleteness, verifyCluster } from './lib/verify-cluster.mjs';

const USAGE = `node bench/live.mjs [options]
  --viewers N   how many watch, spread over the nodes (200)
  --nodes N     (4)
  --seconds N   how long the rate is measured each time (5)
  --rounds N    each with viewers between two times without (5)
  --quick       one short round with 20 viewers: does it still work?
  --json FILE   write all figures`;

const TIMEOUT_MS = 900_000;
/** Between two times without viewers; what is sought is not much more. */
const NOISE_MAX = 0.05;

/** @param {string} line */
const progress = line => process.stderr.write(`${line}\n`);
/** @param {string} [text] */
const print = (text = '') => process.stdout.write(`${text}\n`);

/** @param {readonly (readonly import('./lib/live/measure-live.mjs').Cost[])[]} groups @param {'perSecond' | 'microseconds' | 'generator'} what @returns {string[]} the median of each group */
function middle(groups, what) {
  return groups.map(costs => median(costs.map(cost => cost[what])).toFixed(0));
}

/** @param {{ viewers: number, nodes: number, seconds: number, rounds: number, json: string | undefined }} options @returns {Promise<boolean>} */
async function main({ viewers: count, nodes, seconds, rounds, json }) {
  await ensureBuild(progress);
  const directory = await makeScratch('live');
  const cluster = `live-${randomUUID()}`;
  const etcd = await startBenchEtcd({ directory, log: progress });
  const { endpoints } = etcd.cluster;
  const seqd = await startSeqdNodes(nodes, { endpoints, directory, cluster });
  const load = new LoadProcess();
  const viewers = new ViewersProcess();
  try {
    const urls = seqd.nodes.map(node => node.url);
    const ms = seconds * 1_000;
    const found = await measureLive({ urls, load, viewers, count, rounds, ms, log: progress });
    const report = await verifyCluster(endpoints, cluster);
    const costs = spread(found.map(({ cost }) => cost));
    const noise = spread(found.map(({ noise }) => noise));
    const gaps = found.reduce((sum, { seen }) => sum + seen.gaps, 0);
    const each = found.map(({ seen: { frames, viewers } }) => frames / viewers);
    const alone = found.flatMap(({ before, after }) => [before, after]);
    const watched = found.map(round => round.watched);
    print(
      `\n${availableParallelism()} cores, etcd ${etcd.version}, ${nodes} nodes; medians of ${rounds} rounds of ${seconds} s\n`,
    );
    print(
      textTable([
        ['', 'nobody watches', `${count} viewers`, 'wanted'],
        ["nodes' processor time for a number, µs", ...middle([alone, watched], 'microseconds'), ''],
        ["… the load generator's", ...middle([alone, watched], 'generator'), ''],
        ['part of the first for the viewers, by the second', '', percent(costs.median), '≤ 5 %'],
        ['… lowest and highest round', '', `${percent(costs.min)} to ${percent(costs.max)}`, ''],
        ['… between two times without viewers', `${percent(noise.min)} to ${percent(noise.max)}`, '', ''],
        ['numbers per second by the clock', ...middle([alone, watched], 'perSecond'), ''],
        ['frames that each viewer got in a round', '', median(each).toFixed(0), ''],
        ['frames that were missed', '', String(gaps), '0'],
      ]),
    );
    if (median(found.map(({ noise }) => Math.abs(noise))) > NOISE_MAX)
      print(
        'The times without viewers differ too much: the machine is not quiet enough for the figure to count.',
      );
    print(`seqd verify: ${describeCompleteness(report)}`);
    if (json !== undefined) {
      const text = JSON.stringify(
        { at: new Date().toISOString(), viewers: count, nodes, ms, found },
        undefined,
        2,
      );
      await writeFile(json, `${text}\n`);
    }
    return report.complete && gaps === 0;
  } finally {
    viewers.end();
    load.close();
    await seqd.close();
    await etcd.cluster.close();
  }
}

const options = readWholeOptions(USAGE, {
  viewers: { full: 200, quick: 20 },
  nodes: { full: 4, quick: 4 },
  seconds: { full: 5, quick: 1 },
  rounds: { full: 5, quick: 1 },
});
if (options !== undefined) await runBounded(TIMEOUT_MS, () => main(options));
