import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { RETRY_DEFAULTS, type SeqdClient, type StatsReply } from '../../client/index.ts';
import { usageError } from '../cli-error.ts';
import {
  addClientOptions,
  type ClientOptions,
  countUpTo,
  parseCount,
  withClient,
} from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, printLines } from '../output.ts';
import { parseDocuments, type ReplayDocument } from '../replay/documents.ts';
import { executeReplay } from '../replay/execute-replay.ts';
import { planReplay, prefixOf } from '../replay/plan.ts';
import { describeSummary } from '../replay/summary.ts';

interface ReplayOptions extends ClientOptions {
  readonly concurrency: number;
  readonly limit?: number;
  readonly prefix?: string;
}

const MISTAKES_SHOWN_MAX = 20;
/** A connection each: more only makes the nodes refuse. */
const CONCURRENCY_MAX = 1_000;
const PROBE_TIMEOUT_MS = 2_000;

/** `seqd replay`: numbers a retailer's documents. */
export function registerReplay(program: Command, context: CliContext): void {
  const command = program
    .command('replay')
    .description("number a retailer's documents; run again with the same prefix, it changes nothing")
    .argument('<file>', 'CSV with invoice_no, invoiced_at, country, line_count, amount_gbp')
    .option('--concurrency <n>', 'documents sent at once', countUpTo(CONCURRENCY_MAX), 32)
    .option('--limit <n>', 'only the first n documents', parseCount)
    .option('--prefix <text>', 'start of the idempotency keys (default: the base name of the file)');
  addClientOptions(command, RETRY_DEFAULTS.budgetMs / 1_000).action(
    async (file: string, options: ReplayOptions) => {
      const documents = await readDocuments(resolve(context.cwd, file), context);
      const prefix = prefixOf(options.prefix, file);
      const { stats, urls } = await withClient(options, context, async client => {
        const stats = await client.stats();
        return { stats, urls: await spreadOver(client, stats, context) };
      });
      const tasks = planReplay(documents.slice(0, options.limit), { vocabulary: stats.vocabulary, prefix });
      warnOfWindow(tasks.length, stats, context);
      const summary = await executeReplay(tasks, { file, prefix, stats, urls, options, context });
      if (options.json === true) printJson(context.stdout, summary);
      else printLines(context.stdout, describeSummary(summary));
      if (summary.end === 'interrupted') context.exitWith(EXIT.interrupted);
      else if (summary.failed > 0 || summary.duplicates > 0) context.exitWith(EXIT.failed);
    },
  );
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

/** All nodes, whichever of them was named; the named ones if the nodes' own addresses lead nowhere from here. */
async function spreadOver(
  client: SeqdClient,
  stats: StatsReply,
  { stderr }: CliContext,
): Promise<readonly string[]> {
  const urls = stats.cluster.nodes.map(node => node.url);
  const answers = await Promise.allSettled(
    urls.map(url => client.healthOf(url, { timeoutMs: PROBE_TIMEOUT_MS })),
  );
  if (answers.some(answer => answer.status === 'fulfilled')) return urls;
  stderr.write(
    `seqd: the nodes' own addresses (${urls.join(', ')}) do not answer from here; using those given\n`,
  );
  return client.urls;
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
