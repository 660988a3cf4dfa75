import { hostname } from 'node:os';
import type { Config } from './schema.ts';

/** The node's name: `node.id`, or `<site>-<partition>`. */
export const nodeIdOf = ({ node }: Config): string => node.id ?? `${node.site}-${node.partition}`;

/**
 * The address other nodes and clients use: `server.advertise-url` without a trailing slash, or
 * `http://<host>:<port>`. A host that means "all addresses" gives the machine's name.
 *
 * @param boundPort the port really listened on, needed when `server.port` is 0
 */
export function advertiseUrlOf({ server }: Config, boundPort: number = server.port): string {
  if (server.advertiseUrl !== null) return server.advertiseUrl.replace(/\/+$/, '');
  const host = server.host === '0.0.0.0' || server.host === '::' ? hostname() : server.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`;
}
