import type { Command } from 'commander';
import { SeqdError } from '../../core/errors.ts';
import { GLOBAL_SERIES, seriesName } from '../../core/identifiers.ts';
import { StoreError, usageError } from '../cli-error.ts';
import { addConfigOptions } from '../config-options.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, printLines } from '../output.ts';
import { findSeries } from './verify.ts';

type Options = Readonly<Record<string, unknown>> & { readonly json?: true; readonly yes?: true };

const CALL_TIMEOUT_MS = 10_000;

/** `seqd ledger forget`: gives a ledger up, so that the journal waits for it no more. */
export function registerLedger(program: Command, context: CliContext): void {
  const group = program.command('ledger').description('give the ledger in PostgreSQL up');
  const forget = group
    .command('forget')
    .description(
      'after DATABASE_URL was taken away for good: delete the record in etcd that keeps the journal for the ledger; ends with 1 while a node ' +
        'still writes to it',
    )
    .option('--yes', 'do it')
    .option('--json', 'print one JSON document');
  addConfigOptions(forget).action((options: Options) => forgetLedger(options, context));
}

async function forgetLedger(options: Options, context: CliContext): Promise<void> {
  const { endpoints, source, cluster } = findSeries(options, context);
  if (options.yes !== true)
    throw usageError(
      `say --yes to give the ledger of cluster ${cluster} up. What it does not hold yet is then pruned from the journal as if there had never been ` +
        'one; the ledger itself is left as it is. Take DATABASE_URL away from all nodes and restart them first',
    );
  const [{ openEtcdStore }, { forgetLedgerRecord }] = await Promise.all([
    import('../../store/etcd/open-etcd-store.ts'),
    import('../../store/etcd/forget-ledger-record.ts'),
  ]);
  const { connection, keys } = openEtcdStore({ endpoints, cluster, callTimeoutMs: CALL_TIMEOUT_MS });
  try {
    const outcome = await forgetLedgerRecord(connection, keys, GLOBAL_SERIES);
    const series = seriesName(GLOBAL_SERIES);
    if (options.json === true) printJson(context.stdout, { series, cluster, outcome });
    else printLines(context.stdout, [`series ${series} in cluster ${cluster}: ${TEXTS[outcome]}`]);
    if (outcome === 'in-use') context.exitWith(EXIT.failed);
  } catch (error) {
    if (!(error instanceof SeqdError) || error.code !== 'unavailable') throw error;
    const { describeEtcdError } = await import('../../store/etcd/etcd-errors.ts');
    const reason = error.cause === undefined ? undefined : describeEtcdError(error.cause);
    throw new StoreError(error, { endpoints, source, reason });
  } finally {
    connection.close();
  }
}

const TEXTS = {
  forgotten: 'the ledger is given up; the journal waits for it no more',
  none: 'there is no ledger to give up',
  'in-use':
    'a node writes to the ledger, so nothing was changed: take DATABASE_URL (sequence.ledger.url) away from all nodes and restart them first',
} as const;
