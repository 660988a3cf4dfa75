import { parseHttpUrl } from '../http-url.ts';

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Whether a page may open the stream: one that this node served, or another node of the cluster. Programs send no origin.
 *
 * @param host of the request
 * @param nodeUrls of all nodes that are known; loopback names count as one
 */
export function isOriginAllowed(
  origin: string | undefined,
  { host, nodeUrls }: { host: string | undefined; nodeUrls: Iterable<string> },
): boolean {
  if (origin === undefined) return true;
  const page = parseHttpUrl(origin);
  if (page === undefined) return false;
  if (host !== undefined && page.host === host.toLowerCase()) return true;
  for (const text of nodeUrls) {
    const node = parseHttpUrl(text);
    if (node === undefined || node.protocol !== page.protocol || node.port !== page.port) continue;
    if (node.hostname === page.hostname) return true;
    if (LOOPBACK.has(node.hostname) && LOOPBACK.has(page.hostname)) return true;
  }
  return false;
}
