import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../../src/ports/logger.ts';
import { VIEWER_LIMITS, type ViewerLimits, Viewers } from '../../../../src/server/live/viewers.ts';
import { openSocket } from '../../../kit/live-viewer.ts';
import { until } from '../../../kit/until.ts';

const FRAME = JSON.stringify({ type: 'delta', fill: 'x'.repeat(20_000) });

let server: Server;
let viewers: Viewers;
let url: string;
let refreshed: number;
let watching: Watching[];

beforeEach(() => {
  refreshed = 0;
  watching = [];
});

afterEach(async () => {
  viewers.close();
  await new Promise(resolve => server.close(resolve));
});

async function serve(limits: Partial<ViewerLimits> = {}, { broken = false, fill = '' } = {}): Promise<void> {
  const source = {
    hello: (intervalMs: number) => `hello ${intervalMs}`,
    snapshot: (why: string) => `snapshot ${why}${fill}`,
    refresh: () => {
      refreshed += 1;
      if (broken) throw new Error('nothing to show');
    },
  };
  viewers = new Viewers(
    { source, nodeUrls: () => [], logger: silentLogger },
    { ...VIEWER_LIMITS, resyncMs: 50, ...limits },
  );
  server = createServer();
  server.on('upgrade', (request, socket, head) => {
    if (!viewers.upgrade(request, socket, head)) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Watching {
  readonly socket: ReturnType<typeof openSocket>;
  readonly texts: string[];
  readonly ended: Promise<number>;
}

async function watch(): Promise<Watching> {
  const socket = openSocket(url);
  const texts: string[] = [];
  socket.on('message', data => texts.push((data as Buffer).toString('utf8').slice(0, 20)));
  const ended = new Promise<number>(resolve => socket.on('close', resolve));
  await until('a snapshot', () => texts.length >= 2, { intervalMs: 2 });
  watching.push({ socket, texts, ended });
  return { socket, texts, ended };
}

describe('viewers', () => {
  test('get hello and snapshot, then what is broadcast; the first one gets what is up to date', async () => {
    await serve();
    const one = await watch();
    const two = await watch();
    viewers.broadcast('delta', performance.now());
    await until('the delta', () => one.texts[2] && two.texts[2]);
    expect(one.texts).toEqual(['hello 100', 'snapshot hello', 'delta']);
    expect(refreshed).toBe(1);
  });

  test('get a large snapshot compressed, with little memory for what compresses it', async () => {
    await serve({}, { fill: 'abcdefgh'.repeat(50_000) });
    const socket = openSocket(url);
    const lengths: number[] = [];
    socket.on('message', data => lengths.push((data as Buffer).length));
    const [response] = (await once(socket, 'upgrade')) as [IncomingMessage];
    expect(response.headers['sec-websocket-extensions']).toContain('server_max_window_bits=11');
    await until('the snapshot', () => lengths.length === 2, { intervalMs: 2 });
    expect(lengths[1]).toBe('snapshot hello'.length + 400_000);
    expect(response.socket.bytesRead).toBeLessThan(20_000);
    socket.terminate();
  });

  test('that want to be compressed for with a smaller window are served uncompressed', async () => {
    await serve();
    const socket = openSocket(url, {
      compress: false,
      headers: { 'sec-websocket-extensions': 'permessage-deflate; server_max_window_bits=10' },
    });
    const hello = once(socket, 'message');
    const [response] = (await once(socket, 'upgrade')) as [IncomingMessage];
    expect(response.headers['sec-websocket-extensions']).toBeUndefined();
    await hello;
    socket.terminate();
  });

  test('that miss something ask for a snapshot, and get it no faster than they may', async () => {
    await serve({ resyncMs: 10_000 });
    const { socket, texts } = await watch();
    const nowMs = performance.now();
    for (let i = 0; i < 5; i += 1) socket.send('{"type":"resync"}');
    await new Promise(resolve => setTimeout(resolve, 50));
    viewers.attend(nowMs + 1_000);
    viewers.attend(nowMs + 11_000);
    viewers.attend(nowMs + 12_000);
    await until('the snapshot', () => texts[2]);
    expect(texts).toEqual(['hello 100', 'snapshot hello', 'snapshot resync']);
  });

  test('that read too slowly get nothing until they have caught up, and then everything; others lose nothing', async () => {
    await serve({ unreadBytesMax: 100_000 });
    const slow = await watch();
    const quick = await watch();
    slow.socket.pause();
    let sent = 0;
    // What the system's own buffers take does not count, so it takes a while.
    await until(
      'it is behind',
      () => {
        for (let i = 0; i < 20; i += 1) viewers.broadcast(FRAME, performance.now());
        sent += 20;
        viewers.attend(performance.now());
        return sent > 1_000;
      },
      { intervalMs: 1 },
    );
    slow.socket.resume();
    await until('a snapshot', () => {
      viewers.attend(performance.now());
      return slow.texts.at(-1) === 'snapshot slow';
    });
    await until('all frames', () => quick.texts.length === sent + 2);
    expect(slow.texts.length).toBeLessThan(sent);
    viewers.broadcast('delta', performance.now());
    await until('the next one', () => slow.texts.at(-1) === 'delta');
    expect(viewers.count).toBe(2);
  });

  test('are not slow because of the snapshot that they were just sent, however large it is', async () => {
    await serve({ unreadBytesMax: 100_000 }, { fill: 'x'.repeat(20_000_000) });
    const socket = openSocket(url, { compress: false });
    const texts: string[] = [];
    socket.on('open', () => socket.pause());
    socket.on('message', data => texts.push((data as Buffer).toString('utf8', 0, 14)));
    await once(socket, 'open');
    viewers.broadcast('delta', performance.now());
    socket.resume();
    await until('all is read', () => texts.length === 3, { intervalMs: 2 });
    viewers.attend(performance.now());
    viewers.broadcast('delta', performance.now());
    await until('the next one', () => texts.length === 4, { intervalMs: 2 });
    expect(texts).toEqual(['hello 100', 'snapshot hello', 'delta', 'delta']);
  });

  test('that stay slow are given up', async () => {
    await serve({ unreadBytesMax: 100_000 });
    const slow = await watch();
    slow.socket.pause();
    for (let i = 0; i < 1_000; i += 1) viewers.broadcast(FRAME, performance.now());
    expect(viewers.count).toBe(1);
    viewers.attend(performance.now() + VIEWER_LIMITS.slowMsMax + 1_000);
    expect(viewers.count).toBe(0);
    slow.socket.resume();
    expect(await slow.ended).toBe(1006);
  });

  test('that ask all at once are served a few at a time', async () => {
    await serve({ snapshotsMax: 2, resyncMs: 0 });
    const all = [await watch(), await watch(), await watch()];
    viewers.resyncAll();
    const served = (): number => all.filter(({ texts }) => texts.includes('snapshot resync')).length;
    viewers.attend(performance.now() + 1);
    await until('two', () => served() === 2);
    viewers.attend(performance.now() + 1);
    await until('all', () => served() === 3);
    // Nobody is passed over, however often the others ask.
    viewers.resyncAll();
    viewers.attend(performance.now() + 1);
    viewers.resyncAll();
    viewers.attend(performance.now() + 1);
    await until('each again', () => all.every(({ texts }) => texts.length >= 4));
  });

  test('that ping and never read do not fill the memory; those that read are answered', async () => {
    await serve({ unreadBytesMax: 50_000 });
    const { socket } = await watch();
    let pongs = 0;
    socket.on('pong', () => (pongs += 1));
    socket.ping('x'.repeat(125));
    await until('the answer', () => pongs === 1);
    socket.pause();
    // Fills what the system takes, and the limit.
    for (let i = 0; i < 1_000; i += 1) viewers.broadcast(FRAME, performance.now());
    for (let i = 0; i < 5_000; i += 1) socket.ping('x'.repeat(125));
    await until('all are sent', () => socket.bufferedAmount === 0);
    await new Promise(resolve => setTimeout(resolve, 200));
    socket.resume();
    await new Promise(resolve => setTimeout(resolve, 500));
    expect(pongs).toBeLessThan(100);
  });

  test('that cannot be served are told so, and the process lives on', async () => {
    await serve({}, { broken: true });
    const socket = openSocket(url);
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1011);
    expect(viewers.count).toBe(0);
  });

  test('that are dead are found by pings; those that answer stay', async () => {
    await serve();
    const dead = await watch();
    await watch();
    dead.socket.pause();
    viewers.attend(performance.now() + VIEWER_LIMITS.pingMs + 1);
    await new Promise(resolve => setTimeout(resolve, 100));
    viewers.attend(performance.now() + 2 * VIEWER_LIMITS.pingMs + 2);
    expect(viewers.count).toBe(1);
    dead.socket.terminate();
  });

  test('are no more than there may be', async () => {
    await serve({ viewersMax: 1 });
    await watch();
    const socket = openSocket(url);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(503);
    socket.terminate();
  });

  test('are told when the node ends', async () => {
    await serve();
    const { ended } = await watch();
    viewers.close();
    expect(await ended).toBe(1001);
  });
});

test('many viewers together get no more frames than they may: deltas come less often', async () => {
  await serve({ framesPerSecondMax: 20 });
  const intervals: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    await watch();
    intervals.push(viewers.intervalMs);
  }
  expect(intervals).toEqual([100, 100, 200, 200, 300]);
  for (let i = 0; i < 20; i += 1) await watch();
  expect(viewers.intervalMs).toBe(1_000);
  for (const { socket } of watching.splice(5)) socket.terminate();
  await until('they are gone', () => viewers.count === 5);
  const nowMs = performance.now();
  viewers.broadcast('delta', nowMs);
  expect([100, 200, 260].map(ms => viewers.isDue(nowMs + ms))).toEqual([false, false, true]);
});
