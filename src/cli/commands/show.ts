import type { Command } from 'commander';
import type { NumberEvent, NumberLifeReply } from '../../client/index.ts';
import { oneLine } from '../../ledger/report/report-text.ts';
import { addClientOptions, type ClientOptions, parseCount, withClient } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { printJson, printLines, table } from '../output.ts';

interface ShowOptions extends ClientOptions {
  readonly after?: string;
}

/** `seqd show`: the life of a number. */
export function registerShow(program: Command, context: CliContext): void {
  const command = program
    .command('show')
    .description(
      'tell where a number went: issued, released, reissued, void; when, by whom, for which document',
    )
    .argument('<number>', 'the number', parseCount)
    .option('--after <position>', 'where an earlier answer ended, such as 4711-3');
  addClientOptions(command).action(async (number: number, options: ShowOptions) => {
    const life = await withClient(options, context, client => client.numberLife(number, options));
    if (options.json === true) printJson(context.stdout, life);
    else printLines(context.stdout, describeLife(life));
  });
}

/** A life as lines for people. */
export function describeLife(life: NumberLifeReply): string[] {
  const { number, series, state, events, revision } = life;
  const owner = state.siteId === null ? '' : `, ${state.siteId}/${state.partitionId} ${state.invoiceType}`;
  const allocation = state.allocationId === null ? '' : `, allocation ${state.allocationId}`;
  const reason = typeof state.reason === 'string' ? ` (${oneLine(state.reason)})` : '';
  const lines = [
    `${number} of ${series} is ${state.status}${reason}${owner}${allocation} (revision ${revision})`,
  ];
  if (events.length > 0)
    lines.push('', ...table([['when', 'what', 'who', 'where', 'about'], ...events.map(eventRow)]));
  if (life.next !== null) lines.push('', `There is more: --after ${life.next}`);
  if (life.problem !== undefined)
    lines.push('', `By the ledger alone, and not all may be here: ${oneLine(life.problem)}.`);
  else if (!life.complete)
    lines.push(
      '',
      `Not all may be here: what happened before batch ${life.from} is no longer known to etcd.`,
    );
  if (life.ledger === null)
    lines.push('', 'From etcd’s journal alone: there is no ledger, or it does not answer.');
  if (life.consistent === false && life.problem === undefined)
    lines.push('', 'THESE EVENTS DO NOT END IN THAT STATE: run "seqd verify", and see docs/runbook.md');
  return lines;
}

function eventRow(event: NumberEvent): string[] {
  const { siteId, partitionId, invoiceType, clientId, actor, node } = event;
  const owner = siteId === undefined ? '' : `${siteId}/${partitionId} ${invoiceType}`;
  const who = [owner, clientId, actor].filter(part => part !== undefined && part !== '').join(', ');
  const released = event.releasedTo === undefined ? '' : ` to ${event.releasedTo}`;
  const about = [
    event.numbers === undefined ? undefined : `with ${event.numbers.first}–${event.numbers.last}`,
    event.reference === undefined ? undefined : `document ${event.reference}`,
    event.reason,
    event.traceId === undefined ? undefined : `trace ${event.traceId}`,
    event.deadline === undefined ? undefined : `until ${event.deadline}`,
  ].filter(part => part !== undefined);
  return [
    event.at,
    `${event.event}${released}`,
    oneLine(who),
    `${event.position} on ${node}, revision ${event.revision}`,
    oneLine(about.join(', ')),
  ];
}
