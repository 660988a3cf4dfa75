import { Command } from 'commander';
import { VERSION } from '../version.ts';
import { registerConfig } from './commands/config.ts';
import { registerNext } from './commands/next.ts';
import { registerRelease } from './commands/release.ts';
import { registerReplay } from './commands/replay.ts';
import { registerServe } from './commands/serve.ts';
import { registerStats } from './commands/stats.ts';
import { registerStatus } from './commands/status.ts';
import { registerVerify } from './commands/verify.ts';
import { type CliContext, type CliHost, completeHost } from './context.ts';
import { EXIT, EXIT_CODES_HELP } from './exit-codes.ts';
import { reportError } from './report-error.ts';

/**
 * Runs the `seqd` command.
 *
 * @param argv as `process.argv`: the first two are skipped
 * @returns the exit code, one of {@link EXIT}; never rejects
 */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  let exitCode: number = EXIT.ok;
  const context: CliContext = {
    ...completeHost(host),
    exitWith: code => {
      exitCode = code;
    },
  };
  try {
    await createProgram(context).parseAsync(argv);
    return exitCode;
  } catch (error) {
    return reportError(error, context, argv.includes('--json'));
  }
}

function createProgram(context: CliContext): Command {
  const program = new Command('seqd')
    .description('Sequential, gap-free document numbers for many sites, on etcd consensus')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: text => context.stdout.write(text),
      writeErr: text => context.stderr.write(text),
    })
    .showHelpAfterError('(add --help for the options)')
    .addHelpText('afterAll', EXIT_CODES_HELP);
  registerServe(program, context);
  registerConfig(program, context);
  registerNext(program, context);
  registerRelease(program, context);
  registerReplay(program, context);
  registerStats(program, context);
  registerStatus(program, context);
  registerVerify(program, context);
  return program;
}
