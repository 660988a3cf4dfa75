import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usageError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import type { NodeUrls } from './node-urls.ts';

const RUN_FILE = join('data', 'poc', 'run.json');
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
  packageDirectory: string = fileURLToPath(new URL('../..', import.meta.url)),
): NodeUrls {
  if (given !== undefined) return { urls: parseUrls(given, '--url'), source: '--url' };
  const listed = env['SEQD_URL'];
  if (listed !== undefined && listed.trim() !== '')
    return { urls: parseUrls([listed], 'SEQD_URL'), source: 'SEQD_URL' };
  for (const directory of new Set([cwd, packageDirectory])) {
    const urls = urlsOfRun(join(directory, RUN_FILE));
    if (urls.length > 0) return { urls, source: RUN_FILE };
  }
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

/** The nodes in the start script's run file; none when there is no such file, or nothing useful in it. */
function urlsOfRun(file: string): string[] {
  try {
    const run = JSON.parse(readFileSync(file, 'utf8')) as { nodes?: { url?: unknown }[] };
    return (run.nodes ?? []).flatMap(({ url }) =>
      typeof url === 'string' && URL.canParse(url) ? [url] : [],
    );
  } catch {
    return [];
  }
}
