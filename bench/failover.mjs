// `npm run bench:failover`: how long clients of the surviving nodes wait when something fails, and whether anything
// is lost. Nothing may be: the exit code is about that. The times are shown beside what they should be.

import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { ensureBuild } from '../scripts/lib/build.mjs';
import { runBounded } from './lib/bounded-main.mjs';
import { describeFailover, summariseScenario } from './lib/failover/failover-report.mjs';
import { runFailoverRound } from './lib/failover/failover-round.mjs';
import { LossCheck } from './lib/failover/loss-check.mjs';
import { SCENARIOS } from './lib/failover/scenarios.mjs';
import { Traffic } from './lib/failover/traffic.mjs';
import { whole } from './lib/options.mjs';
import { makeScratch } from './lib/scratch.mjs';
import { startBenchEtcd } from './lib/servers/bench-etcd.mjs';
import { startSeqdNodes } from './lib/servers/seqd-nodes.mjs';
import { describeCompleteness, verifyCluster } from './lib/verify-cluster.mjs';

/** @typedef {import('./lib/failover/failover-report.mjs').ScenarioSummary} ScenarioSummary */
/** @typedef {import('./lib/failover/scenarios.mjs').Scenario} Scenario */

const USAGE = `npm run bench:failover -- [options]
  --rounds N     how often each fault is inflicted, in turn with the others (5)
  --only LIST    only these of ${SCENARIOS.map(({ name }) => name).join(', ')}
  --quick        one round
  --json FILE    write all figures`;

const NODES = 4;
/** Starting, stopping and checking, and the most that one fault can take. */
const OVERHEAD_MS = 60_000;
const ROUND_MS_MAX = 120_000;

/** @param {string} line */
const progress = line => process.stderr.write(`${line}\n`);
/** @param {string} [text] */
const print = (text = '') => process.stdout.write(`${text}\n`);

/** @param {{ rounds: number, scenarios: readonly Scenario[], json: string | undefined }} options @returns {Promise<boolean>} */
async function main({ rounds, scenarios, json }) {
  await ensureBuild(progress);
  const directory = await makeScratch('failover');
  const cluster = `failover-${randomUUID()}`;
  const etcd = await startBenchEtcd({ directory, log: progress });
  const { endpoints } = etcd.cluster;
  const nodes = await startSeqdNodes(NODES, { endpoints, cluster, directory });
  const traffic = new Traffic();
  const losses = new LossCheck();
  /** @type {string[]} */
  const failures = [];
  /** @type {Map<Scenario, import('./lib/failover/failover-round.mjs').FailoverRound[]>} */
  const results = new Map(scenarios.map(scenario => [scenario, []]));
  let completeness = '';
  try {
    for (let number = 1; number <= rounds; number += 1) {
      for (const scenario of scenarios) {
        const { round, result } = await runFailoverRound(scenario, { nodes, etcd: etcd.cluster, traffic });
        const report = await verifyCluster(endpoints, cluster);
        const wrong = losses.check(result, report);
        failures.push(...wrong.map(line => `round ${number}, ${scenario.name}: ${line}`));
        results.get(scenario)?.push(round);
        completeness = describeCompleteness(report);
        progress(`round ${number}, ${scenario.name}: ${round.gapMs.toFixed(0)} ms; ${completeness}`);
      }
    }
  } finally {
    traffic.close();
    await nodes.close();
    await etcd.cluster.close();
  }
  const summaries = [...results].map(([scenario, list]) => summariseScenario(scenario, list));
  print(`\n${availableParallelism()} cores; ${rounds} rounds; three etcd ${etcd.version}, four seqd nodes\n`);
  print(describeFailover(summaries));
  print(`errors to callers who follow the retry rule: ${losses.errors}`);
  print(`seqd verify: ${completeness}`);
  for (const failure of failures) print(`FAILED: ${failure}`);
  if (json !== undefined)
    await writeJson(json, { etcd: etcd.version, rounds, scenarios: summaries, failures });
  return failures.length === 0;
}

/** @param {string} file @param {{ etcd: string, rounds: number, scenarios: ScenarioSummary[], failures: string[] }} found */
async function writeJson(file, { etcd, ...found }) {
  const document = {
    at: new Date().toISOString(),
    versions: { node: process.version, etcd },
    machine: { cores: availableParallelism() },
    ...found,
  };
  await writeFile(file, `${JSON.stringify(document, undefined, 2)}\n`);
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const only = values.only.split(',').filter(name => name !== '');
const unknown = only.filter(name => !SCENARIOS.some(scenario => scenario.name === name));
if (values.help) print(USAGE);
else if (unknown.length > 0) {
  process.stderr.write(`--only: there is no ${unknown.join(', ')}\n\n${USAGE}\n`);
  process.exitCode = 2;
} else {
  const rounds = whole('--rounds', values.rounds ?? (values.quick ? '1' : '5'));
  const scenarios = SCENARIOS.filter(({ name }) => only.length === 0 || only.includes(name));
  await runBounded(OVERHEAD_MS + rounds * scenarios.length * ROUND_MS_MAX, () =>
    main({ rounds, scenarios, json: values.json }),
  );
}
