import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Guard } from './guards.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What the named tests need. */
const COPIED = [
  'src',
  'test/kit',
  'test/simulation',
  'test/unit/client',
  'test/unit/cluster',
  'test/unit/core',
  'test/unit/events',
  'test/unit/ledger',
  'test/unit/sequencer',
  'test/unit/server',
  'test/unit/store',
  'test/unit/verify',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];
/** A mutant may loop for ever; that is no proof of anything. */
const RUN_TIMEOUT_MS = 120_000;

/** A test as it came out. */
export interface TestOutcome {
  readonly file: string;
  readonly name: string;
  readonly status: 'passed' | 'failed';
  /** First lines of what went wrong. */
  readonly failures: readonly string[];
}

/** What vitest made of a working copy. `error` when it did not get as far as running tests. */
export interface RunOutcome {
  readonly tests: readonly TestOutcome[];
  readonly error: string | undefined;
}

/** A copy of the sources and tests in a directory of its own, in which anything may be changed. */
export class WorkingCopy {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<WorkingCopy> {
    const directory = await mkdtemp(join(tmpdir(), 'seqd-mutant-'));
    await Promise.all(COPIED.map(name => cp(join(ROOT, name), join(directory, name), { recursive: true })));
    await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
    return new WorkingCopy(directory);
  }

  /** Takes a guard out. @throws Error unless the text to replace occurs exactly once */
  async mutate({ file, find, replace }: Pick<Guard, 'file' | 'find' | 'replace'>): Promise<void> {
    const path = join(this.directory, file);
    const parts = (await readFile(path, 'utf8')).split(find);
    if (parts.length !== 2) {
      throw new Error(`${file} has ${parts.length - 1} times, not once: ${find}`);
    }
    await writeFile(path, parts.join(replace));
  }

  /** Runs the tests of some files, or those among them whose full name matches. */
  async run(
    project: Guard['killedBy']['project'],
    files: readonly string[],
    name?: string,
  ): Promise<RunOutcome> {
    const output = join(this.directory, 'outcome.json');
    const named = name === undefined ? [] : ['-t', name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')];
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const report = ['--reporter=json', `--outputFile=${output}`];
    const printed = await execute(
      process.execPath,
      [vitest, 'run', '--project', project, ...files, ...named, ...report],
      this.directory,
    );
    return parseReport(await readFile(output, 'utf8').catch(() => ''), printed, this.directory);
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

function execute(command: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise(resolve => {
    const { VITEST: _, VITEST_POOL_ID: __, VITEST_WORKER_ID: ___, ...env } = process.env;
    execFile(
      command,
      args,
      { cwd, env, timeout: RUN_TIMEOUT_MS, killSignal: 'SIGKILL' },
      (error, out, err) => {
        resolve(`${error === null ? '' : error.message}\n${out}\n${err}`);
      },
    );
  });
}

interface JsonReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

function parseReport(text: string, printed: string, directory: string): RunOutcome {
  if (text === '') return { tests: [], error: printed.slice(0, 2_000) };
  const report = JSON.parse(text) as JsonReport;
  const broken = report.testResults.find(({ message }) => message !== '');
  const tests = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.flatMap(({ fullName, status, failureMessages }): TestOutcome[] => {
      if (status !== 'passed' && status !== 'failed') return [];
      const failures = (failureMessages ?? []).map(message => message.split('\n')[0]!);
      return [{ file: name.slice(directory.length + 1), name: fullName, status, failures }];
    }),
  );
  return { tests, error: broken?.message };
}
