import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import type { CompletenessReport } from '../../core/completeness.ts';
import { GLOBAL_SERIES, seriesName } from '../../core/identifiers.ts';
import { SeqdError } from '../../core/errors.ts';
import type { LedgerConnectionOptions } from '../../ledger/postgres/ledger-pool.ts';
import type { SequenceStore } from '../../ports/sequence-store.ts';
import { type LedgerReport, verifyLedger } from '../../verify/verify-ledger.ts';
import { verifySeries } from '../../verify/verify-series.ts';
import { StoreError } from '../cli-error.ts';
import { addConfigOptions, loadConfigOf } from '../config-options.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, printLines } from '../output.ts';
import { readRunFile, RUN_FILE } from '../run-file.ts';
import { describeLedgerReport } from '../verify-ledger-report.ts';
import { describeReport } from '../verify-report.ts';
import { findLedger } from './migrate.ts';

/** A range of the whole journal takes longer than a commit. */
const CALL_TIMEOUT_MS = 10_000;

/** While a terminal waits for a long verification, it is told this often how far that is. */
const PROGRESS_INTERVAL_MS = 2_000;

type Options = Readonly<Record<string, unknown>> & { readonly json?: true; readonly ledger?: true };

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * `seqd verify`: proves on the live cluster that no number is missing or used twice, or says which are; with `--ledger`, too,
 * that the ledger in PostgreSQL is whole, untouched and of one history with etcd.
 */
export function registerVerify(program: Command, context: CliContext): void {
  const command = program
    .command('verify')
    .description(
      'check in etcd that every number is accounted for exactly once; ends with 1 when not, 4 without etcd',
    )
    .option(
      '--ledger',
      'check the ledger in PostgreSQL, too: every batch and row, its chain, and that it agrees with etcd',
    )
    .option('--json', 'print one JSON document');
  addConfigOptions(command).action(async (options: Options) => {
    const place = findSeries(options, context);
    const connection = options.ledger === true ? findLedger(options, context) : undefined;
    const { report, ledger } = await verify(place, connection, context);
    const { cluster } = place;
    const series = seriesName(GLOBAL_SERIES);
    if (options.json === true)
      printJson(context.stdout, {
        series,
        cluster,
        ...(report ?? NO_NUMBERS),
        ...(ledger === undefined ? {} : { ledger: ledger ?? NO_BATCHES }),
      });
    else {
      if (report === null)
        printLines(context.stdout, [`series ${series} in cluster ${cluster}: no numbers yet`]);
      else printLines(context.stdout, describeReport(report, { series, cluster }));
      if (ledger !== undefined) printLines(context.stdout, describeLedgerReport(ledger));
    }
    if (report?.complete === false || ledger?.sound === false) context.exitWith(EXIT.failed);
  });
}

/** For `--json`, of a series that does not exist. */
const NO_NUMBERS = { complete: true, numbers: 0 } as const;
/** And of a ledger that has nothing of it, either. */
const NO_BATCHES = { sound: true, sequence: 0, batches: 0 } as const;

/** The numbers of which cluster, in which etcd. */
export interface SeriesPlace {
  readonly endpoints: readonly string[];
  /** How the endpoints are known, for messages. */
  readonly source: string;
  readonly cluster: string;
}

/** What is configured; where nothing is said, the demonstration that runs. */
export function findSeries(options: Options, context: CliContext): SeriesPlace {
  const { config, sources } = loadConfigOf(options, context);
  const { cluster, etcd } = config.sequence;
  const run = readRunFile(context.cwd);
  const said = (path: string): boolean => !['default', undefined].includes(kindOf(sources.get(path)));
  const chosen = options['profile'] !== undefined || options['config'] !== undefined;
  if (run === undefined || chosen || said('sequence.etcd.endpoints')) {
    const source = sources.get('sequence.etcd.endpoints') ?? 'default';
    return { endpoints: etcd.endpoints, source, cluster };
  }
  return {
    endpoints: run.etcd.endpoints,
    source: RUN_FILE,
    cluster: said('sequence.cluster') ? cluster : run.cluster,
  };
}

/** The base file only repeats the defaults, so naming it is no choice. */
function kindOf(source: string | undefined): string | undefined {
  return source?.startsWith('file:') === true ? 'default' : source;
}

/** What was found in etcd and, when asked for, in the ledger; `null` where there are no numbers yet. */
interface Found {
  readonly report: CompletenessReport | null;
  readonly ledger?: LedgerReport | null;
}

/** @throws StoreError, SeqdError `ledger_unavailable` */
async function verify(
  { endpoints, source, cluster }: SeriesPlace,
  connection: LedgerConnectionOptions | undefined,
  context: CliContext,
): Promise<Found> {
  // The etcd client takes as long to load as all the rest; only this command needs it.
  const { openEtcdStore } = await import('../../store/etcd/open-etcd-store.ts');
  try {
    const etcd = openEtcdStore({ endpoints, cluster, callTimeoutMs: CALL_TIMEOUT_MS });
    try {
      const report = await verifySeries(etcd.store, GLOBAL_SERIES, digest);
      if (connection === undefined) return { report };
      return { report, ledger: await verifyLedgerAt(connection, { store: etcd.store, cluster, context }) };
    } finally {
      etcd.connection.close();
    }
  } catch (error) {
    if (!(error instanceof SeqdError) || error.code === 'ledger_unavailable') throw error;
    const { describeEtcdError } = await import('../../store/etcd/etcd-errors.ts');
    const reason = error.cause === undefined ? undefined : describeEtcdError(error.cause);
    throw new StoreError(error, { endpoints, source, reason });
  }
}

async function verifyLedgerAt(
  connection: LedgerConnectionOptions,
  { store, cluster, context }: { store: SequenceStore; cluster: string; context: CliContext },
): Promise<LedgerReport | null> {
  const { openPostgresLedgerScan } = await import('../../ledger/postgres/open-postgres-ledger-scan.ts');
  const scan = openPostgresLedgerScan(connection, { cluster });
  try {
    return await verifyLedger(GLOBAL_SERIES, { store, scan, digest, progress: progressOn(context) });
  } finally {
    await scan.close();
  }
}

/** Tells a terminal how far a long verification is. */
function progressOn({ stderr }: CliContext): (sequence: number, of: number) => void {
  let toldAtMs = performance.now();
  return (sequence, of) => {
    if (stderr.isTTY !== true || performance.now() < toldAtMs + PROGRESS_INTERVAL_MS) return;
    toldAtMs = performance.now();
    stderr.write(`seqd: ledger verified up to batch ${sequence} of ${of}\n`);
  };
}
