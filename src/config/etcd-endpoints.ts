/** What an endpoint may be, as said in messages. */
export const ETCD_ENDPOINT_ALLOWED = 'http://host:port, https://host:port or host:port, without a path';

// scheme and credentials (only together), then host or [IPv6], then the port. The port is required: gRPC would
// silently take 443 for a missing one. A path would become part of the gRPC target and never connect.
const ENDPOINT =
  /^(?:(?<scheme>https?):\/\/(?:(?<username>[^\s:@/]+):(?<password>[^\s@/]*)@)?)?(?<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?<port>\d{1,5})$/;

/** Whether the text is an etcd endpoint: an http(s) URL, with or without credentials, or `host:port`. */
export function isEtcdEndpoint(text: string): boolean {
  const port = Number(ENDPOINT.exec(text)?.groups?.['port']);
  return port >= 1 && port <= 65_535;
}

/** What an etcd client needs to connect: endpoints without credentials, and the credentials apart. */
export interface EtcdAccess {
  /** The endpoints in their order, credentials taken out. */
  readonly hosts: readonly string[];
  /** Present when an endpoint carries credentials. */
  readonly auth?: { readonly username: string; readonly password: string };
}

/**
 * Separates the credentials from validated endpoints, since etcd clients take a URL as a gRPC target and would
 * carry the password into it. The first endpoint with credentials gives them; the configuration refuses
 * endpoints whose credentials differ. Percent-encoded characters are decoded.
 */
export function splitEtcdAccess(endpoints: readonly string[]): EtcdAccess {
  const parsed = endpoints.map(endpoint => ENDPOINT.exec(endpoint)?.groups ?? {});
  const owner = parsed.find(groups => groups['username'] !== undefined);
  const hosts = endpoints.map(endpoint => endpoint.replace(/\/\/[^@]*@/, '//'));
  if (owner === undefined) return { hosts };
  return {
    hosts,
    auth: { username: decode(owner['username']), password: decode(owner['password']) },
  };
}

/** `scheme` and credentials of an endpoint as one comparable text; endpoints of one list must agree on it. */
export function etcdAccessKind(endpoint: string): string {
  const groups = ENDPOINT.exec(endpoint)?.groups;
  return JSON.stringify([groups?.['scheme'] ?? 'http', groups?.['username'], groups?.['password']]);
}

function decode(text = ''): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone "%" is then part of the password
  }
}
