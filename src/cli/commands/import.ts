import { userInfo } from 'node:os';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import type { SeqdClient, StatsReply } from '../../client/index.ts';
import { CliError, usageError } from '../cli-error.ts';
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
  readonly close?: true;
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

/** What closing an import did, or would do. */
type CloseSummary = Omit<ImportSummary, 'done'> & { readonly done: 'closed' | 'planned' };

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
    .option(
      '--close',
      'instead of a numbering: end an import that cannot be continued; its gaps that are not said yet stay documented as imported',
    )
    .option('--reason <text>', 'why; kept in the journal (default: names the source)')
    .option('--actor <name>', 'who; kept in the journal (default: the user)')
    .option('--dry-run', 'say what would be done')
    .option('--yes', 'do it');
  addClientOptions(addSourceOptions(command)).action(
    async (file: string | undefined, options: ImportOptions) => {
      if (options.close === true) return closeImport(file, options, context);
      const source = openSource(file, options, context);
      const scan = await scanRows(source, scanOptionsOf(options));
      const report = scan.report(source);
      if (options.json !== true) printLines(context.stdout, [...describeScan(report).slice(0, -1), '']);
      refuseUnclear(report, options);
      const plan = planImport(scan.single(), options.gaps);
      askForYes(options, 'import this numbering');
      const said = whoAndWhy(options, file ?? options.table ?? 'a query');
      const summary = await withClient(options, context, client => adopt(client, plan, options, said));
      if (options.json === true) printJson(context.stdout, { ...summary, scan: report });
      else printLines(context.stdout, [describe(summary)]);
    },
  );
}

/** A numbering is adopted whole, or not at all. */
function refuseUnclear(report: ScanReport, options: ImportOptions): void {
  const { clean, cutOff, unended, malformed, notNumbers, duplicates, prefixes } = report;
  if (prefixes.length === 0 && clean) throw usageError('there are no numbers to import');
  if (!clean) {
    const what = whatIsUnclear(cutOff, malformed + notNumbers, unended, report.unit);
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

function whatIsUnclear(cutOff: boolean, bad: number, unended: ScanReport['unended'], unit: string): string {
  if (cutOff) return 'the file is cut off';
  if (bad > 0 || unended === null) return `${bad} ${unit}s hold no number`;
  return (
    `the file may be cut off in its last line, ${unended.line} (${JSON.stringify(unended.value)}): no line end follows it. ` +
    'If that line is whole and the last one, say --last-line-complete'
  );
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
  const { first, last, imported, gaps, gapsTo, source } = plan;
  const startOnly = options.startOnly === true;
  const facts = { dryRun: options.dryRun === true, next: last + 1, first, last, source };
  const none = { ...facts, imported: 0, gaps: 0, gapsTo: null };
  const all = startOnly ? none : { ...facts, imported, gaps, gapsTo };
  const before = await client.stats();
  if (options.dryRun === true) {
    refuseImpossible(before, plan, startOnly);
    return { ...all, done: 'planned' };
  }
  if (startOnly) {
    const { replayed } = await client.raise({ next: last + 1, ...said }, { key: `start-${source}` });
    return { ...none, done: replayed ? 'nothing' : 'imported' };
  }
  let open = before.openImport?.source === source ? before.openImport : null;
  if (open === null) {
    const { reply, replayed } = await client.raise(
      { next: last + 1, ...said, imported: { first, source, gapsTo } },
      { key: `import-${source}` },
    );
    if (reply.imported === null) throw onlyRaised(reply.next, plan);
    if (replayed) {
      // Raised before, perhaps since we looked: only what stands now says whether anything is left to do.
      const { openImport } = await client.stats();
      if (openImport?.source !== source) return { ...all, done: 'nothing' };
      open = openImport;
    }
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

/** Ends the import that is under way, whosever it is: for one whose file is lost, and which no other can follow. */
async function closeImport(
  file: string | undefined,
  options: ImportOptions,
  context: CliContext,
): Promise<void> {
  if (file !== undefined || options.table !== undefined || options.query !== undefined)
    throw usageError('--close ends the import that is under way; it reads no numbers');
  askForYes(options, 'end the import that is under way');
  const said = { ...whoAndWhy(options, ''), reason: (options.reason ?? 'import closed').slice(0, 200) };
  const summary = await withClient(options, context, async (client): Promise<CloseSummary> => {
    const { next, openImport } = await client.stats();
    if (openImport === null) throw usageError('no import is under way; nothing was changed');
    const { first, last, source } = openImport;
    const dryRun = options.dryRun === true;
    const done = dryRun ? 'planned' : 'closed';
    // Of a key of its own: the import's step from here on may have said other gaps.
    if (!dryRun)
      await client.adopt({ first, last, gaps: [], source, ...said }, { key: `close-${source}-${first}` });
    return { dryRun, done, next, first, last, imported: last - first + 1, gaps: 0, gapsTo: null, source };
  });
  if (options.json === true) printJson(context.stdout, summary);
  else printLines(context.stdout, [describeClose(summary)]);
}

function askForYes({ dryRun, yes }: ImportOptions, to: string): void {
  if (dryRun !== true && yes !== true)
    throw usageError(`say --yes to ${to}, or --dry-run to see what would be done`);
}

/** As the server would refuse it, for a dry run. @throws CliError */
function refuseImpossible(stats: StatsReply, plan: ImportPlan, startOnly: boolean): void {
  const { next, maximum, reuse, openImport } = stats;
  const { first, last, gapsTo, source } = plan;
  const continued = !startOnly && openImport?.source === source;
  if (continued) return;
  if (last > maximum) throw usageError(`the series ends at ${maximum}, before ${last}; nothing was changed`);
  if (startOnly ? next > last : next > first) throw tooLate(stats, plan);
  if (startOnly) return;
  if (openImport !== null)
    throw usageError(
      `another import is under way and goes on at ${openImport.first} (to ${openImport.last}, source ${openImport.source}); ` +
        'continue that first, or end it with --close. Nothing was changed',
    );
  if (gapsTo === 'pool' && reuse === 'never')
    throw usageError(
      'the series never reuses numbers, so gaps can only become void (--gaps void). Nothing was changed',
    );
}

/** What a node of a version without imports makes of one. */
function onlyRaised(next: number, { first, last }: ImportPlan): Error {
  return new CliError(
    `the counter stands at ${next}, but the node that raised it did not document ${first} to ${last} as imported: ` +
      'it is of an older version. Nothing more was done; those numbers are not drawn, but stand as void. Upgrade every node',
  );
}

function tooLate({ next }: StatsReply, { first, last }: ImportPlan): Error {
  return usageError(
    `the series goes on at ${next}, so ${first} to ${last} cannot be imported: a counter is only raised, and a number ` +
      "that seqd may have given out is not another numbering's. Nothing was changed",
  );
}

function describeClose({ done, first, last, source, imported }: CloseSummary): string {
  const numbers = `${first} to ${last} (${grouped(imported)} numbers of source ${source})`;
  return done === 'planned'
    ? `dry run, nothing was changed. With --yes the import is closed for good, and all of ${numbers} stay documented as imported, gaps among them too`
    : `the import is closed: all of ${numbers} stay documented as imported, gaps among them too`;
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
