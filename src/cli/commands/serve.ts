import type { Command } from 'commander';
import { addConfigOptions, loadConfigOf } from '../config-options.ts';
import type { CliContext } from '../context.ts';

/** `seqd serve`: runs a node. */
export function registerServe(program: Command, context: CliContext): void {
  const command = program
    .command('serve')
    .description('run a node until SIGINT or SIGTERM; logs JSON lines to stdout');
  addConfigOptions(command).action(async (options: Record<string, unknown>) => {
    const { config } = loadConfigOf(options, context);
    context.exitWith(await context.serve(config));
  });
}
