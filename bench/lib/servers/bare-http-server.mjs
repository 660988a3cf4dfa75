import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ManagedProcess } from '../../../scripts/lib/managed-process.mjs';
import { findFreePorts } from '../../../scripts/lib/ports.mjs';
import { waitForPort } from './wait-for-port.mjs';

const MAIN = fileURLToPath(new URL('bare-http-main.mjs', import.meta.url));

/**
 * Starts a bare `node:http` server: what Node itself takes to answer.
 *
 * @param {{ directory: string, bodyBytes: number }} options
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function startBareHttp({ directory, bodyBytes }) {
  const [port = 0] = await findFreePorts(1);
  const server = new ManagedProcess({
    name: 'node-http',
    command: process.execPath,
    args: [MAIN, String(port), String(bodyBytes)],
    logFile: join(directory, 'node-http.log'),
  });
  await server.start();
  await waitForPort(port, server);
  return { url: `http://127.0.0.1:${port}/`, close: () => server.stop() };
}
