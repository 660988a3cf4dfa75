import type { Command } from 'commander';
import { addClientOptions, type ClientOptions, parseCount, withClient } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { printJson, printLines } from '../output.ts';
import { keyOf } from './next.ts';

interface ReleaseOptions extends ClientOptions {
  readonly site: string;
  readonly partition: string;
  readonly reason: string;
  readonly allocationId?: string;
  readonly type?: string;
  readonly key?: string;
}

/** `seqd release`: gives a number back. */
export function registerRelease(program: Command, context: CliContext): void {
  const command = program
    .command('release')
    .description('give a number back, for example of a cancelled document')
    .argument('<number>', 'the number', parseCount)
    .requiredOption('--site <id>', 'site the number was issued to')
    .requiredOption('--partition <id>', 'partition the number was issued to')
    .requiredOption('--reason <text>', 'why; kept in the journal')
    .option('--allocation-id <id>', 'as given with the number; needed if it was reissued or issued long ago')
    .option('--type <name>', 'document type it was issued for; needed if it was issued long ago')
    .option('--key <key>', 'idempotency key (default: a new one)');
  addClientOptions(command).action(async (number: number, options: ReleaseOptions) => {
    const { site, partition, reason, allocationId, type } = options;
    const input = {
      sequenceNumber: number,
      siteId: site,
      partitionId: partition,
      reason,
      ...(allocationId === undefined ? {} : { allocationId }),
      ...(type === undefined ? {} : { invoiceType: type }),
    };
    const { reply, replayed, key } = await withClient(options, context, client =>
      client.release(input, keyOf(options)),
    );
    if (options.json === true) {
      printJson(context.stdout, { ...reply, replayed, idempotencyKey: key });
      return;
    }
    const target = reply.releasedTo === 'pool' ? 'to the gap pool' : 'and is void';
    const again = replayed ? ' (done before under this key)' : '';
    printLines(context.stdout, [`${reply.sequenceNumber} released ${target}${again}`]);
    printLines(context.stderr, [`allocation ${reply.allocationId}, key ${key}, answered by ${reply.node}`]);
  });
}
