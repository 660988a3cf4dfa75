import { runCli } from '../../../src/cli/program.ts';
import type { CliHost } from '../../../src/cli/context.ts';

/** What a command left behind. */
export interface CliRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `seqd <args>` in this process. */
export async function run(args: readonly string[], host: Partial<CliHost> = {}): Promise<CliRun> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runCli(['node', 'seqd', ...args], {
    env: {},
    cwd: '/nonexistent',
    serve: () => Promise.resolve(0),
    onInterrupt: () => () => {},
    ...host,
    stdout: { write: text => (stdout += text) },
    stderr: { write: text => (stderr += text) },
  });
  return { exitCode, stdout, stderr };
}
