import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { SeqdClient, type StatsReply } from '../../client/index.ts';
import { usageError } from '../cli-error.ts';
import { addClientOptions, type ClientOptions, parseCount, withClient } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, printLines } from '../output.ts';
import { parseDocuments, type ReplayDocument } from '../replay/documents.ts';
import { planReplay, prefixOf, type ReplayTask } from '../replay/plan.ts';
import { showProgress } from '../replay/progress.ts';
import { runReplay } from '../replay/run-replay.ts';
import { describeSummary, type ReplaySummary, summarize } from '../replay/summary.ts';
import { ReplayTally, type SeriesMark } from '../replay/tally.ts';

interface ReplayOptions extends ClientOptions {
  readonly concurrency: number;
  readonly limit?: number;
  readonly prefix?: string;
}

const MISTAKES_SHOWN_MAX = 20;

/** `seqd replay`: numbers a retailer's documents. */
export function registerReplay(program: Command, context: CliContext): void {
  const command = program
    .command('replay')
    .description("number a retailer's documents; run again with the same prefix, it changes nothing")
    .argument('<file>', 'CSV with invoice_no, invoiced_at, country, line_count, amount_gbp')
    .option('--concurrency <n>', 'documents sent at once', parseCount, 32)
    .option('--limit <n>', 'only the first n documents', parseCount)
    .option('--prefix <text>', 'start of the idempotency keys (default: the base name of the file)');
  addClientOptions(command).action(async (file: string, options: ReplayOptions) => {
    const documents = await readDocuments(resolve(context.cwd, file), context);
    const prefix = prefixOf(options.prefix, file);
    const stats = await withClient(options, context, client => client.stats());
    const tasks = planReplay(documents.slice(0, options.limit), { vocabulary: stats.vocabulary, prefix });
    warnOfWindow(tasks.length, stats, context);
    const summary = await replay(tasks, { file, prefix, stats, options, context });
    if (options.json === true) printJson(context.stdout, summary);
    else printLines(context.stdout, describeSummary(summary));
    if (summary.end === 'interrupted') context.exitWith(EXIT.interrupted);
    else if (summary.failed > 0 || summary.duplicates > 0) context.exitWith(EXIT.failed);
  });
}

async function readDocuments(path: string, { stderr }: CliContext): Promise<readonly ReplayDocument[]> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw usageError(`cannot read the file: ${error.message}`);
  });
  const { documents, mistakes } = parseDocuments(text);
  if (mistakes.length === 0) return documents;
  const shown = mistakes
    .slice(0, MISTAKES_SHOWN_MAX)
    .map(({ line, message }) => `${path}:${line}: ${message}`);
  const more = mistakes.length > shown.length ? [`and ${mistakes.length - shown.length} more`] : [];
  printLines(stderr, [...shown, ...more]);
  throw usageError(
    `the file has ${mistakes.length} ${mistakes.length === 1 ? 'mistake' : 'mistakes'}; nothing was sent`,
  );
}

/** Beyond the window a key is forgotten, and the same document would be numbered again. */
function warnOfWindow(documents: number, { idempotency }: StatsReply, { stderr }: CliContext): void {
  const { keysMax, windowHours } = idempotency;
  if (documents <= keysMax) return;
  stderr.write(
    `seqd: warning: the server remembers ${keysMax} keys for ${windowHours} h; ` +
      `a second run of these ${documents} documents would number some of them again\n`,
  );
}

async function replay(
  tasks: readonly ReplayTask[],
  {
    file,
    prefix,
    stats,
    options,
    context,
  }: { file: string; prefix: string; stats: StatsReply; options: ReplayOptions; context: CliContext },
): Promise<ReplaySummary> {
  const invoiceType = tasks.find(task => !task.cancellation)?.input.invoiceType ?? '';
  // Over all nodes, whichever of them was named.
  const client = new SeqdClient({ urls: stats.cluster.nodes.map(node => node.url) });
  const tally = new ReplayTally(markOf(stats, invoiceType));
  const stop = new AbortController();
  const uninstall = context.onInterrupt(() => {
    context.stderr.write('\nseqd: finishing what is under way; Ctrl-C again ends at once\n');
    stop.abort();
  });
  const hide = showProgress(context.stderr, tally, tasks.length);
  const startedAtMs = performance.now();
  try {
    const { concurrency } = options;
    const end = await runReplay(tasks, { client, tally, concurrency, stop: stop.signal });
    const durationMs = Math.round(performance.now() - startedAtMs);
    const facts = { end, file, prefix, documents: tasks.length, retries: client.retries, durationMs };
    return summarize(tally, facts, await markAtEnd(client, tally, invoiceType));
  } finally {
    hide();
    uninstall();
    client.close();
  }
}

function markOf({ journal, byType }: StatsReply, invoiceType: string): SeriesMark {
  return { journalSequence: journal.sequence, invoicesReleased: byType[invoiceType]?.released ?? 0 };
}

/** Only needed to judge numbers that were kept twice. Without an answer, nothing explains those. */
async function markAtEnd(client: SeqdClient, tally: ReplayTally, invoiceType: string): Promise<SeriesMark> {
  if (tally.keptTwice === 0) return { journalSequence: 0, invoicesReleased: 0 };
  return client.stats().then(
    stats => markOf(stats, invoiceType),
    () => ({ journalSequence: 0, invoicesReleased: 0 }),
  );
}
