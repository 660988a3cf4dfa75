import { checkRun } from './checks.ts';
import { COMMIT_LATE_MS_MAX, FORWARD_LATE_MS_MAX, Nemesis } from './nemesis.ts';
import { Random } from './random.ts';
import { ClientLog } from './sim-client.ts';
import { SimCluster, type SimOptions } from './sim-cluster.ts';
import { VirtualTime } from './virtual-time.ts';
import { WorkloadClient } from './workload.ts';

/** What came of one simulated run. */
export interface SimulationReport {
  readonly seed: number;
  /** Empty when everything is as it must be. */
  readonly problems: readonly string[];
  readonly options: SimOptions;
  /** What was made to go wrong, besides the faults of single calls. */
  readonly deeds: readonly string[];
  readonly attempts: number;
  readonly facts: number;
  /** Attempts by what their client was told. */
  readonly answers: Readonly<Record<string, number>>;
  /** Sums over all engines: conflicts, unknown outcomes, overtakings, failed forwards. */
  readonly observed: Readonly<Record<string, number>>;
  readonly virtualMs: number;
}

const CLIENTS = 6;
const OPERATIONS = 18;
const THINK_MS = 60;
const DAY_MS = 24 * 3_600_000;

/**
 * One run: three nodes, six clients, faults of every kind; then all is made well, everything is finished, and what
 * clients were told is held against what the store says. The seed decides everything.
 */
export async function simulate(seed: number): Promise<SimulationReport> {
  const random = new Random(seed);
  const options = chooseOptions(seed, random);
  const time = new VirtualTime();
  return time.run(async () => {
    const cluster = new SimCluster(time, options);
    const log = new ClientLog();
    await cluster.start();
    const nemesis = new Nemesis(cluster, random.fork());
    nemesis.start(random.pick([100, 300, 700]));
    const clients = Array.from(
      { length: CLIENTS },
      (_, i) => new WorkloadClient(`c${i}`, `site-${i % 3}`, cluster, log, random.fork()),
    );
    await Promise.all(clients.map(client => client.work(OPERATIONS, THINK_MS)));
    nemesis.heal();
    await time.sleep(COMMIT_LATE_MS_MAX + FORWARD_LATE_MS_MAX);
    await Promise.all(clients.map(client => client.finish()));
    // Reservations that nobody confirmed run out, and what was forwarded late is answered.
    await time.sleep(3_000);
    const problems = await checkRun(cluster, log, clients);
    await Promise.all(cluster.nodes.map(node => node.sequencer.drain({ deadlineMs: 1_000 })));
    cluster.close();
    await time.sleep(2_000);
    // This very sleep has ended; what is left belongs to an engine that is closed.
    if (time.pending > 0) problems.push(`${time.pending} timers are left after closing`);
    return {
      seed,
      problems,
      options,
      deeds: nemesis.deeds,
      attempts: log.attempts.length,
      facts: (await cluster.facts()).length,
      answers: count(
        log.attempts.map(({ result }) =>
          result?.status === 'failed' ? result.code : (result?.status ?? 'none'),
        ),
      ),
      observed: sum([...cluster.nodes, ...cluster.gone].map(node => node.observed)),
      virtualMs: time.nowMs,
    };
  });
}

function chooseOptions(seed: number, random: Random): SimOptions {
  return {
    seed,
    settings: {
      reuse: random.chance(0.85) ? 'lowest-first' : 'never',
      ...(random.chance(0.15) ? { maximum: random.int(20, 80) } : {}),
    },
    limits: {
      queueMax: random.chance(0.1) ? 3 : 1_000,
      batchSizeMax: random.pick([1, 2, 5, 100]),
      pipelineDepth: random.pick([1, 2, 2, 4]),
      requestTimeoutMs: random.pick([400, 1_000, 2_500]),
    },
    window: { ingressAgeMsMax: random.pick([1_000, 15_000]), ingressMax: random.pick([20, 200_000]) },
    callTimeoutMs: random.pick([50, 200, 600]),
    lookIntervalMs: random.pick([50, 250, 1_000]),
    skewsMs: chooseSkews(random),
  };
}

/**
 * Up to two seconds apart: a node whose clock is behind plans with the time of the newest batch. Sometimes one is
 * far from the others, and then its clock must not count.
 */
function chooseSkews(random: Random): number[] {
  const skewsMs = [0, 0, 0].map(() => (random.chance(0.5) ? 0 : random.int(-1_000, 1_000)));
  if (random.chance(0.2)) skewsMs[random.int(0, 2)] = random.pick([-DAY_MS, DAY_MS]);
  return skewsMs;
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function sum(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const record of records)
    for (const [name, value] of Object.entries(record)) sums[name] = (sums[name] ?? 0) + value;
  return sums;
}
