import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import type { NodeInfo } from '../../../src/ports/coordination.ts';
import { PEER_DEFAULTS, WebSocketPeers } from '../../../src/server/peer-client.ts';
import { encodeForwardReply, PEER_PROTOCOL } from '../../../src/server/peer-protocol.ts';

let peers: WebSocketPeers;

beforeEach(() => {
  peers = new WebSocketPeers();
});

afterEach(() => peers.close());

/** How a forward to a peer at this port, or address, ended, in words. */
async function forward(at: number | string, budgetMs = 1_000): Promise<string> {
  const node: NodeInfo = {
    id: 'peer',
    instance: 'peer-1',
    site: 'site-1',
    partition: 'partition-a',
    url: typeof at === 'string' ? at : `http://127.0.0.1:${at}`,
    peerToken: 'secret',
    lease: '0',
    version: '0',
    startedAt: 0,
  };
  try {
    const reply = await peers.forward(node, { series: GLOBAL_SERIES, requests: [], epoch: 1, budgetMs });
    return reply.status;
  } catch (error) {
    return (error as Error).message;
  }
}

test.each(['', 'berlin-1:8080', 'foo://h:1'])('a peer at %j counts as unreachable', async url => {
  expect(await forward(url)).toMatch(/an address that is none/);
});

describe('a sender that stood still itself', () => {
  let thread: Worker;

  async function startPeer(answerAfterMs: number): Promise<number> {
    thread = new Worker(new URL('./peer-thread.mjs', import.meta.url), { workerData: { answerAfterMs } });
    return new Promise(resolve => thread.once('message', resolve));
  }

  afterEach(() => thread.terminate());

  /** Nothing of this thread runs meanwhile, and its timers ring before it reads what has arrived. */
  async function standStill(ms: number): Promise<void> {
    await setImmediate();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  }

  test.each([
    ['has answered meanwhile', 50],
    ['is still at work', 900],
  ])('does not give up a peer that %s', async (_what, answerAfterMs) => {
    const port = await startPeer(answerAfterMs);
    expect(await forward(port)).toBe('not_leader');
    for (let round = 0; round < 2; round += 1) {
      const ended = forward(port);
      await sleep(20);
      await standStill(PEER_DEFAULTS.silenceMaxMs + 300);
      expect(await ended).toBe('not_leader');
    }
  });
});

describe('a peer that answers pings', () => {
  let http: Server;
  let sockets: WebSocketServer;
  let port: number;
  let received: { socket: WebSocket; id: number }[];

  beforeEach(async () => {
    http = createServer();
    sockets = new WebSocketServer({ server: http, handleProtocols: () => PEER_PROTOCOL });
    received = [];
    sockets.on('connection', socket =>
      socket.on('message', data =>
        received.push({ socket, id: JSON.parse((data as Buffer).toString('utf8')).id }),
      ),
    );
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve));
    ({ port } = http.address() as AddressInfo);
  });

  afterEach(async () => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    await new Promise(resolve => http.close(resolve));
  });

  test('but never a request has not answered it when its budget and a second are over; others wait on', async () => {
    const patient = forward(port, 10_000);
    const ended = await Promise.race([forward(port, 100), sleep(20_000, 'waits for ever', { ref: false })]);
    expect(ended).toBe('peer is alive but has not answered in time');
    // The connection is the same, and still good.
    const [{ socket, id }] = received as [{ socket: WebSocket; id: number }];
    socket.send(encodeForwardReply(id, { status: 'not_leader' }));
    expect(await patient).toBe('not_leader');
    expect(sockets.clients.size).toBe(1);
  });

  test('and is slow is waited for as long as its requests have', async () => {
    const ended = forward(port, 1_500);
    await sleep(1_400);
    const [{ socket, id }] = received as [{ socket: WebSocket; id: number }];
    socket.send(encodeForwardReply(id, { status: 'not_leader' }));
    expect(await ended).toBe('not_leader');
  });

  test('no more, though its connection stands, is given up soon', async () => {
    const ended = forward(port, 10_000);
    await sleep(50);
    // As a paused process, it reads nothing any more.
    for (const { socket } of received) socket.pause();
    const startedAtMs = performance.now();
    expect(await ended).toBe('peer says nothing');
    // Long before its requests end.
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });
});
