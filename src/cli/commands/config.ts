import type { Command } from 'commander';
import { configAsObject, describeConfig } from '../../config/index.ts';
import { addConfigOptions, loadConfigOf } from '../config-options.ts';
import type { CliContext } from '../context.ts';
import { printJson } from '../output.ts';

/** `seqd config print`: what a node would run with, and where each value comes from. */
export function registerConfig(program: Command, context: CliContext): void {
  const group = program.command('config').description('look at the configuration');
  const print = group
    .command('print')
    .description('print every setting with its source, secrets hidden')
    .option('--json', 'print one JSON document');
  addConfigOptions(print).action((options: Record<string, unknown>) => {
    const loaded = loadConfigOf(options, context);
    if (options['json'] === true) printJson(context.stdout, configAsObject(loaded));
    else context.stdout.write(describeConfig(loaded));
  });
}
