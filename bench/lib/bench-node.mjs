import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/**
 * Starts a seqd node as its own process and waits until it serves.
 *
 * @param {{ endpoints: readonly string[], cluster: string, id: string }} options
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function startBenchNode({ endpoints, cluster, id }) {
  const args = [
    'serve',
    '--port',
    '0',
    '--etcd-endpoints',
    endpoints.join(','),
    '--cluster',
    cluster,
    '--node-id',
    id,
  ];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    child.once('exit', code => reject(new Error(`the node ended with ${code} before it served`)));
    createInterface({ input: child.stdout }).on('line', line => {
      const entry = JSON.parse(line);
      if (entry.msg === 'seqd is serving') resolve(entry.url);
    });
  });
  const close = async () => {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  };
  return { url, close };
}
