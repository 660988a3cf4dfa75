import type { Command } from 'commander';
import type { OwnerStats, StatsReply } from '../../client/index.ts';
import { addClientOptions, type ClientOptions, withClient } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { describeLedger } from '../ledger-line.ts';
import { printJson, printLines, table } from '../output.ts';

/** `seqd stats`: the state of the series. */
export function registerStats(program: Command, context: CliContext): void {
  const command = program
    .command('stats')
    .description('show the state of the series: numbers, owners, rate, latency');
  addClientOptions(command).action(async (options: ClientOptions) => {
    const stats = await withClient(options, context, client => client.stats());
    if (options.json === true) printJson(context.stdout, stats);
    else printLines(context.stdout, describeStats(stats));
  });
}

/** The stats as a table for people. */
export function describeStats(stats: StatsReply): string[] {
  const { journal, idempotency, rate, latencyMs } = stats;
  const latency = `p50 ${latencyMs.p50}, p95 ${latencyMs.p95}, p99 ${latencyMs.p99}, max ${latencyMs.max} ms`;
  const lines = table([
    ['series', stats.series],
    ['next', `${stats.next} (start ${stats.start}, maximum ${stats.maximum})`],
    ['issued', stats.issued],
    ['pooled', stats.pooled],
    ['reserved', stats.reserved],
    ['void', stats.void],
    ...(stats.imported > 0 ? [['imported', stats.imported] as const] : []),
    ['holes', stats.holes],
    [
      'rate',
      `${rate.numbersPerSecond} numbers/s in the cluster, ${rate.requestsPerSecond} requests/s at this node`,
    ],
    [
      'latency',
      latencyMs.count === 0 ? 'no requests lately' : `${latency} (${latencyMs.count} requests at this node)`,
    ],
    [
      'journal',
      `batch ${journal.sequence}, last ${journal.lastBatchAt ?? 'never'}, chain ${journal.chain.slice(0, 16)}…`,
    ],
    ['ledger', describeLedger(stats.ledger)],
    ['keys', `${idempotency.keys} of at most ${idempotency.keysMax}, kept ${idempotency.windowHours} h`],
    ['cluster', `${stats.cluster.name}, leader ${stats.cluster.leader ?? 'none'}, answered by ${stats.node}`],
  ]);
  for (const [title, groups] of [
    ['by partition', stats.byPartition],
    ['by type', stats.byType],
  ] as const) {
    if (Object.keys(groups).length > 0) lines.push('', ...ownerTable(title, groups));
  }
  return lines;
}

function ownerTable(title: string, groups: Readonly<Record<string, OwnerStats>>): string[] {
  const rows = Object.entries(groups).map(([name, { issued, drawn, released, void: voided }]) => [
    name,
    issued,
    drawn,
    released,
    voided,
  ]);
  return table([[title, 'issued', 'drawn', 'released', 'void'], ...rows]);
}
