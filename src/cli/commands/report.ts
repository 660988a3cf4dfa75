import type { Command } from 'commander';
import { usageError } from '../cli-error.ts';
import { addClientOptions, type ClientOptions, parseCount, withClient } from '../client-options.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { saveAnswer } from '../save-answer.ts';

/** A report of a hundred million numbers reads them all. */
const TIMEOUT_SECONDS = 120;
const FORMATS = ['text', 'json', 'csv', 'html'] as const;

interface ReportOptions extends ClientOptions {
  readonly series?: string;
  readonly from?: string;
  readonly to?: string;
  readonly at?: number;
  readonly format: string;
  readonly output?: string;
  readonly requestedBy?: string;
}

/** `seqd report`: accounts for every number of a range. Ends with 1 when one is not accounted for. */
export function registerReport(program: Command, context: CliContext): void {
  const command = program
    .command('report')
    .description('account for every number of a range at one revision; ends with 1 when anything is missing')
    .option('--series <name>', 'the series (default: the only one)')
    .option('--from <number or time>', 'first number, or drawn since this date (UTC) or time')
    .option('--to <number or time>', 'last number, or drawn before this time or up to the end of this date')
    .option('--at <revision>', 'as of this revision of etcd (default: now)', parseCount)
    .option('--format <name>', FORMATS.join(', '), 'text')
    .option('--output <file>', 'write it there, not on stdout')
    .option('--requested-by <name>', 'who asks; is in the report');
  addClientOptions(command, TIMEOUT_SECONDS).action(async (options: ReportOptions) => {
    const format = options.json === true ? 'json' : options.format;
    if (!(FORMATS as readonly string[]).includes(format))
      throw usageError(`--format must be one of ${FORMATS.join(', ')}, not ${JSON.stringify(format)}`);
    const { series, from, to, at, requestedBy, output } = options;
    const query = { series, from, to, at, requestedBy, format };
    let complete = false;
    await withClient(options, context, client => {
      const answer = client.download('/api/v1/report', query, {
        timeoutMs: options.timeout * 1_000,
        onHeaders: headers => (complete = headers['x-report-complete'] === 'true'),
      });
      return saveAnswer(answer, { file: output, context });
    });
    // An answer that does not say so is none: something in between may have given it.
    if (!complete) context.exitWith(EXIT.failed);
  });
}
