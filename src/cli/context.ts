import type { Config, Environment } from '../config/index.ts';

/** Where a command writes. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What the process gives the command line; in tests, what a test gives it. */
export interface CliHost {
  readonly env: Environment;
  /** Data only. */
  readonly stdout: OutputStream;
  /** Everything else. */
  readonly stderr: OutputStream;
  /** Runs a node until it is stopped; resolves with the exit code. */
  readonly serve: (config: Config) => Promise<number>;
  /** Base of relative paths; default the working directory. */
  readonly cwd?: string;
  /** Calls back at the first Ctrl-C instead of ending the process; returns how to stop that. */
  readonly onInterrupt?: (handle: () => void) => () => void;
}

/** What every command works with. */
export interface CliContext extends Required<CliHost> {
  /**
   * Ends the command with a code of `EXIT`, once its action returns; without it, 0. To fail, throw: `CliError`,
   * `ConfigError`, `SeqdError` and `SeqdClientError` are printed and mapped to an exit code in one place (`report-error.ts`).
   */
  exitWith(code: number): void;
}

/** Adds what a host may leave out. */
export function completeHost(host: CliHost): Required<CliHost> {
  return { cwd: process.cwd(), onInterrupt: onSigint, ...host };
}

function onSigint(handle: () => void): () => void {
  process.once('SIGINT', handle);
  return () => process.off('SIGINT', handle);
}
