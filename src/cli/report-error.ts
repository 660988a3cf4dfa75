import { CommanderError } from 'commander';
import { SeqdClientError } from '../client/index.ts';
import { ConfigError, hideCredentials } from '../config/index.ts';
import { ERROR_CODES, SeqdError } from '../core/errors.ts';
import { CliError, RequestError, StoreError } from './cli-error.ts';
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
  if (error instanceof RequestError || error instanceof StoreError) return exitCodeOf(error.cause);
  if (error instanceof SeqdError) return exitCodeOfOwn(error);
  if (!(error instanceof SeqdClientError)) return EXIT.failed;
  if (error.code === 'bad_response') return EXIT.failed;
  if (error.retry !== 'never') return EXIT.unavailable;
  if (error.status === undefined) return EXIT.usage;
  return error.status < 500 ? EXIT.refused : EXIT.failed;
}

/** An error of this process, that no server has answered with. */
function exitCodeOfOwn({ code }: SeqdError): ExitCode {
  if (FAILURES.has(code)) return EXIT.failed;
  return ERROR_CODES[code].retry === 'never' ? EXIT.usage : EXIT.unavailable;
}

const FAILURES: ReadonlySet<string> = new Set([
  'unsupported_format',
  'invariant_violated',
  'behind_ledger',
  'internal',
]);

function describe(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof RequestError) return describeClientError(error.cause, error.nodes);
  if (error instanceof SeqdClientError) return describeClientError(error);
  if (error instanceof StoreError) return describeOwnError(error.cause, error);
  if (error instanceof SeqdError) return describeOwnError(error);
  if (error instanceof CliError) return `seqd: ${error.message}`;
  return `seqd: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

function describeClientError(error: SeqdClientError, nodes?: NodeUrls): string {
  const lines = [`seqd: ${error.message} (${error.code})`];
  for (const mistake of furtherMistakes(error)) lines.push(`  - ${mistake}`);
  lines.push(`  ${adviceOn(error, nodes)}`);
  return lines.join('\n');
}

function describeOwnError(error: SeqdError, store?: StoreError): string {
  return `seqd: ${error.message} (${error.code})\n  ${adviceOnOwn(error, store)}`;
}

function adviceOnOwn({ code }: SeqdError, store?: StoreError): string {
  switch (code) {
    case 'unavailable':
      return `${triedOf(store)}Is etcd running there? --etcd-endpoints names another one; docs/runbook.md says more.`;
    case 'ledger_unavailable':
      return 'Is PostgreSQL where sequence.ledger.url or DATABASE_URL says? docs/runbook.md says more.';
    case 'behind_ledger':
      return 'What to do is in docs/runbook.md, under "Restore from a backup".';
    case 'storage_full':
      return 'How to make room is in docs/runbook.md.';
    case 'unsupported_format':
      return 'A newer seqd has written it; use that version.';
    case 'invariant_violated':
      return 'The series must not go on like this; docs/runbook.md says what to do.';
    case 'internal':
      return 'This is a mistake in seqd, not in what you typed; please report it.';
    default: {
      const { retry } = ERROR_CODES[code];
      if (retry === 'never')
        return 'Trying again will not help; change the command line or the configuration.';
      return retry === 'later' ? 'Nothing was changed; try again later.' : 'It may have taken effect.';
    }
  }
}

function triedOf(store: StoreError | undefined): string {
  if (store === undefined) return '';
  const { endpoints, source, reason } = store;
  const said = reason === undefined ? '' : `: ${reason}`;
  return `Tried ${hideCredentials(endpoints.join(', '))} (from ${source})${said}. `;
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
  const changedNothing = `Nothing was changed after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  if (code === 'unreachable' || code === 'timeout') {
    const tried = `Tried ${(nodes?.urls ?? [url]).join(', ')}${nodes === undefined ? '' : ` (from ${nodes.source})`}.`;
    const again = retry === 'same-key' && key !== undefined ? ` ${sameKey(key)}` : '';
    return `${tried}${again} Is a node running there? ./START-POC.sh starts a demonstration; --url names another node.`;
  }
  if (code === 'bad_response') return 'Is that address really a seqd node? --url names another one.';
  if (retry === 'same-key' && key !== undefined) return sameKey(key);
  if (retry === 'never') return 'Sending it again will not help; change the request.';
  if (code === 'unsupported_format' || code === 'invariant_violated')
    return `${changedNothing}. The node has stopped serving; docs/runbook.md says what to do.`;
  return `${changedNothing}; try again later.`;
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
  if (error instanceof StoreError)
    return { ...factsOf(error.cause), endpoints: error.endpoints.map(hideCredentials) };
  if (error instanceof SeqdError)
    return { code: error.code, detail: error.message, retry: ERROR_CODES[error.code].retry };
  if (error instanceof ConfigError) return { code: 'config', detail: error.message, issues: error.issues };
  if (error instanceof CommanderError) return { code: 'usage', detail: error.message };
  const code = error instanceof CliError && error.exitCode === EXIT.usage ? 'usage' : 'failed';
  return { code, detail: error instanceof Error ? error.message : String(error) };
}
