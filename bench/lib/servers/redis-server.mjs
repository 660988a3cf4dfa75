import { join } from 'node:path';
import { ManagedProcess } from '../../../scripts/lib/managed-process.mjs';
import { findFreePorts } from '../../../scripts/lib/ports.mjs';
import { runCommand } from '../../../scripts/lib/run-command.mjs';
import { waitForPort } from './wait-for-port.mjs';

/**
 * Starts a Redis of our own that is as durable as one Redis can be: every write is on disk before it is acknowledged.
 *
 * @param {{ directory: string }} options
 * @returns {Promise<{ version: string, port: number, close(): Promise<void> } | undefined>} undefined when there is none
 */
export async function startRedis({ directory }) {
  const probe = await runCommand('redis-server', ['--version'], { timeoutMs: 5_000 });
  if (probe.code !== 0) return undefined;
  const [port = 0] = await findFreePorts(1);
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: directory,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
  };
  const server = new ManagedProcess({
    name: 'redis-server',
    command: 'redis-server',
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    cwd: directory,
    logFile: join(directory, 'redis.log'),
  });
  await server.start();
  await waitForPort(port, server);
  return { version: /v=(\S+)/.exec(probe.stdout)?.[1] ?? 'unknown', port, close: () => server.stop() };
}
