import type { Command } from 'commander';
import type { Answer, NextInput, NextReply } from '../../client/index.ts';
import { addClientOptions, type ClientOptions, parseCount, withClient } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { printJson, printLines } from '../output.ts';

interface NextOptions extends ClientOptions {
  readonly site: string;
  readonly partition: string;
  readonly type: string;
  readonly count?: number;
  readonly contiguous?: true;
  readonly key?: string;
  readonly reference?: string;
}

/** `seqd next`: draws numbers. Prints the numbers on stdout, a range as `first-last`, the rest on stderr. */
export function registerNext(program: Command, context: CliContext): void {
  const command = program
    .command('next')
    .description('draw numbers; prints the number, or one line per range')
    .requiredOption('--site <id>', 'site of the document')
    .requiredOption('--partition <id>', 'partition of the document')
    .requiredOption('--type <name>', 'document type, such as on-cycle')
    .option('--count <n>', 'how many numbers', parseCount)
    .option('--contiguous', 'all numbers in one range')
    .option('--key <key>', 'idempotency key; the same key gives the same numbers again (default: a new one)')
    .option('--reference <text>', "the document's own name, kept in the journal");
  addClientOptions(command).action(async (options: NextOptions) => {
    const answer = await withClient(options, context, client =>
      client.next(inputOf(options), keyOf(options)),
    );
    if (options.json === true) {
      printJson(context.stdout, { ...answer.reply, replayed: answer.replayed, idempotencyKey: answer.key });
      return;
    }
    printLines(context.stdout, rangesOf(answer.reply));
    printLines(context.stderr, [describe(answer)]);
  });
}

function inputOf({ site, partition, type, count, contiguous, reference }: NextOptions): NextInput {
  return {
    siteId: site,
    partitionId: partition,
    invoiceType: type,
    ...(count === undefined ? {} : { count }),
    ...(contiguous === undefined ? {} : { contiguous }),
    ...(reference === undefined ? {} : { reference }),
  };
}

/** The `--key` of a command, as the client takes it. */
export function keyOf({ key }: { key?: string }): { key?: string } {
  return key === undefined ? {} : { key };
}

function rangesOf({ numbers }: NextReply): string[] {
  return numbers.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`));
}

function describe({ reply, replayed, key }: Answer<NextReply>): string {
  const { siteId, partitionId, invoiceType, node, reused, released, preview, allocationId } = reply;
  const owner = `${siteId}/${partitionId} ${invoiceType}`;
  if (preview === true) return `preview for ${owner}: nothing was issued`;
  const remarks = [
    ...(replayed ? ['given before under this key'] : []),
    ...(reused ? ['from the gap pool'] : []),
    ...(released === undefined ? [] : [`released again to the ${released.to}`]),
  ];
  const notes = remarks.length === 0 ? '' : ` (${remarks.join(', ')})`;
  return `issued to ${owner}${notes}; allocation ${allocationId}, key ${key}, answered by ${node}`;
}
