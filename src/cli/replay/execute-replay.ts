import { SeqdClient, type StatsReply } from '../../client/index.ts';
import type { CliContext } from '../context.ts';
import type { ReplayTask } from './plan.ts';
import { showProgress } from './progress.ts';
import { runReplay } from './run-replay.ts';
import { type ReplaySummary, summarize } from './summary.ts';
import { ReplayTally, type SeriesMark } from './tally.ts';

/** What a replay runs with. */
export interface ReplayRun {
  readonly file: string;
  readonly prefix: string;
  readonly stats: StatsReply;
  readonly urls: readonly string[];
  /** `timeout` in seconds, for one document. */
  readonly options: { readonly concurrency: number; readonly timeout: number };
  readonly context: CliContext;
}

/** Sends the documents and sums up what came of it; Ctrl-C ends it early. Shows progress on stderr. */
export async function executeReplay(
  tasks: readonly ReplayTask[],
  { file, prefix, stats, urls, options, context }: ReplayRun,
): Promise<ReplaySummary> {
  const invoiceType = tasks.find(task => !task.cancellation)?.input.invoiceType ?? '';
  const client = new SeqdClient({
    urls,
    budgetMs: options.timeout * 1_000,
    connectionsMax: options.concurrency,
  });
  const tally = new ReplayTally(markOf(stats, invoiceType));
  const stop = new AbortController();
  const uninstall = context.onInterrupt(() => {
    context.stderr.write('\nseqd: finishing what is under way; Ctrl-C again ends at once\n');
    stop.abort();
  });
  const hide = showProgress(context, tally, tasks.length);
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
