import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import type { NodeInfo } from '../../../src/ports/coordination.ts';
import { type ForwardReply, PeerUnreachableError } from '../../../src/ports/peers.ts';
import { WebSocketPeers } from '../../../src/server/peer-client.ts';
import { encodeForwardReply, PEER_PROTOCOL } from '../../../src/server/peer-protocol.ts';

/** What the peer says to whatever it is asked. */
let answer: string;
let http: Server;
let sockets: WebSocketServer;
let peers: WebSocketPeers;

beforeEach(async () => {
  http = createServer();
  sockets = new WebSocketServer({ server: http, handleProtocols: () => PEER_PROTOCOL });
  sockets.on('connection', socket => socket.on('message', () => socket.send(answer)));
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve));
  peers = new WebSocketPeers();
});

afterEach(async () => {
  await peers.close();
  for (const socket of sockets.clients) socket.terminate();
  sockets.close();
  await new Promise(resolve => http.close(resolve));
});

function forward(): Promise<ForwardReply> {
  const node: NodeInfo = {
    id: 'peer',
    instance: 'peer-1',
    site: 'site-1',
    partition: 'partition-a',
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    peerToken: 'secret',
    lease: '0',
    version: '0',
    startedAt: 0,
  };
  return peers.forward(node, { series: GLOBAL_SERIES, requests: [], epoch: 1, budgetMs: 1_000 });
}

test.each([
  ['no JSON', '<html>502 Bad Gateway</html>'],
  ['nothing', ''],
  ['null', 'null'],
  [
    'a record that refers to strings it did not send',
    '{"id":1,"strings":[],"outcomes":[{"r":[["zz"],1,0,0,0,0]}]}',
  ],
  ['outcomes that are none', '{"id":1,"strings":[],"outcomes":[7]}'],
])('a peer that answers %s is given up, and what was asked of it may have been done', async (_, text) => {
  answer = text;
  const error: unknown = await forward().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PeerUnreachableError);
  expect(error).toMatchObject({ gone: false, message: 'peer answers what we do not understand' });
});

test('every forward that waits for a peer ends with its first nonsense', async () => {
  answer = 'nonsense';
  const forwards = await Promise.allSettled([forward(), forward(), forward()]);
  for (const { status } of forwards) expect(status).toBe('rejected');
});

test('a peer that was given up is asked again over a new connection', async () => {
  answer = 'nonsense';
  await expect(forward()).rejects.toThrow(PeerUnreachableError);
  answer = encodeForwardReply(1, { status: 'done', outcomes: [], sequence: 3 });
  await expect(forward()).resolves.toEqual({ status: 'done', outcomes: [], sequence: 3 });
});
