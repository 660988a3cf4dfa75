import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import type { CompletenessReport } from '../../core/completeness.ts';
import { GLOBAL_SERIES, seriesName } from '../../core/identifiers.ts';
import { verifySeries } from '../../verify/verify-series.ts';
import { SeqdError } from '../../core/errors.ts';
import { StoreError } from '../cli-error.ts';
import { addConfigOptions, loadConfigOf } from '../config-options.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, printLines } from '../output.ts';
import { readRunFile, RUN_FILE } from '../run-file.ts';
import { describeReport } from '../verify-report.ts';

/** A range of the whole journal takes longer than a commit. */
const CALL_TIMEOUT_MS = 10_000;

type Options = Readonly<Record<string, unknown>> & { readonly json?: true };

/** `seqd verify`: proves on the live cluster that no number is missing or used twice, or says which are. */
export function registerVerify(program: Command, context: CliContext): void {
  const command = program
    .command('verify')
    .description(
      'check in etcd that every number is accounted for exactly once; ends with 1 when not, 4 without etcd',
    )
    .option('--json', 'print one JSON document');
  addConfigOptions(command).action(async (options: Options) => {
    const place = findSeries(options, context);
    const report = await verify(place);
    const { cluster } = place;
    const series = seriesName(GLOBAL_SERIES);
    if (options.json === true) printJson(context.stdout, { series, cluster, ...(report ?? NO_NUMBERS) });
    else if (report === null)
      printLines(context.stdout, [`series ${series} in cluster ${cluster}: no numbers yet`]);
    else printLines(context.stdout, describeReport(report, { series, cluster }));
    if (report !== null && !report.complete) context.exitWith(EXIT.failed);
  });
}

/** For `--json`, of a series that does not exist. */
const NO_NUMBERS = { complete: true, numbers: 0 } as const;

/** The numbers of which cluster, in which etcd. */
interface Place {
  readonly endpoints: readonly string[];
  /** How the endpoints are known, for messages. */
  readonly source: string;
  readonly cluster: string;
}

/** What is configured; where nothing is said, the demonstration that runs. */
function findSeries(options: Options, context: CliContext): Place {
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

/** @returns null when there are no numbers yet. @throws StoreError */
async function verify({ endpoints, source, cluster }: Place): Promise<CompletenessReport | null> {
  // The etcd client takes as long to load as all the rest; only this command needs it.
  const { openEtcdStore } = await import('../../store/etcd/open-etcd-store.ts');
  try {
    const { store, connection } = openEtcdStore({ endpoints, cluster, callTimeoutMs: CALL_TIMEOUT_MS });
    try {
      const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
      return await verifySeries(store, GLOBAL_SERIES, digest);
    } finally {
      connection.close();
    }
  } catch (error) {
    if (!(error instanceof SeqdError)) throw error;
    const { describeEtcdError } = await import('../../store/etcd/etcd-errors.ts');
    const reason = error.cause === undefined ? undefined : describeEtcdError(error.cause);
    throw new StoreError(error, { endpoints, source, reason });
  }
}
