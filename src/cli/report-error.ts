import { CommanderError } from 'commander';
import { SeqdClientError } from '../client/index.ts';
import { ConfigError } from '../config/index.ts';
import { CliError, RequestError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { NodeUrls } from './node-urls.ts';
import { printJson } from './output.ts';

/**
 * Prints what a command failed with, and says what to end with. The one place where errors meet exit codes.
 *
 * @param json also print the error as the command's one document on stdout
 */
export function reportError(error: unknown, { stdout, stderr }: CliContext, json: boolean): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok; // help or version
  const exitCode = exitCodeOf(error);
  // commander has printed its own.
  if (!(error instanceof CommanderError)) stderr.write(`${describe(error)}\n`);
  if (json) printJson(stdout, { error: { ...factsOf(error), exitCode } });
  return exitCode;
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError || error instanceof ConfigError) return EXIT.usage;
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof RequestError) return exitCodeOf(error.cause);
  if (!(error instanceof SeqdClientError)) return EXIT.failed;
  if (error.code === 'bad_response') return EXIT.failed;
  if (error.retry !== 'never') return EXIT.unavailable;
  if (error.status === undefined) return EXIT.usage;
  return error.status < 500 ? EXIT.refused : EXIT.failed;
}

function describe(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof RequestError) return describeClientError(error.cause, error.nodes);
  if (error instanceof SeqdClientError) return describeClientError(error);
  if (error instanceof CliError) return `seqd: ${error.message}`;
  return `seqd: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

function describeClientError(error: SeqdClientError, nodes?: NodeUrls): string {
  const lines = [`seqd: ${error.message} (${error.code})`];
  for (const mistake of furtherMistakes(error)) lines.push(`  - ${mistake}`);
  lines.push(`  ${adviceOn(error, nodes)}`);
  return lines.join('\n');
}

/** The server names every mistake; its detail may be that of the first only. */
function furtherMistakes({ message, problem }: SeqdClientError): string[] {
  const errors = problem?.['errors'];
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((mistake: { detail?: unknown } | null) => {
    const detail = mistake?.detail;
    return typeof detail === 'string' && !message.includes(detail) ? [detail] : [];
  });
}

function adviceOn({ code, retry, key, url, attempts }: SeqdClientError, nodes?: NodeUrls): string {
  if (code === 'unreachable' || code === 'timeout') {
    const tried = `Tried ${(nodes?.urls ?? [url]).join(', ')}${nodes === undefined ? '' : ` (from ${nodes.source})`}.`;
    const again = retry === 'same-key' && key !== undefined ? ` ${sameKey(key)}` : '';
    return `${tried}${again} Is a node running there? ./START-POC.sh starts a demonstration; --url names another node.`;
  }
  if (code === 'bad_response') return 'Is that address really a seqd node? --url names another one.';
  if (retry === 'same-key' && key !== undefined) return sameKey(key);
  if (retry === 'never') return 'Sending it again will not help; change the request.';
  return `Nothing was changed after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}; try again later.`;
}

function sameKey(key: string): string {
  return `It may have taken effect; repeat it with --key ${key} to get the same answer.`;
}

function factsOf(error: unknown): Record<string, unknown> {
  if (error instanceof RequestError) return { ...factsOf(error.cause), urls: error.nodes.urls };
  if (error instanceof SeqdClientError) {
    const { code, message, retry, status, url, key, attempts, problem } = error;
    return { code, detail: message, retry, status, url, idempotencyKey: key, attempts, problem };
  }
  if (error instanceof ConfigError) return { code: 'config', detail: error.message, issues: error.issues };
  if (error instanceof CommanderError) return { code: 'usage', detail: error.message };
  const code = error instanceof CliError && error.exitCode === EXIT.usage ? 'usage' : 'failed';
  return { code, detail: error instanceof Error ? error.message : String(error) };
}
