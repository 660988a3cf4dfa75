import type { SeqdClientError } from '../client/index.ts';
import type { SeqdError } from '../core/errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { NodeUrls } from './node-urls.ts';

/** A failure of a command that needs no stack trace: printed as `seqd: <message>`, and decides the exit code. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A wrong command line or input file. Exit code 2. */
export function usageError(message: string): CliError {
  return new CliError(message, EXIT.usage);
}

/** A request that failed for good, and where it was sent. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  override readonly cause: SeqdClientError;
  readonly nodes: NodeUrls;

  constructor(cause: SeqdClientError, nodes: NodeUrls) {
    super(cause.message);
    this.cause = cause;
    this.nodes = nodes;
  }
}

/** A failure of a command that reads etcd itself, and where it looked. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  override readonly cause: SeqdError;
  readonly endpoints: readonly string[];
  /** How the endpoints are known, such as `flag:--etcd-endpoints`. */
  readonly source: string;
  /** What etcd or the connection said, in a few words. */
  readonly reason: string | undefined;

  constructor(
    cause: SeqdError,
    facts: {
      readonly endpoints: readonly string[];
      readonly source: string;
      readonly reason?: string | undefined;
    },
  ) {
    super(cause.message);
    this.cause = cause;
    this.endpoints = facts.endpoints;
    this.source = facts.source;
    this.reason = facts.reason;
  }
}
