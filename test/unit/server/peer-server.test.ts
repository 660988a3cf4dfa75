import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { configSchema } from '../../../src/config/schema.ts';
import { defaultConfig } from '../../../src/config/defaults.ts';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import type { Request } from '../../../src/core/requests.ts';
import { silentLogger } from '../../../src/ports/logger.ts';
import type { ForwardMessage } from '../../../src/ports/peers.ts';
import { WebSocketPeers } from '../../../src/server/peer-client.ts';
import { encodeForward, PEER_PATH, PEER_PROTOCOL } from '../../../src/server/peer-protocol.ts';
import { PeerServer } from '../../../src/server/peer-server.ts';

const TOKEN = 'secret';
let http: Server;
let server: PeerServer;
let port: number;
let accepted: ForwardMessage[];

beforeEach(async () => {
  accepted = [];
  server = new PeerServer({
    token: TOKEN,
    accept: message => {
      accepted.push(message);
      return Promise.resolve({ status: 'not_leader' });
    },
    logger: silentLogger,
  });
  http = createServer();
  http.on('upgrade', (request, socket, head) => server.upgrade(request, socket, head));
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve));
  ({ port } = http.address() as AddressInfo);
});

afterEach(async () => {
  server.close();
  await new Promise(resolve => http.close(resolve));
});

/** What a peer hears that says this: the answer, or that the connection was closed. */
function say(text: string, protocol = PEER_PROTOCOL): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${PEER_PATH}`, protocol, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => socket.send(text));
    socket.once('message', data => {
      resolve((data as Buffer).toString('utf8'));
      socket.terminate();
    });
    socket.once('close', () => resolve('closed'));
    socket.once('error', reject);
  });
}

const plain = (budgetMs: number): string =>
  encodeForward(1, { series: GLOBAL_SERIES, requests: [], epoch: 1, budgetMs });

test('a node that knows no imports is no peer: it would make a plain raise of one, for good', async () => {
  await expect(say(plain(1_000), 'seqd.peer.1')).rejects.toThrow();
  expect(accepted).toHaveLength(0);
});

test.each([
  ['no budget', plain(1_000).replace('"budgetMs":1000,', '')],
  ['null', plain(1_000).replace('1000', 'null')],
  ['a text', plain(1_000).replace('1000', '"1000"')],
  ['one without end', plain(1_000).replace('1000', '1e999')],
])('a forward with %s for a budget is not understood: nothing waits without a deadline', async (_, text) => {
  expect(text).not.toBe(plain(1_000));
  expect(await say(plain(1_000))).toBe('{"id":1}');
  expect(accepted).toHaveLength(1);
  expect(await say(text)).toBe('closed');
  expect(accepted).toHaveLength(1);
});

test('the largest batch that may be configured fits into a forward, each request as long as it can be', async () => {
  const largest = (batchSizeMax: number): boolean => {
    const sequence = {
      ...defaultConfig.sequence,
      engine: { ...defaultConfig.sequence.engine, batchSizeMax },
    };
    return configSchema.safeParse({ ...defaultConfig, sequence }).success;
  };
  expect([largest(4_096), largest(4_097)]).toEqual([true, false]);

  const name = 'n'.repeat(64);
  const text = '\u0001'.repeat(200);
  const longest = (i: number): Request => ({
    command: {
      kind: 'release',
      number: Number.MAX_SAFE_INTEGER,
      site: name,
      partition: name,
      reason: text,
      allocation: { sequence: Number.MAX_SAFE_INTEGER, index: 999_999_999 },
      type: name,
    },
    origin: {
      key: '"'.repeat(200),
      fingerprint: 'f'.repeat(16),
      ingress: 'i'.repeat(12),
      ingressNumber: Number.MAX_SAFE_INTEGER - i,
      client: text,
      trace: text,
      // A release has none, a draw has.
      reference: text,
    },
    ingressSince: Number.MAX_SAFE_INTEGER,
  });
  const requests = Array.from({ length: 4_096 }, (_, i) => longest(i));
  // Its size is what is tested: 20 MB take their time where others use the processor, too.
  const peers = new WebSocketPeers({ connectTimeoutMs: 10_000, pingIntervalMs: 100, silenceMaxMs: 10_000 });
  try {
    const node = { id: 'p', instance: 'p', url: `http://127.0.0.1:${port}`, peerToken: TOKEN, lease: '0' };
    const self = { ...node, site: 'site-1', partition: 'partition-a', version: '0', startedAt: 0 };
    const message = { series: GLOBAL_SERIES, requests, epoch: 1, budgetMs: 10_000 };
    expect(await peers.forward(self, message)).toEqual({ status: 'not_leader' });
    expect(accepted[0]!.requests).toEqual(requests);
  } finally {
    await peers.close();
  }
});
