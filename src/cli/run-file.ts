import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the start script writes about the demonstration it runs, as far as commands use it. */
export interface RunFile {
  readonly cluster: string;
  readonly etcd: { readonly endpoints: readonly string[] };
  readonly nodes: readonly { readonly url: string }[];
  /** The PostgreSQL of the ledger; absent when there is none. `url` has its password. */
  readonly ledger?: { readonly url: string };
}

/** Where it is, relative to the working directory or the package. */
export const RUN_FILE = join('data', 'poc', 'run.json');

/**
 * The demonstration that runs, looked for in the working directory, then in the package.
 *
 * @returns undefined when there is none, or nothing useful in the file
 */
export function readRunFile(
  cwd: string,
  packageDirectory: string = fileURLToPath(new URL('../..', import.meta.url)),
): RunFile | undefined {
  for (const directory of new Set([cwd, packageDirectory])) {
    try {
      const run = JSON.parse(readFileSync(join(directory, RUN_FILE), 'utf8')) as Partial<RunFile>;
      if (typeof run.cluster === 'string' && Array.isArray(run.etcd?.endpoints) && Array.isArray(run.nodes)) {
        return run as RunFile;
      }
    } catch {
      // No file, or one that is just being written: there is no demonstration to speak of.
    }
  }
  return undefined;
}
