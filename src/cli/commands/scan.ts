import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printJson, printLines } from '../output.ts';
import { describeScan } from '../scan/describe-scan.ts';
import { scanRows } from '../scan/numbering-scan.ts';
import { addSourceOptions, openSource, scanOptionsOf, type SourceOptions } from '../scan/source-options.ts';

interface ScanCommandOptions extends SourceOptions {
  readonly perPrefix?: true;
  readonly periodColumn?: string;
  readonly json?: true;
}

/** `seqd scan`: says what an existing numbering looks like, and changes nothing. */
export function registerScan(program: Command, context: CliContext): void {
  const command = program
    .command('scan')
    .description(
      'report gaps and duplicates of an existing numbering, changing nothing; ends with 1 when rows could not be read or may be missing',
    );
  addSourceOptions(command)
    .option('--per-prefix', 'each prefix has numbers of its own')
    .option('--period-column <name>', 'column of the period; each period has numbers of its own')
    .option('--json', 'print one JSON document')
    .action(async (file: string | undefined, options: ScanCommandOptions) => {
      const source = openSource(file, options, context, options.periodColumn);
      const scan = await scanRows(source, { ...scanOptionsOf(options), perPrefix: options.perPrefix });
      const report = scan.report(source);
      if (options.json === true) printJson(context.stdout, report);
      else printLines(context.stdout, describeScan(report));
      if (!report.clean) context.exitWith(EXIT.failed);
    });
}
