import type { IncomingHttpHeaders } from 'node:http';

/** What is known of who asks for demonstrations. */
export interface DemoCaller {
  /** The other end of the connection. */
  readonly remoteAddress: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly httpVersion: string;
}

/** Headers with which a proxy says for whom it asks; who that is, is not known here. */
const FORWARDING = /^(?:forwarded|via|x-real-ip|x-forwarded-.+|x-client-ip|cf-connecting-ip|true-client-ip)$/;

const LOOPBACK_ADDRESS = /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/;
const LOOPBACK_NAME = /^(?:127\.0\.0\.1|localhost|\[::1\])$/;

/**
 * Whether a request may see and use demonstrations, which kill nodes. To all others they do not exist (ADR 017).
 *
 * It must come from this machine itself, not through a proxy on it; name this machine in `Host`, or a page of somebody else could
 * reach us by a name of its own (DNS rebinding); and if a browser sent it, for a page of one of our nodes (cross-site request
 * forgery). Browsers send `Origin` with every POST and DELETE; a GET without one that another site caused says so in `Sec-Fetch-Site`.
 *
 * @param nodeUrls where the cluster's nodes serve
 */
export function mayUseDemos(
  { remoteAddress, headers, httpVersion }: DemoCaller,
  nodeUrls: readonly string[],
): boolean {
  if (!LOOPBACK_ADDRESS.test(remoteAddress ?? '')) return false;
  // Browsers and seqd's own clients speak 1.1; many proxies that were set up without a thought speak 1.0, and say nothing of themselves.
  // Not all (nginx from 1.29.7 on speaks 1.1): ADR 017 says what this cannot keep out.
  if (httpVersion !== '1.1') return false;
  if (Object.keys(headers).some(name => FORWARDING.test(name))) return false;
  if (!isLoopbackHost(headers.host)) return false;
  const { origin } = headers;
  if (origin === undefined) return headers['sec-fetch-site'] !== 'cross-site';
  const wanted = originOf(origin);
  // What a browser sends is an origin and nothing more; "null" is somebody who hides theirs.
  if (wanted === undefined || new URL(origin).origin !== origin) return false;
  return nodeUrls.some(url => originOf(url) === wanted);
}

/** Whether a `Host` header is a loopback name, with or without a port. */
function isLoopbackHost(host: string | undefined): boolean {
  const name = /^(?<name>\[[0-9a-f:]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(host ?? '')?.groups?.['name'];
  return name !== undefined && LOOPBACK_NAME.test(name.toLowerCase());
}

/** Scheme, host and port of an address; the names of this machine count as one. */
function originOf(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, hostname, port } = new URL(address);
  if (!/^https?:$/.test(protocol)) return undefined;
  return `${protocol}//${LOOPBACK_NAME.test(hostname) ? 'localhost' : hostname}:${port}`;
}
