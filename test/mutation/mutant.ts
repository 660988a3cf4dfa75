import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeDataDirectory } from '../kit/data-directory.ts';
import type { Guard } from './guards.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RUNNER = fileURLToPath(new URL('runner.mjs', import.meta.url));
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
/** A mutant may loop for ever; that is no proof of anything. Others may have to wait for a processor, being in no hurry. */
const RUN_TIMEOUT_MS = 240_000;

/** Whether a process can be ended together with those that it started. */
const GROUPS = process.platform !== 'win32';

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

/** What the runner of a working copy is told. */
export interface RunOrder {
  readonly project: Guard['killedBy']['project'];
  readonly files: readonly string[];
  /** A regular expression for the full names of tests. */
  readonly pattern: string;
  /** Files that are not as they were at the last run. */
  readonly changed: readonly string[];
}

/** A vitest that runs tests of one working copy, and what is said of a run that it does not survive. */
interface Runner {
  readonly child: ChildProcess;
  readonly ended: Promise<RunOutcome>;
}

/** A copy of the sources and tests in a directory of its own, in which anything may be changed, and its runner. */
export class WorkingCopy {
  private readonly directory: string;
  private runner: Runner | undefined;
  /** What is mutated now, as it was. */
  private readonly originals = new Map<string, string>();
  private readonly changed = new Set<string>();

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<WorkingCopy> {
    const directory = await makeDataDirectory('mutant');
    await Promise.all(COPIED.map(name => cp(join(ROOT, name), join(directory, name), { recursive: true })));
    await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
    return new WorkingCopy(directory);
  }

  /** Takes a guard out. @throws Error unless the text to replace occurs exactly once */
  async mutate({ file, find, replace }: Pick<Guard, 'file' | 'find' | 'replace'>): Promise<void> {
    const path = join(this.directory, file);
    const text = await readFile(path, 'utf8');
    const parts = text.split(find);
    if (parts.length !== 2) {
      throw new Error(`${file} has ${parts.length - 1} times, not once: ${find}`);
    }
    this.originals.set(path, text);
    await this.write(path, parts.join(replace));
  }

  /** Puts all guards back. */
  async restore(): Promise<void> {
    for (const [path, text] of this.originals) await this.write(path, text);
    this.originals.clear();
  }

  /** Runs the tests that are named, all of this project. */
  async run(
    project: Guard['killedBy']['project'],
    killers: readonly Pick<Guard['killedBy'], 'file' | 'name'>[],
  ): Promise<RunOutcome> {
    const pattern = killers.map(({ name }) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    const files = [...new Set(killers.map(({ file }) => file))];
    const order: RunOrder = { project, files, pattern, changed: [...this.changed] };
    this.changed.clear();
    if (this.runner?.child.connected !== true) this.runner = startRunner(this.directory);
    const { child, ended } = this.runner;
    const told = once(child, 'message').then(([outcome]) => outcome as RunOutcome);
    const timer = setTimeout(() => this.stop(), RUN_TIMEOUT_MS);
    child.send(order);
    try {
      return await Promise.race([told, ended]);
    } finally {
      clearTimeout(timer);
    }
  }

  async remove(): Promise<void> {
    this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  private async write(path: string, text: string): Promise<void> {
    await writeFile(path, text);
    this.changed.add(path);
  }

  /** Ends the runner, and the processes that it runs tests in: one that loops would not end by itself. */
  private stop(): void {
    const { pid, connected } = this.runner?.child ?? {};
    if (pid !== undefined && connected) process.kill(GROUPS ? -pid : pid, 'SIGKILL');
  }
}

function startRunner(cwd: string): Runner {
  const { VITEST: _, VITEST_POOL_ID: __, VITEST_WORKER_ID: ___, ...env } = process.env;
  const child = fork(RUNNER, { cwd, env, execArgv: [], detached: GROUPS, stdio: 'ignore' });
  const ended = once(child, 'exit').then(() => ({
    tests: [],
    error: 'vitest has ended, or did not in time',
  }));
  return { child, ended };
}
