import { type Command, Option } from 'commander';
import type { Pool } from 'pg';
import type { DeadLetterStatus, SinkStatus } from '../../events/event-admin.ts';
import { CliError, usageError } from '../cli-error.ts';
import { addConfigOptions, loadConfigOf } from '../config-options.ts';
import type { CliContext } from '../context.ts';
import { readRunFile } from '../run-file.ts';
import { printJson, printLines, table } from '../output.ts';
import { findLedger } from './migrate.ts';

type Options = Readonly<Record<string, unknown>> & { readonly json?: true; readonly sink?: string };

const COUNT_MAX = 1_000;

/** `seqd events status|dead|redeliver`: what other systems have been told of, from the ledger's database. */
export function registerEvents(program: Command, context: CliContext): void {
  const group = program
    .command('events')
    .description('look after the systems that are told of events (docs/events.md)');
  const status = group
    .command('status')
    .description('show how far each sink has got, and what keeps it')
    .option('--json', 'print one JSON document');
  addConfigOptions(status).action((options: Options) => showStatus(options, context));
  const dead = group
    .command('dead')
    .description(`list what a sink refused for good, the oldest ${COUNT_MAX} first`)
    .addOption(new Option('--sink <name>', 'of this sink only'))
    .option('--json', 'print one JSON document');
  addConfigOptions(dead).action((options: Options) => listDead(options, context));
  const redeliver = group
    .command('redeliver')
    .description('have a dead letter delivered again, by the node that delivers to its sink')
    .argument('[id]', 'as in "seqd events dead"')
    .addOption(new Option('--sink <name>', 'instead of an id: all of this sink'))
    .option('--json', 'print one JSON document');
  addConfigOptions(redeliver).action((id: string | undefined, options: Options) =>
    redeliverDead(id, options, context),
  );
}

async function showStatus(options: Options, context: CliContext): Promise<void> {
  const sinks = await inLedger(options, context, async (pool, cluster) => {
    const { readSinks } = await import('../../events/event-admin.ts');
    return readSinks(pool, cluster);
  });
  if (options.json === true) printJson(context.stdout, { sinks });
  else printLines(context.stdout, describeSinks(sinks));
}

async function listDead(options: Options, context: CliContext): Promise<void> {
  const letters = await inLedger(options, context, async (pool, cluster) => {
    const { readDeadLetters } = await import('../../events/event-admin.ts');
    return readDeadLetters(pool, cluster, { sink: options.sink, countMax: COUNT_MAX });
  });
  if (options.json === true) printJson(context.stdout, { deadLetters: letters });
  else printLines(context.stdout, describeLetters(letters));
}

async function redeliverDead(id: string | undefined, options: Options, context: CliContext): Promise<void> {
  const which = whichOf(id, options.sink);
  const count = await inLedger(options, context, async (pool, cluster) => {
    const { requestRedelivery } = await import('../../events/event-admin.ts');
    return requestRedelivery(pool, cluster, which);
  });
  if (count === 0) throw new CliError('there is no such dead letter; "seqd events dead" lists them');
  if (options.json === true) printJson(context.stdout, { requested: count });
  else
    printLines(context.stdout, [
      `${count} ${count === 1 ? 'event' : 'events'} will be delivered again; "seqd events dead" shows what was refused once more`,
    ]);
}

function whichOf(id: string | undefined, sink: string | undefined): { id: number } | { sink: string } {
  if ((id === undefined) === (sink === undefined))
    throw usageError('name a dead letter by its id, or a sink with --sink');
  if (sink !== undefined) return { sink };
  if (!/^[1-9]\d{0,14}$/.test(id!))
    throw usageError(`a dead letter's id is a whole number, not ${JSON.stringify(id)}`);
  return { id: Number(id) };
}

/** Works on the ledger's database over a connection of its own. */
async function inLedger<T>(
  options: Options,
  context: CliContext,
  work: (pool: Pool, cluster: string) => Promise<T>,
): Promise<T> {
  const connection = findLedger(options, context);
  const { config, sources } = loadConfigOf(options, context);
  // As for the ledger: where nothing is configured, the demonstration that runs.
  const run = config.sequence.ledger.url === null ? readRunFile(context.cwd) : undefined;
  const chosen = !['default', undefined].includes(
    sources.get('sequence.cluster')?.replace(/^file:.*/, 'default'),
  );
  const cluster = chosen ? config.sequence.cluster : (run?.cluster ?? config.sequence.cluster);
  // PostgreSQL's driver takes a while to load.
  const { createLedgerPool } = await import('../../ledger/postgres/ledger-pool.ts');
  const pool = createLedgerPool({ ...connection, poolMax: 1 });
  try {
    return await work(pool, cluster);
  } finally {
    await pool.end();
  }
}

function describeSinks(sinks: readonly SinkStatus[]): string[] {
  if (sinks.length === 0) return ['no sink has been delivered to yet'];
  const rows = sinks.map(({ sink, series, holder, next, lag, oldestAt, deadLetters }) => [
    sink,
    series ?? '-',
    next ?? '-',
    lag,
    oldestAt ?? '-',
    deadLetters,
    holder ?? 'nobody',
  ]);
  const problems = new Map(sinks.flatMap(({ sink, problem }) => (problem === null ? [] : [[sink, problem]])));
  return [
    ...table([['sink', 'series', 'next', 'lag', 'oldest', 'dead', 'delivered by'], ...rows]),
    ...[...problems].map(([sink, problem]) => `${sink}: ${problem}`),
  ];
}

function describeLetters(letters: readonly DeadLetterStatus[]): string[] {
  if (letters.length === 0) return ['no dead letters'];
  return table([
    ['id', 'sink', 'event', 'kind', 'attempts', 'died', 'reason'],
    ...letters.map(({ id, sink, event, kind, attempts, diedAt, reason, requestedAt }) => [
      id,
      sink,
      event,
      kind,
      attempts,
      diedAt,
      requestedAt === null ? reason : `${reason} (to be delivered again)`,
    ]),
  ]);
}
