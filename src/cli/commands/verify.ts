import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import type { Config } from '../../config/index.ts';
import type { CompletenessReport } from '../../core/completeness.ts';
import { GLOBAL_SERIES, seriesName } from '../../core/identifiers.ts';
import { type NumberRange, rangeSize } from '../../core/ranges.ts';
import { verifySeries } from '../../verify/verify-series.ts';
import { CliError } from '../cli-error.ts';
import { addConfigOptions, loadConfigOf } from '../config-options.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, printLines, table } from '../output.ts';
import { readRunFile } from '../run-file.ts';

/** A range of the whole journal takes longer than a commit. */
const CALL_TIMEOUT_MS = 10_000;
const RUNS_SHOWN = 10;

type Options = Readonly<Record<string, unknown>> & { readonly json?: true };

/** `seqd verify`: proves on the live cluster that no number is missing or used twice, or says which are. */
export function registerVerify(program: Command, context: CliContext): void {
  const command = program
    .command('verify')
    .description('check in etcd that every number is accounted for exactly once; ends with 1 when not')
    .option('--json', 'print one JSON document');
  addConfigOptions(command).action(async (options: Options) => {
    const { endpoints, cluster } = findEtcd(options, context);
    const report = await verify(endpoints, cluster);
    if (report === null) throw new CliError(`There are no numbers in cluster ${cluster} yet.`);
    if (options.json === true)
      printJson(context.stdout, { series: seriesName(GLOBAL_SERIES), cluster, ...report });
    else printLines(context.stdout, describeReport(report, cluster));
    if (!report.complete) context.exitWith(EXIT.failed);
  });
}

/** What is configured; where nothing is said, the demonstration that runs. */
function findEtcd(options: Options, context: CliContext): { endpoints: readonly string[]; cluster: string } {
  const { config, sources } = loadConfigOf(options, context);
  const run = readRunFile(context.cwd);
  const said = (path: string): boolean => !['default', undefined].includes(kindOf(sources.get(path)));
  const chosen = options['profile'] !== undefined || options['config'] !== undefined;
  if (run === undefined || chosen || said('sequence.cluster') || said('sequence.etcd.endpoints'))
    return fromConfig(config);
  return { endpoints: run.etcd.endpoints, cluster: run.cluster };
}

/** The base file only repeats the defaults, so naming it is no choice. */
function kindOf(source: string | undefined): string | undefined {
  return source?.startsWith('file:') === true ? 'default' : source;
}

function fromConfig({ sequence }: Config): { endpoints: readonly string[]; cluster: string } {
  return { endpoints: sequence.etcd.endpoints, cluster: sequence.cluster };
}

async function verify(endpoints: readonly string[], cluster: string): Promise<CompletenessReport | null> {
  // The etcd client takes as long to load as all the rest; only this command needs it.
  const { openEtcdStore } = await import('../../store/etcd/open-etcd-store.ts');
  const { store, connection } = openEtcdStore({ endpoints, cluster, callTimeoutMs: CALL_TIMEOUT_MS });
  try {
    const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
    return await verifySeries(store, GLOBAL_SERIES, digest);
  } finally {
    connection.close();
  }
}

function describeReport(report: CompletenessReport, cluster: string): string[] {
  const { start, next, numbers, issued, reserved, pooled, missing, holes, duplicates, problems } = report;
  const lines = [
    `series ${seriesName(GLOBAL_SERIES)} in cluster ${cluster}, revision ${report.revision}`,
    ...table([
      ['', 'numbers'],
      ['drawn', numbers],
      ['issued', issued],
      ['in the pool', pooled],
      ['reserved', reserved],
      ['void', report.void],
      ['holes', missing],
      ['duplicates', duplicates.length],
    ]).slice(1),
    `journal: ${report.batches} batches, ${report.facts} facts, chain ${report.chain.slice(0, 16)}`,
  ];
  if (holes.length > 0) lines.push(`missing: ${shorten(holes.map(describeRange))}`);
  if (duplicates.length > 0) lines.push(`used twice: ${shorten(duplicates.map(String))}`);
  for (const problem of problems) lines.push(`problem: ${problem}`);
  lines.push(
    report.complete
      ? `complete: every number from ${start} to ${next - 1} is accounted for exactly once`
      : 'NOT COMPLETE: see above, and docs/runbook.md',
  );
  return lines;
}

function describeRange(range: NumberRange): string {
  return rangeSize(range) === 1 ? String(range.first) : `${range.first}–${range.last}`;
}

function shorten(texts: readonly string[]): string {
  const rest = texts.length - RUNS_SHOWN;
  return rest > 0 ? `${texts.slice(0, RUNS_SHOWN).join(', ')} and ${rest} more` : texts.join(', ');
}
