import type { Duplex } from 'node:stream';

/**
 * Answers an upgrade request with an error and ends the connection for good: Node takes it out of its own care with the request, so one that the client leaves
 * half open would stay, and hold up the server's end.
 *
 * @param status for example `404 Not Found`
 * @param why for people; left out when the status says it all
 */
export function refuseUpgrade(socket: Duplex, status: string, why = ''): void {
  const lines = [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    ...(why === '' ? [] : ['Content-Type: text/plain; charset=utf-8']),
    `Content-Length: ${Buffer.byteLength(why)}`,
  ];
  // A client that resets it: unheard, that would end the process.
  socket.on('error', () => {});
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${why}`);
}
