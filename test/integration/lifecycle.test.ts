import { connect, type Socket } from 'node:net';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestNode } from '../kit/nodes.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { HttpClient } from '../kit/http-client.ts';
import { NodeFleet, type NodeProcess } from '../kit/node-process.ts';
import { ProxiedEtcd } from '../kit/proxied-etcd.ts';
import { SequenceApi } from '../kit/sequence-api.ts';
import { until } from '../kit/until.ts';

const http = new HttpClient();
let cluster: string;

beforeEach(() => {
  cluster = uniqueCluster();
});

afterAll(() => http.close());

/** A raw connection: what is sent is exactly what a test says. */
class Wire {
  readonly socket: Socket;
  received = '';
  closed = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.on('data', (data: Buffer) => (this.received += data.toString('latin1')));
    this.socket.on('error', () => undefined); // 'close' follows
    this.socket.on('close', () => (this.closed = true));
  }

  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  async closes(): Promise<void> {
    await until('the node ends the connection', () => this.closed);
  }
}

describe('one process', () => {
  let fleet: NodeFleet;
  let node: NodeProcess;
  let api: SequenceApi;

  beforeAll(async () => {
    const env = { SEQD_SERVER_HEADERS_TIMEOUT_MS: '500', SEQD_SERVER_REQUEST_TIMEOUT_MS: '1000' };
    fleet = await NodeFleet.start(1, { endpoints: sharedEndpoints(), cluster: uniqueCluster(), env });
    node = fleet.nodes[0]!;
    api = new SequenceApi(node.url, http);
  });

  afterAll(async () => {
    const exits = [...node.exits];
    await fleet.close();
    expect(exits, 'ends of the process before we ended it').toEqual([]);
    expect(fleet.nodes.filter(({ alive }) => alive)).toEqual([]);
  });

  /** The same process still serves. */
  async function expectUnharmed(): Promise<void> {
    expect(node.exits).toEqual([]);
    expect((await api.next()).status).toBe(200);
    expect(await api.series()).toMatchObject({ holes: 0 });
  }

  test('ends connections whose headers or body never finish, and serves on', async () => {
    const slow = [
      'GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ',
      'GET /livez HT',
      '',
      'POST /api/v1/sequence/next HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    ].map(start => {
      const wire = new Wire(node.url);
      if (start !== '') wire.socket.write(start);
      return wire;
    });
    const drip = new Wire(node.url);
    drip.socket.write('GET /livez HTTP/1.1\r\n');
    const timer = setInterval(() => drip.socket.writable && drip.socket.write('X-A: b\r\n'), 50);
    try {
      await expectUnharmed();
      await Promise.all([...slow.slice(0, 2), slow[3]!, drip].map(wire => wire.closes()));
      for (const wire of [...slow, drip]) expect(wire.statuses).not.toContain(200);
      await expectUnharmed();
    } finally {
      clearInterval(timer);
      for (const wire of [...slow, drip]) wire.socket.destroy();
    }
  });

  test('refuses headers that are too large with 431', async () => {
    const wire = new Wire(node.url);
    wire.socket.write(`GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`);
    await wire.closes();
    expect(wire.statuses).toEqual([431]);
    await expectUnharmed();
  });

  test.each([
    ['noise', '\u0000\u0001\u0002 not http\r\n\r\n'],
    ['TLS', '\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['no host', 'GET /livez HTTP/1.1\r\n\r\n'],
    ['two lengths', 'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'length and chunks',
      'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'a wrong chunk',
      'POST /api/v1/sequence/next HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ],
  ])('answers %s with 400 and ends the connection', async (_what, bytes) => {
    const wire = new Wire(node.url);
    wire.socket.write(Buffer.from(bytes, 'latin1'));
    await wire.closes();
    expect(wire.statuses.at(-1)).toBe(400);
    await expectUnharmed();
  });

  test('serves nothing that comes after pipelined garbage, and ends the connection', async () => {
    const wire = new Wire(node.url);
    const ok = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
    wire.socket.write(`${ok}\u0000garbage\r\n\r\n${ok}`);
    await wire.closes();
    expect(wire.statuses.filter(status => status === 200)).toEqual([200]);
    expect(wire.received.match(/"status":"alive"/g)).toHaveLength(1);
    await expectUnharmed();
  });

  test('takes pipelined draws one by one, each its own number', async () => {
    const query = 'siteId=site-1&partitionId=partition-a&invoiceType=on-cycle';
    const draw = `GET /api/v1/sequence/next?${query} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const wire = new Wire(node.url);
    wire.socket.write(draw.repeat(20));
    await until('all are answered', () => wire.statuses.length === 20);
    const numbers = [...wire.received.matchAll(/"sequenceNumber":(\d+)/g)].map(([, number]) =>
      Number(number),
    );
    const first = Math.min(...numbers);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => first + i));
    wire.socket.destroy();
    await expectUnharmed();
  });

  test.each([
    ['in the middle of the headers', 'POST /api/v1/sequence/next HTTP/1.1\r\nHost: x\r\nContent-'],
    [
      'in the middle of the body',
      'POST /api/v1/sequence/next HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"siteId',
    ],
    ['while a stats request is answered', 'GET /api/v1/sequence/stats HTTP/1.1\r\nHost: x\r\n\r\n'],
    [
      'after an upgrade nobody offers',
      'GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
    [
      'after a peer’s upgrade without its token',
      'GET /internal/peer HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ],
  ])('survives clients that reset the connection %s', async (_when, bytes) => {
    for (let round = 0; round < 10; round += 1) {
      const wires = Array.from({ length: 30 }, () => new Wire(node.url));
      await Promise.all(wires.map(({ socket }) => once(socket, 'connect')));
      for (const { socket } of wires) {
        socket.write(bytes);
        setImmediate(() => socket.resetAndDestroy());
      }
      await Promise.all(wires.map(wire => wire.closes()));
      await api.get('/livez');
    }
    await expectUnharmed();
  });

  test('lets no peer in without the token that only the store tells', async () => {
    const wire = new Wire(node.url);
    wire.socket.write(
      'GET /internal/peer HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
        'Sec-WebSocket-Protocol: seqd.peer.1\r\nAuthorization: Bearer wrong\r\n\r\n',
    );
    await wire.closes();
    expect(wire.statuses).toEqual([401]);
    const { body } = await api.get('/health');
    expect(JSON.stringify(body)).not.toMatch(/token/i);
    await expectUnharmed();
  });
});

describe('a process that is to end', () => {
  let fleet: NodeFleet;
  let node: NodeProcess;
  let api: SequenceApi;

  beforeEach(async () => {
    fleet = await NodeFleet.start(1, { endpoints: sharedEndpoints(), cluster });
    node = fleet.nodes[0]!;
    api = new SequenceApi(node.url, http);
  });

  afterEach(async () => {
    await fleet.close();
    expect(fleet.nodes.filter(({ alive }) => alive)).toEqual([]);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s, and leaves the cluster', async signal => {
    await api.next();
    process.kill(node.pid!, signal);
    await until('it has ended', () => node.exits.length > 0);
    expect(node.exits).toMatchObject([{ code: 0, signal: null }]);
  });

  test('logs JSON lines only, without secrets', async () => {
    await api.next();
    await node.stop();
    const lines = readFileSync(node.logFile, 'utf8').trim().split('\n');
    for (const line of lines) expect(() => JSON.parse(line) as unknown, line).not.toThrow();
    expect(lines.some(line => line.includes('seqd is serving'))).toBe(true);
    expect(lines.join('\n')).not.toMatch(/peerToken/);
  });
});

describe('a node that drains', () => {
  let etcd: ProxiedEtcd;

  beforeEach(async () => {
    etcd = await ProxiedEtcd.start(sharedEndpoints());
  });

  afterEach(() => etcd.close());

  test('finishes what it accepted, refuses what is new, is not ready, but alive', async () => {
    const node = createTestNode({ endpoints: etcd.endpoints, cluster });
    await node.start();
    const api = new SequenceApi(node.url, http);
    try {
      await api.next();
      const rules = etcd.onCommits({ fault: { kind: 'delayReply' }, times: 1 });
      const accepted = api.next({}, { 'idempotency-key': 'accepted' });
      await until('it is under way', () => rules.injectedCount > 0);
      const drained = node.drain({ deadlineMs: 10_000 });
      const refused = await api.next();
      expect([refused.status, refused.body.code, refused.body.retry]).toEqual([503, 'draining', 'later']);
      expect(refused.headers['retry-after']).toMatch(/^\d+$/);
      expect(refused.headers['connection']).toBe('close');
      expect((await api.get('/readyz')).status).toBe(503);
      expect((await api.get('/livez')).status).toBe(200);
      rules.release();
      expect((await accepted).body).toMatchObject({ sequenceNumber: 2 });
      await drained;
      await node.drain({ deadlineMs: 10_000 });
    } finally {
      await node.close();
      await node.close();
    }
  });

  test('gives up at its deadline and says that the outcome is unknown', async () => {
    const node = createTestNode({ endpoints: etcd.endpoints, cluster });
    await node.start();
    const api = new SequenceApi(node.url, http);
    const rules = etcd.onCommits({ fault: { kind: 'dropReply', how: 'hang' } });
    const accepted = api.next({}, { 'idempotency-key': 'accepted' });
    await until('it is under way', () => rules.injectedCount > 0);
    await node.drain({ deadlineMs: 50 });
    const closed = node.close();
    expect((await accepted).body).toMatchObject({ code: 'outcome_unknown', retry: 'same-key' });
    await closed;
    rules.remove();
    const successor = createTestNode({ endpoints: etcd.endpoints, cluster });
    await successor.start();
    try {
      const again = await new SequenceApi(successor.url, http).next({}, { 'idempotency-key': 'accepted' });
      expect(again.body).toMatchObject({ sequenceNumber: 1 });
    } finally {
      await successor.close();
    }
  });

  test('that starts before etcd answers is alive, not ready, and serves once it can', async () => {
    await etcd.each(proxy => proxy.pause());
    const node = createTestNode({ endpoints: etcd.endpoints, cluster });
    const starting = node.start();
    try {
      await until('it listens', () => node.url !== '');
      const api = new SequenceApi(node.url, http);
      expect((await api.get('/livez')).status).toBe(200);
      expect((await api.get('/readyz')).status).toBe(503);
      await etcd.each(proxy => proxy.resume());
      await starting;
      expect((await api.get('/readyz')).status).toBe(200);
      expect((await api.next()).body.sequenceNumber).toBe(1);
    } finally {
      await etcd.each(proxy => proxy.resume());
      await starting.catch(() => undefined);
      await node.close();
    }
  });

  test('whose port is taken says so and leaves nothing behind', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as { port: number };
    const node = createTestNode({
      endpoints: etcd.endpoints,
      cluster,
      settings: { 'server.port': String(port) },
    });
    await expect(node.start()).rejects.toThrow(/EADDRINUSE/);
    await node.close();
    squatter.close();
  });
});

test('a node that is told to stop while its ledger hangs ends all the same', async () => {
  // It takes connections and says nothing, like a PostgreSQL whose processes are stopped.
  const sockets: Socket[] = [];
  const frozen = createServer(socket => {
    sockets.push(socket);
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(frozen, 'listening');
  const { port } = frozen.address() as AddressInfo;
  const env = {
    DATABASE_URL: `postgres://seqd@127.0.0.1:${port}/seqd`,
    SEQD_LEDGER_CONNECT_TIMEOUT_MS: '60000',
    SEQD_LEDGER_GUARD_WAIT_MS: '200',
    SEQD_ENGINE_DRAIN_TIMEOUT_MS: '1000',
  };
  const fleet = await NodeFleet.start(1, { endpoints: sharedEndpoints(), cluster, env });
  try {
    expect(sockets.length).toBeGreaterThan(0);
    const startedMs = performance.now();
    await fleet.nodes[0]!.stop({ graceMs: 20_000 });
    expect(fleet.nodes[0]!.exits).toMatchObject([{ code: 0, signal: null }]);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  } finally {
    await fleet.close();
    for (const socket of sockets) socket.destroy();
    frozen.close();
  }
});

test('a node that is closed while it starts does not go on starting', async () => {
  const sockets: Socket[] = [];
  const frozen = createServer(socket => {
    sockets.push(socket);
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(frozen, 'listening');
  const { port } = frozen.address() as AddressInfo;
  const node = createTestNode({
    endpoints: sharedEndpoints(),
    cluster,
    settings: {
      'sequence.ledger.url': `postgres://seqd@127.0.0.1:${port}/seqd`,
      'sequence.ledger.connect-timeout-ms': '2000',
    },
  });
  const refused = expect(node.start()).rejects.toMatchObject({ code: 'draining' });
  await until('the guard waits for the ledger', () => sockets.length > 0);
  await node.close();
  await refused;
  for (const socket of sockets) socket.destroy();
  frozen.close();
});
