import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** Everything here listens on this address only, unless a user asks for more. */
export const LOOPBACK = '127.0.0.1';

/**
 * Where free ports are looked for: below the range from which every system takes the local ports of
 * outgoing connections. A port from that range could be taken while a member that owns it is restarted.
 */
const FIRST_FREE_PORT = 20_000;
const LAST_FREE_PORT = 32_000;
const ATTEMPTS_MAX = 1_000;

/**
 * Finds ports that nobody uses, and that nobody else who asks here will get while this process lives: what shall
 * listen there is often started seconds later, or killed and started again.
 *
 * @param {number} count
 * @returns {Promise<number[]>}
 * @throws when there are not as many
 */
export async function findFreePorts(count) {
  /** @type {number[]} */
  const found = [];
  for (let attempt = 0; found.length < count && attempt < ATTEMPTS_MAX; attempt += 1) {
    const port = randomInt(FIRST_FREE_PORT, LAST_FREE_PORT + 1);
    if ((await findBusyPorts([port])).length === 0 && (await reserve(port))) found.push(port);
  }
  if (found.length < count) throw new Error(`found only ${found.length} of ${count} free ports`);
  return found;
}

/**
 * Claims a TCP port among the processes of this machine by taking the UDP port of the same number, which we have no
 * other use for: the system gives it to one process only, and takes it back when that process ends, however it ends.
 *
 * @param {number} port
 * @returns {Promise<boolean>} false when another call has it
 */
function reserve(port) {
  return new Promise(resolve => {
    const claim = createSocket('udp4');
    claim.once('error', () => {
      claim.close();
      resolve(false);
    });
    claim.bind({ port, address: LOOPBACK, exclusive: true }, () => {
      claim.unref();
      resolve(true);
    });
  });
}

/**
 * Tells which of the given ports cannot be listened on now, and why.
 *
 * @param {readonly number[]} ports
 * @returns {Promise<{ port: number, code: string }[]>} `code` as in `EADDRINUSE` or `EACCES`
 */
export async function findBusyPorts(ports) {
  /** @type {{ port: number, code: string }[]} */
  const busy = [];
  for (const port of ports) {
    // Another program may hold the port on every address or on loopback only: both are in our way.
    for (const host of [undefined, LOOPBACK]) {
      try {
        await close(await listen(port, host));
      } catch (error) {
        busy.push({ port, code: String(/** @type {NodeJS.ErrnoException} */ (error).code) });
        break;
      }
    }
  }
  return busy;
}

/**
 * Says what is wrong with ports, for a user.
 *
 * @param {readonly { port: number, code: string }[]} busy at least one
 * @returns {string} such as `port 8080 is in use by another program`
 */
export function describeBusyPorts(busy) {
  return busy
    .map(({ port, code }) => {
      if (code === 'EADDRINUSE') return `port ${port} is in use by another program`;
      if (code === 'EACCES') return `port ${port} may not be used by this user`;
      return `port ${port} cannot be used (${code})`;
    })
    .join(', ');
}

/**
 * @param {number} port
 * @param {string} [host]
 * @returns {Promise<import('node:net').Server>}
 */
function listen(port, host) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => resolve(server));
  });
}

/** @param {import('node:net').Server} server */
function close(server) {
  return new Promise(resolve => server.close(resolve));
}
