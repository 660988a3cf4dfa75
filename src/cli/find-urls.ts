import { usageError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import type { NodeUrls } from './node-urls.ts';
import { readRunFile, RUN_FILE } from './run-file.ts';

const DEFAULT_URL = 'http://127.0.0.1:8080';

/**
 * Finds the nodes: `--url`, else `SEQD_URL`, else the demonstration that runs (in the working directory, then in
 * the package), else the default address.
 *
 * @param given the values of `--url`; each may be a comma separated list
 * @param packageDirectory for tests
 * @throws CliError for something that is no http address
 */
export function findUrls(
  given: readonly string[] | undefined,
  { env, cwd }: Pick<CliContext, 'env' | 'cwd'>,
  packageDirectory?: string,
): NodeUrls {
  if (given !== undefined) return { urls: parseUrls(given, '--url'), source: '--url' };
  const listed = env['SEQD_URL'];
  if (listed !== undefined && listed.trim() !== '')
    return { urls: parseUrls([listed], 'SEQD_URL'), source: 'SEQD_URL' };
  const nodes = readRunFile(cwd, packageDirectory)?.nodes ?? [];
  if (nodes.length > 0) return { urls: nodes.map(node => node.url), source: RUN_FILE };
  return { urls: [DEFAULT_URL], source: 'the default address' };
}

function parseUrls(values: readonly string[], source: string): string[] {
  const urls = values
    .flatMap(value => value.split(','))
    .map(text => text.trim())
    .filter(text => text !== '');
  if (urls.length === 0) throw usageError(`${source} names no address`);
  return [...new Set(urls.map(text => parseUrl(text, source)))];
}

function parseUrl(text: string, source: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw usageError(`${source} must be an address like ${DEFAULT_URL}, not ${JSON.stringify(text)}`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
