import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';

/**
 * @typedef {object} CommandResult
 * @property {number} code exit code; 127 when the program does not exist, 124 when it ran out of time
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * Runs a program to its end and hands back what it said; never throws for a failing program, so that
 * callers can try the next way. Without `echo` its output is collected, with it the user sees it live.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, echo?: boolean, shell?: boolean, uid?: number, gid?: number, niceness?: number, interrupt?: AbortSignal }} [options]
 *   `timeoutMs` defaults to 120000; the program is then killed. `uid` and `gid` are whom it runs as, `niceness` is how
 *   readily it leaves the processors to others: 0 to 19. `interrupt` ends it as Ctrl-C would, so that it can tidy up
 *   (on Windows it is killed).
 * @returns {Promise<CommandResult>}
 */
export function runCommand(command, args, options = {}) {
  const {
    cwd,
    env = process.env,
    timeoutMs = 120_000,
    echo = false,
    shell = false,
    uid,
    gid,
    niceness,
    interrupt,
  } = options;
  return new Promise(resolve => {
    const child = spawn(command, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env,
      shell,
      ...(uid === undefined || gid === undefined ? {} : { uid, gid }),
      stdio: ['ignore', echo ? 'inherit' : 'pipe', echo ? 'inherit' : 'pipe'],
      windowsHide: true,
    });
    if (niceness !== undefined && child.pid !== undefined) setPriority(child.pid, niceness);
    const onInterrupt = () => child.kill('SIGINT');
    interrupt?.addEventListener('abort', onInterrupt);
    if (interrupt?.aborted) onInterrupt();
    // Not spawn's own timeout: for a program that does not exist, that one is never cleared.
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', chunk => (stdout += String(chunk)));
    child.stderr?.on('data', chunk => (stderr += String(chunk)));
    const settle = () => {
      clearTimeout(timer);
      interrupt?.removeEventListener('abort', onInterrupt);
    };
    child.once('error', error => {
      settle();
      resolve({ code: 127, stdout, stderr: stderr + error.message });
    });
    child.once('close', (code, signal) => {
      settle();
      resolve({ code: code ?? (signal === 'SIGKILL' ? 124 : 1), stdout, stderr });
    });
  });
}
