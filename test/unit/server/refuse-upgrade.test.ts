import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { refuseUpgrade } from '../../../src/server/refuse-upgrade.ts';

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('a client that is refused and leaves its side open holds nothing up', async () => {
  const server = createServer();
  server.on('upgrade', (_request, socket) => refuseUpgrade(socket, '403 Forbidden', 'Not you.'));
  const client = connect({ port: await listening(server), host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {});
  client.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  let text = '';
  client.on('data', data => (text += data.toString()));
  await once(client, 'end');
  expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n[^]*\r\nContent-Length: 8\r\n\r\nNot you\.$/);
  // It never resolves while one connection is there.
  await new Promise(resolve => server.close(resolve));
  client.destroy();
});

test('a client that is refused and resets its connection harms nobody', async () => {
  const server = createServer();
  const closed = new Promise<boolean>(resolve => {
    server.on('upgrade', (_request, socket) => {
      client.resetAndDestroy();
      // Not events.once: that would listen to errors by itself.
      (socket as Socket).on('close', resolve);
      refuseUpgrade(socket, '403 Forbidden', 'Not you.');
    });
  });
  const client = connect(await listening(server), '127.0.0.1');
  client.on('error', () => {});
  client.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  expect(await closed, 'it was closed for the reset').toBe(true);
  await new Promise(resolve => server.close(resolve));
});
