import { connect } from 'node:net';

/** A node on the same machine that does not take a connection in this time takes none. */
const CONNECT_TIMEOUT_MS = 3_000;

/**
 * Posts a request and cuts the connection before its answer can be read, as a network would that fails at that moment.
 *
 * @param request.cut `sent`: as soon as the request has left; `answered`: when the answer has arrived, which nobody reads
 * @throws the system's error when there is no connection
 */
export function loseReply({
  url,
  path,
  key,
  body,
  cut,
}: {
  readonly url: string;
  readonly path: string;
  readonly key: string;
  readonly body: string;
  readonly cut: 'sent' | 'answered';
}): Promise<void> {
  const { hostname, port, host } = new URL(url);
  const text =
    `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nIdempotency-Key: ${key}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) });
    const end = (): void => {
      socket.destroy();
      resolve();
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error(`${url} takes no connection`)));
    socket.once('error', reject);
    if (cut === 'answered') socket.once('readable', end);
    socket.once('connect', () => socket.write(text, cut === 'sent' ? end : undefined));
  });
}
