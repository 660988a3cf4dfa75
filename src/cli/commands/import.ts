import { userInfo } from 'node:os';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import type { SeqdClient, StatsReply } from '../../client/index.ts';
import { usageError } from '../cli-error.ts';
import { addClientOptions, type ClientOptions, withClient } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { printJson, printLines } from '../output.ts';
import { describeProblems, describeScan, grouped } from '../scan/describe-scan.ts';
import { scanRows, type ScanReport } from '../scan/numbering-scan.ts';
import { type GapsTo, type ImportPlan, planImport } from '../scan/plan-import.ts';
import { addSourceOptions, openSource, scanOptionsOf, type SourceOptions } from '../scan/source-options.ts';

interface ImportOptions extends SourceOptions, ClientOptions {
  readonly gaps: GapsTo;
  readonly startOnly?: true;
  readonly allowDuplicates?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly reason?: string;
  readonly actor?: string;
}

/** What an import did, or would do. */
interface ImportSummary {
  readonly dryRun: boolean;
  /** Everything had been done before; nothing was changed. */
  readonly done: 'imported' | 'continued' | 'nothing' | 'planned';
  readonly next: number;
  readonly first: number;
  readonly last: number;
  readonly imported: number;
  readonly gaps: number;
  readonly gapsTo: GapsTo | null;
  readonly source: string;
}

/** `seqd import`: adopts an existing numbering, so that seqd goes on where it ends. */
export function registerImport(program: Command, context: CliContext): void {
  const command = program
    .command('import')
    .description(
      'adopt an existing numbering: seqd goes on above its highest number; run again, it changes nothing',
    )
    .addOption(
      new Option('--gaps <target>', 'what becomes of missing numbers: documented as void, or reused')
        .choices(['void', 'pool'])
        .default('void'),
    )
    .option('--start-only', 'only go on above the highest number, and document nothing')
    .option('--allow-duplicates', 'import although numbers occur more than once')
    .option('--reason <text>', 'why; kept in the journal (default: names the source)')
    .option('--actor <name>', 'who; kept in the journal (default: the user)')
    .option('--dry-run', 'say what would be done')
    .option('--yes', 'do it');
  addClientOptions(addSourceOptions(command)).action(
    async (file: string | undefined, options: ImportOptions) => {
      const source = openSource(file, options, context);
      const scan = await scanRows(source, scanOptionsOf(options));
      const report = scan.report(source);
      if (options.json !== true) printLines(context.stdout, [...describeScan(report).slice(0, -1), '']);
      refuseUnclear(report, options);
      const plan = planImport(scan.single(), options.gaps);
      if (options.dryRun !== true && options.yes !== true)
        throw usageError('say --yes to import this numbering, or --dry-run to see what would be done');
      const said = whoAndWhy(options, file ?? options.table ?? 'a query');
      const summary = await withClient(options, context, client => adopt(client, plan, options, said));
      if (options.json === true) printJson(context.stdout, { ...summary, scan: report });
      else printLines(context.stdout, [describe(summary)]);
    },
  );
}

/** A numbering is adopted whole, or not at all. */
function refuseUnclear(report: ScanReport, options: ImportOptions): void {
  const { clean, cutOff, malformed, notNumbers, duplicates, prefixes } = report;
  if (prefixes.length === 0 && clean) throw usageError('there are no numbers to import');
  if (!clean) {
    const what = cutOff ? 'the file is cut off' : `${malformed + notNumbers} ${report.unit}s hold no number`;
    throw usageError([`${what}; nothing was changed`, ...detailsFor(report, options)].join('\n  '));
  }
  if (duplicates > 0 && options.allowDuplicates !== true)
    throw usageError(
      `${duplicates} numbers occur more than once; --allow-duplicates imports each once. Nothing was changed`,
    );
  if (prefixes.length > 1 && options.prefix === undefined) {
    const named = prefixes.map(({ prefix }) => `--prefix ${JSON.stringify(prefix)}`).join(' ');
    throw usageError(
      `the numbers have several prefixes; say ${named} if they share one numbering. Nothing was changed`,
    );
  }
}

/** With `--json` the report was not printed. */
function detailsFor(report: ScanReport, { json }: ImportOptions): string[] {
  return json === true ? describeProblems(report).filter(line => line !== '') : [];
}

function whoAndWhy({ reason, actor }: ImportOptions, from: string): { reason: string; actor: string } {
  return {
    reason: (reason ?? `imported from ${basename(from)}`).slice(0, 200),
    actor: (actor ?? userName()).slice(0, 200),
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user need not have a name.
    return 'unknown';
  }
}

async function adopt(
  client: SeqdClient,
  plan: ImportPlan,
  options: ImportOptions,
  said: { reason: string; actor: string },
): Promise<ImportSummary> {
  const stats = await client.stats();
  const { first, last, imported, gaps, gapsTo, source } = plan;
  const facts = { dryRun: options.dryRun === true, next: last + 1, first, last, source };
  const all = { ...facts, imported, gaps, gapsTo };
  const none = { ...facts, imported: 0, gaps: 0, gapsTo: null };
  if (options.dryRun === true) {
    const possible = stats.next <= first || stats.openImport?.source === source;
    if (!possible && !(options.startOnly === true && stats.next <= last)) throw tooLate(stats, plan);
    return { ...(options.startOnly === true ? none : all), done: 'planned' };
  }
  if (options.startOnly === true) {
    const { replayed } = await client.raise({ next: last + 1, ...said }, { key: `start-${source}` });
    return { ...none, done: replayed ? 'nothing' : 'imported' };
  }
  const open = stats.openImport?.source === source ? stats.openImport : null;
  if (open === null) {
    const raised = await client.raise(
      { next: last + 1, ...said, imported: { first, source, gapsTo } },
      { key: `import-${source}` },
    );
    // Done before, to its end.
    if (raised.replayed && stats.openImport === null) return { ...all, done: 'nothing' };
  }
  const from = open?.first ?? first;
  for (const step of plan.stepsOf()) {
    if (step.last < from) continue;
    const named = step.gaps.map(gap => [gap.first, gap.last] as const);
    await client.adopt(
      { first: step.first, last: step.last, gaps: named, source, ...said },
      { key: `import-${source}-${step.first}` },
    );
  }
  return { ...all, done: open === null ? 'imported' : 'continued' };
}

function tooLate({ next }: StatsReply, { first, last }: ImportPlan): Error {
  return usageError(
    `the series goes on at ${next}, so ${first} to ${last} cannot be imported: a counter is only raised, and a number ` +
      "that seqd may have given out is not another numbering's. Nothing was changed",
  );
}

function describe({ done, next, imported, gaps, gapsTo }: ImportSummary): string {
  const numbers =
    gapsTo === null
      ? ''
      : `; ${grouped(imported)} numbers are documented as imported, ${grouped(gaps)} missing ones ` +
        (gapsTo === 'void' ? 'as void' : 'wait in the pool');
  switch (done) {
    case 'planned':
      return `dry run, nothing was changed. With --yes: the next new number is ${next}${numbers}`;
    case 'nothing':
      return 'imported before; nothing was changed';
    case 'continued':
      return `the import was continued and is complete: the next new number is ${next}${numbers}`;
    case 'imported':
      return `imported: the next new number is ${next}${numbers}`;
  }
}
