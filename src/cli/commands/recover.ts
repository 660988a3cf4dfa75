import { createHash } from 'node:crypto';
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { SeqdError } from '../../core/errors.ts';
import { GLOBAL_SERIES, seriesName } from '../../core/identifiers.ts';
import type { RecoveryReport } from '../../ledger/recover/recovery-report.ts';
import { verifySeries } from '../../verify/verify-series.ts';
import { StoreError, usageError } from '../cli-error.ts';
import { collect, parseCount } from '../client-options.ts';
import { addConfigOptions, loadConfigOf } from '../config-options.ts';
import type { CliContext } from '../context.ts';
import { describeRecovery } from '../describe-recovery.ts';
import { EXIT } from '../exit-codes.ts';
import { askNodes, furthestNode, type LivingNode, registeredUrls } from '../living-nodes.ts';
import { printJson, printLines } from '../output.ts';
import { readRunFile } from '../run-file.ts';
import { describeReport } from '../verify-report.ts';
import { findLedger } from './migrate.ts';
import { findSeries, type SeriesPlace } from './verify.ts';

type Options = Readonly<Record<string, unknown>> & {
  readonly margin?: number;
  readonly above?: number;
  readonly keepBoth?: true;
  readonly acceptHole?: true;
  readonly keepPool?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly url?: string[];
  readonly actor?: string;
  readonly json?: true;
};

const CALL_TIMEOUT_MS = 10_000;
/** Nodes look every few hundred milliseconds while they refuse. */
const RESUME_TIMEOUT_MS = 20_000;
const RESUME_INTERVAL_MS = 300;

/** `seqd recover`: brings back a series that a restore of etcd from a backup has set back. */
export function registerRecover(program: Command, context: CliContext): void {
  const command = program
    .command('recover')
    .description(
      'after etcd was restored from a backup: bring back what the ledger has, and raise the counter above all that was issued',
    )
    .option(
      '--margin <numbers>',
      'raise it so much further, for what nobody knows of (default: as the rate suggests)',
      parseWhole,
    )
    .option('--above <number>', 'the highest number on any document, if you know a higher one', parseCount)
    .option(
      '--keep-both',
      'when numbers were issued since the restore: keep both histories, and name the numbers in both',
    )
    .option('--accept-hole', 'when PostgreSQL has lost batches for good: go on without them')
    .option(
      '--keep-pool',
      'leave the pool and open reservations as they are, if you know that nothing is lost that has drawn from them',
    )
    .option(
      '--url <url>',
      'a node to be asked what it remembers, besides those registered; repeatable',
      collect,
    )
    .option('--actor <name>', 'who; kept in the journal (default: the user)')
    .option('--dry-run', 'say what would be done')
    .option('--yes', 'do it')
    .option('--json', 'print one JSON document');
  addConfigOptions(command).action((options: Options) => recover(options, context));
}

async function recover(options: Options, context: CliContext): Promise<void> {
  if (options.dryRun !== true && options.yes !== true)
    throw usageError('say --yes to recover the series, or --dry-run to see what would be done');
  const place = findSeries(options, context);
  const { report, nodes, complete, lines } = await atPlace(place, options, context);
  const resumed = report.outcome === 'recovered' ? await waitUntilServed(nodes, place.cluster) : nodes;
  const left = report.outcome === 'recovered' && resumed.some(isLeft);
  const problem = report.outcome === 'forked' || complete === false || left;
  if (options.json === true)
    printJson(context.stdout, {
      series: seriesName(GLOBAL_SERIES),
      cluster: place.cluster,
      ...report,
      complete,
      remembered: furthestNode(nodes) ?? null,
      ignored: nodes.flatMap(({ url, stranger }) =>
        stranger === undefined ? [] : { url, cluster: stranger },
      ),
      nodes: resumed,
    });
  else
    printLines(context.stdout, [
      ...describeRecovery(report, {
        series: seriesName(GLOBAL_SERIES),
        cluster: place.cluster,
        nodes: resumed,
        asked: nodes,
      }),
      ...lines,
    ]);
  if (problem) context.exitWith(EXIT.failed);
}

interface Recovered {
  readonly report: RecoveryReport;
  readonly nodes: readonly LivingNode[];
  /** What the verification said; `null` when there was none. */
  readonly complete: boolean | null;
  readonly lines: readonly string[];
}

async function atPlace(place: SeriesPlace, options: Options, context: CliContext): Promise<Recovered> {
  const { endpoints, source, cluster } = place;
  const settings = findLedger(options, context);
  const { core } = loadConfigOf(options, context).config.sequence;
  // The drivers take a while to load; only this command needs them all.
  const [{ openEtcdStore }, { createLedgerPool }, { PostgresRecoveryLedger }, { recoverSeries }] =
    await Promise.all([
      import('../../store/etcd/open-etcd-store.ts'),
      import('../../ledger/postgres/ledger-pool.ts'),
      import('../../ledger/postgres/postgres-recovery-ledger.ts'),
      import('../../ledger/recover/recover-series.ts'),
    ]);
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
  const { store, connection, keys } = openEtcdStore({ endpoints, cluster, callTimeoutMs: CALL_TIMEOUT_MS });
  const ledger = new PostgresRecoveryLedger({
    pool: createLedgerPool({ ...settings, statementTimeoutMs: 0, poolMax: 2 }),
    cluster,
    digest,
  });
  try {
    const registered = await registeredUrls(connection, keys);
    const run = readRunFile(context.cwd);
    const demonstration = run?.cluster === cluster ? run.nodes.map(({ url }) => url) : [];
    const nodes = await askNodes([...(options.url ?? []), ...registered, ...demonstration], cluster);
    const answers = nodes.flatMap(({ answer }) => answer ?? []);
    const report = await recoverSeries(
      GLOBAL_SERIES,
      {
        settings: {
          start: core.globalCounterStart,
          maximum: core.maximum,
          reuse: core.gapRecoveryEnabled ? 'lowest-first' : 'never',
        },
        rememberedNext: Math.max(0, (options.above ?? -1) + 1, ...answers.map(({ next }) => next)),
        rememberedSequence: Math.max(0, ...answers.map(({ sequence }) => sequence)),
        isAboveGiven: options.above !== undefined,
        ...(options.margin === undefined ? {} : { margin: options.margin }),
        evenSo: answers.some(({ refusing }) => refusing),
        keepBoth: options.keepBoth === true,
        acceptHole: options.acceptHole === true,
        keepPool: options.keepPool === true,
        dryRun: options.dryRun === true,
        actor: (options.actor ?? userName()).slice(0, 200),
      },
      {
        store,
        ledger,
        digest,
        now: Date.now,
        random: Math.random,
        say: line => context.stderr.write(`seqd: ${line}\n`),
      },
    );
    if (report.outcome !== 'recovered') return { report, nodes, complete: null, lines: [] };
    const verified = await verifySeries(store, GLOBAL_SERIES, digest);
    const lines =
      verified === null ? [] : describeReport(verified, { series: seriesName(GLOBAL_SERIES), cluster });
    return { report, nodes, complete: verified?.complete ?? null, lines };
  } catch (error) {
    if (!(error instanceof SeqdError) || error.code !== 'unavailable') throw error;
    const { describeEtcdError } = await import('../../store/etcd/etcd-errors.ts');
    const reason = error.cause === undefined ? undefined : describeEtcdError(error.cause);
    throw new StoreError(error, { endpoints, source, reason });
  } finally {
    connection.close();
    await ledger.close();
  }
}

/** Waits until no node that runs refuses the series any more, or does not come to it. */
async function waitUntilServed(
  nodes: readonly LivingNode[],
  cluster: string,
): Promise<readonly LivingNode[]> {
  const urls = nodes.filter(({ answer }) => answer !== undefined).map(({ url }) => url);
  const deadlineMs = performance.now() + RESUME_TIMEOUT_MS;
  for (;;) {
    const now = await askNodes(urls, cluster);
    if (!now.some(isLeft) || performance.now() > deadlineMs) return now;
    await sleep(RESUME_INTERVAL_MS);
  }
}

/** Whether a node that runs does not serve. */
function isLeft({ answer }: LivingNode): boolean {
  return answer !== undefined && !answer.ready;
}

function parseWhole(value: string): number {
  const numbers = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(numbers)) return numbers;
  throw new InvalidArgumentError('It must be a whole number from 0.');
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user need not have a name.
    return 'unknown';
  }
}
