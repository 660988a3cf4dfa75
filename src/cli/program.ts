import { Command, Help } from 'commander';
import { VERSION } from '../version.ts';
import { registerAudit } from './commands/audit.ts';
import { registerConfig } from './commands/config.ts';
import { registerDemo } from './commands/demo.ts';
import { registerEvents } from './commands/events.ts';
import { registerLedger } from './commands/ledger.ts';
import { registerMigrate } from './commands/migrate.ts';
import { registerNext } from './commands/next.ts';
import { registerRecover } from './commands/recover.ts';
import { registerRelease } from './commands/release.ts';
import { registerReplay } from './commands/replay.ts';
import { registerReport } from './commands/report.ts';
import { registerImport } from './commands/import.ts';
import { registerScan } from './commands/scan.ts';
import { registerServe } from './commands/serve.ts';
import { registerShow } from './commands/show.ts';
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
    .configureHelp({
      optionDescription: option =>
        option.mandatory ? `${option.description} (required)` : Help.prototype.optionDescription(option),
    })
    .configureOutput({
      writeOut: text => context.stdout.write(text),
      writeErr: text => context.stderr.write(text),
    })
    .showHelpAfterError('(add --help for the options)')
    .addHelpText('afterAll', EXIT_CODES_HELP);
  registerServe(program, context);
  registerConfig(program, context);
  registerMigrate(program, context);
  registerEvents(program, context);
  registerLedger(program, context);
  registerNext(program, context);
  registerRelease(program, context);
  registerReplay(program, context);
  registerScan(program, context);
  registerImport(program, context);
  registerStats(program, context);
  registerStatus(program, context);
  registerVerify(program, context);
  registerRecover(program, context);
  registerShow(program, context);
  registerAudit(program, context);
  registerReport(program, context);
  registerDemo(program, context);
  return program;
}
