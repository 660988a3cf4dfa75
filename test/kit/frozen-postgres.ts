import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import type { PostgresServer } from '../../scripts/lib/postgres-server.mjs';

/**
 * Stops a server with all its processes (SIGSTOP): connections stay open, new ones are accepted by the system, and nothing is answered.
 *
 * @returns what lets it go on, which the end of the test does, too
 */
export function freezePostgres(server: PostgresServer): () => void {
  const { pid } = server;
  if (pid === undefined) throw new Error('the server does not run');
  // First the one that starts others; pausing it alone would leave sessions that there are already working.
  process.kill(pid, 'SIGSTOP');
  const sessions = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (parent === pid ? [child!] : []));
  const frozen = [...sessions, pid];
  const signal = (name: NodeJS.Signals): void => {
    for (const process_ of frozen) {
      try {
        process.kill(process_, name);
      } catch (error) {
        // A session may end, once it goes on.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  };
  signal('SIGSTOP');
  let thawed = false;
  const thaw = (): void => {
    if (!thawed) signal('SIGCONT');
    thawed = true;
  };
  onTestFinished(thaw);
  return thaw;
}
