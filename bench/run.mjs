// `npm run bench`: seqd and what one would use instead, in turn on the same machine, and the ratios within the run.
// Figures of different runs or machines say little; the ratios travel.

import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { ensureBuild } from '../scripts/lib/build.mjs';
import { describeFigures, describeRatios, GENERATOR_BUSY, toJson } from './lib/bench-report.mjs';
import { runBounded } from './lib/bounded-main.mjs';
import { checkNumbers, compareWithIssued } from './lib/check-numbers.mjs';
import { createContenders, FAMILIES, SEQD_COUNTER } from './lib/contenders.mjs';
import { medianFigures } from './lib/figures.mjs';
import { BENCH_USAGE, parseBenchOptions } from './lib/options.mjs';
import { runRounds } from './lib/rounds.mjs';
import { makeScratch } from './lib/scratch.mjs';
import { startBenchServers } from './lib/servers/bench-servers.mjs';
import { throughputChart } from './lib/throughput-chart.mjs';
import { describeCompleteness, verifyCluster } from './lib/verify-cluster.mjs';

/** @typedef {import('./lib/options.mjs').BenchOptions} BenchOptions */
/** @typedef {import('./lib/rounds.mjs').RoundsResult} RoundsResult */
/** @typedef {import('./lib/servers/bench-servers.mjs').BenchServers} BenchServers */

/** Starting, stopping and checking. */
const OVERHEAD_MS = 180_000;

/** Never measured here. */
const OUT_OF_SCOPE = [
  {
    what: 'replicas of PostgreSQL and Redis',
    why: 'each is one machine, which flatters them: etcd commits on three',
  },
  { what: 'the network between machines', why: 'everything runs on loopback, on one machine' },
  { what: 'opening connections', why: 'every connection is open before the clock starts' },
  { what: 'idempotency keys', why: 'no contender but seqd has them; requests are sent without' },
];

/** @param {string} line */
const progress = line => process.stderr.write(`${line}\n`);
/** @param {string} [text] */
const print = (text = '') => process.stdout.write(`${text}\n`);

/** @param {BenchOptions} options @returns {Promise<boolean>} */
async function main(options) {
  await ensureBuild(progress);
  const directory = await makeScratch('bench');
  const wanted = /** @param {string} family */ family =>
    options.only.length === 0 || options.only.includes(family);
  progress('starting three etcd members, four seqd nodes, and what they are compared with');
  const servers = await startBenchServers({
    directory,
    cluster: `bench-${randomUUID()}`,
    wanted,
    log: progress,
  });
  try {
    const contenders = createContenders(servers, options.connections).filter(({ family }) => wanted(family));
    const run = await runRounds(contenders, { ...options, log: progress });
    const { lines, failures } = await checkAll(run, servers);
    const document = {
      ...describeRun(options, servers),
      ...toJson(contenders, run.results),
      checks: lines,
      failures,
    };
    printAll(contenders, run, document);
    await writeFiles(options, run, document);
    return failures.length === 0;
  } finally {
    await servers.close();
  }
}

/** @param {RoundsResult} run @param {BenchServers} servers */
async function checkAll({ drawn, failures }, { endpoints, cluster }) {
  const unique = checkNumbers(drawn);
  const lines = [...unique.lines];
  const problems = [...failures, ...unique.failures];
  const seqd = drawn.get(SEQD_COUNTER);
  if (seqd !== undefined) {
    progress('checking that the series is complete');
    const report = await verifyCluster(endpoints, cluster);
    lines.push(`seqd verify: ${describeCompleteness(report)}`);
    // After a failed contender numbers may be issued whose answers nobody read.
    problems.push(
      ...(failures.length === 0
        ? compareWithIssued(report, seqd)
        : report.complete
          ? []
          : ['the series is not complete']),
    );
  }
  return { lines, failures: problems };
}

/** @param {BenchOptions} options @param {BenchServers} servers */
function describeRun({ rounds, seconds }, { versions, leftOut }) {
  return {
    at: new Date().toISOString(),
    machine: {
      cores: availableParallelism(),
      processor: cpus()[0]?.model ?? 'unknown',
      platform: process.platform,
    },
    versions,
    rounds,
    secondsEach: seconds,
    leftOut: [...leftOut, ...OUT_OF_SCOPE],
  };
}

/** @typedef {ReturnType<typeof describeRun> & { checks: string[], failures: string[] }} Described */

/** @param {Described} document @returns {string} */
function describePlace({ machine, versions, rounds, secondsEach }) {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version.split(' ')[0]}`);
  return `${machine.cores} cores shared by servers and load; ${rounds} × ${secondsEach} s in turn; ${programs.join(', ')}`;
}

/**
 * @param {readonly import('./lib/contenders.mjs').Contender[]} contenders
 * @param {RoundsResult} run
 * @param {Described} document
 */
function printAll(contenders, { results }, document) {
  print(`\n${describePlace(document)}\n`);
  print(describeFigures(contenders, results));
  const busy = [...results.values()].some(
    rounds => rounds.length > 0 && medianFigures(rounds).generatorCpu > GENERATOR_BUSY,
  );
  if (busy) print('! the load generator was about as busy as it can be: the server may do more than this\n');
  print(describeRatios(results));
  for (const line of document.checks) print(line);
  print();
  for (const { what, why } of document.leftOut) print(`left out: ${what} (${why})`);
  for (const failure of document.failures) print(`FAILED: ${failure}`);
}

/** @param {BenchOptions} options @param {RoundsResult} run @param {Described} document */
async function writeFiles({ json, svg }, { results }, document) {
  if (json !== undefined) await writeFile(json, `${JSON.stringify(document, undefined, 2)}\n`);
  if (svg === undefined) return;
  const chart = throughputChart(results, describePlace(document));
  if (chart === undefined) print('no chart: none of its contenders was measured');
  else await writeFile(svg, chart);
}

const options = parseBenchOptions(process.argv.slice(2), FAMILIES);
if (options === undefined) print(BENCH_USAGE);
else {
  const runs = FAMILIES.length + 4 * options.connections.length;
  const expectedMs = runs * (options.warmupSeconds + options.rounds * options.seconds) * 1000;
  await runBounded(2 * expectedMs + OVERHEAD_MS, () => main(options));
}
