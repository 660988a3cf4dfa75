import { type Command, InvalidArgumentError } from 'commander';
import { SeqdClient, SeqdClientError, type SeqdClientOptions } from '../client/index.ts';
import { readAdminToken } from '../config/admin-token-file.ts';
import { RequestError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { findUrls } from './find-urls.ts';

/** The options of every command that talks to a server. */
export interface ClientOptions {
  readonly url?: string[];
  readonly timeout: number;
  readonly json?: true;
}

/** How long a single command keeps trying. Long enough for a change of leader. */
const TIMEOUT_SECONDS = 10;

/** Adds `--url`, `--timeout` and `--json`. @param timeoutSeconds default of `--timeout` */
export function addClientOptions(command: Command, timeoutSeconds = TIMEOUT_SECONDS): Command {
  return command
    .option(
      '--url <url>',
      'a node; repeatable or comma separated (default: $SEQD_URL, else the running demonstration)',
      collect,
    )
    .option('--timeout <seconds>', 'how long to keep trying a request', parsePositive, timeoutSeconds)
    .option('--json', 'print one JSON document');
}

/**
 * Opens a client for the time of an action. Says on stderr, once, when it has to try again.
 *
 * @throws CliError for a wrong address, RequestError for a failed request, and what else the action throws
 */
export async function withClient<T>(
  options: ClientOptions,
  context: CliContext,
  action: (client: SeqdClient) => Promise<T>,
): Promise<T> {
  const nodes = findUrls(options.url, context);
  const client = openClient(context, {
    urls: nodes.urls,
    budgetMs: options.timeout * 1000,
    adminToken: context.env['SEQD_SERVER_ADMIN_TOKEN'] || (url => readAdminToken(url)),
  });
  try {
    return await action(client);
  } catch (error) {
    throw error instanceof SeqdClientError ? new RequestError(error, nodes) : error;
  } finally {
    client.close();
  }
}

function openClient(context: CliContext, options: SeqdClientOptions): SeqdClient {
  let told = false;
  return new SeqdClient({
    ...options,
    onRetry: ({ error }) => {
      if (!told)
        context.stderr.write(
          `seqd: ${error.message}; trying again for up to ${options.budgetMs! / 1000} s\n`,
        );
      told = true;
    },
  });
}

/** Gathers a repeatable option. */
export function collect(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

/** A parser of whole numbers from 1 to `max`. @throws InvalidArgumentError */
export function countUpTo(max: number): (value: string) => number {
  return value => {
    const count = /^\d{1,16}$/.test(value) ? Number(value) : 0;
    if (count >= 1 && count <= max) return count;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${max}.`);
  };
}

/** A whole number from 1 to the largest that a document can have. @throws InvalidArgumentError */
export const parseCount = countUpTo(Number.MAX_SAFE_INTEGER);

/** A number above 0. @throws InvalidArgumentError */
export function parsePositive(value: string): number {
  const number = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0;
  if (number > 0 && number <= 86_400) return number;
  throw new InvalidArgumentError('It must be a number above 0, at most 86400.');
}
