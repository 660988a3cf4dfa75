import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { startLive } from '../../../dashboard/js/live.js';
import { createStore } from '../../../dashboard/js/store.js';
import type { LiveFrame } from '../../../src/server/live/live-protocol.ts';
import { deltaOf, helloOf, nodeOf, snapshotOf, viewOf } from '../../kit/live-frames.ts';

// Real WebSocket servers that send what a node would; only the clock runs faster, so that ten seconds are none.
const SPEED = 20;
const started = Date.now();
const clock = () => started + (Date.now() - started) * SPEED;

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A node that greets with a snapshot and a heartbeat now and then, and shows `nodes`. */
async function startNode(id: string, { port = 0, nodes = () => [] as ReturnType<typeof nodeOf>[] } = {}) {
  const server = new WebSocketServer({ host: '127.0.0.1', port, path: '/ws' });
  await new Promise(resolve => server.once('listening', resolve));
  const received: string[] = [];
  let beats = true;
  const send = (frame: LiveFrame) => {
    for (const viewer of server.clients) viewer.send(JSON.stringify(frame));
  };
  server.on('connection', viewer => {
    viewer.on('message', data => received.push((data as Buffer).toString()));
    viewer.send(JSON.stringify(helloOf({ node: id })));
    viewer.send(JSON.stringify(snapshotOf({ view: viewOf({ nodes: nodes() }) })));
  });
  const timer = setInterval(() => {
    if (beats) send({ type: 'heartbeat', seq: 0, at: clock() });
  }, 20);
  const stop = () => {
    clearInterval(timer);
    for (const viewer of server.clients) viewer.terminate();
    server.close();
  };
  open.push(stop);
  return {
    port: (server.address() as AddressInfo).port,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    send,
    stop,
    freeze: () => {
      beats = false;
    },
  };
}

function follow(origin: string) {
  const store = createStore({ schedule: run => void setImmediate(run), clock });
  const live = startLive({
    store,
    origin,
    WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
    clock,
  });
  open.push(() => live.close());
  return { store, live };
}

const soon = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 5 });

describe('the client of the live stream', () => {
  test('shows the node that served the page', async () => {
    const node = await startNode('one');
    const { store } = follow(node.url);
    await soon(() =>
      expect(store.connection).toMatchObject({ state: 'live', node: 'one', home: true, intervalMs: 100 }),
    );
    expect(store.view?.numbers).toEqual(viewOf().numbers);
  });

  test('takes deltas in, and asks for a snapshot when one is missing', async () => {
    const node = await startNode('one');
    node.freeze();
    const { store } = follow(node.url);
    await soon(() => expect(store.connection.state).toBe('live'));
    const numbers = (issued: number) => ({ numbers: { ...viewOf().numbers, issued } });
    node.send(deltaOf(1, { changes: numbers(11) }));
    await soon(() => expect(store.view?.numbers.issued).toBe(11));
    node.send(deltaOf(3, { changes: numbers(13) }));
    await soon(() => expect(node.received).toEqual(['{"type":"resync"}']));
    expect(store.view?.numbers.issued).toBe(11);
    node.send(snapshotOf({ seq: 3, why: 'resync', view: viewOf(numbers(13)) }));
    node.send(deltaOf(4, { changes: numbers(14) }));
    await soon(() => expect(store.view?.numbers.issued).toBe(14));
  });

  test('moves to another node when its own dies, and back when that serves again', async () => {
    let homeState: 'serving' | 'silent' = 'serving';
    const nodes = () => [nodeOf('one', { url: one.url, state: homeState }), nodeOf('two', { url: two.url })];
    const two = await startNode('two', { nodes: () => nodes() });
    const one = await startNode('one', { nodes: () => nodes() });
    const { store } = follow(one.url);
    await soon(() => expect(store.connection).toMatchObject({ state: 'live', node: 'one' }));
    homeState = 'silent';
    one.stop();
    await soon(() => expect(store.connection).toMatchObject({ state: 'live', node: 'two', home: false }));
    await startNode('one', { port: one.port, nodes: () => nodes() });
    homeState = 'serving';
    const states = new Set<string>();
    store.on('connection', () => states.add(store.connection.state));
    two.send(deltaOf(1, { changes: { nodes: nodes() } }));
    await soon(() => expect(store.connection).toMatchObject({ state: 'live', node: 'one', home: true }));
    // It lets go of the one when it has the other.
    expect([...states]).toEqual(['live']);
  });

  test('leaves a node that says nothing any more', async () => {
    const two = await startNode('two');
    const one = await startNode('one', { nodes: () => [nodeOf('two', { url: two.url })] });
    const { store } = follow(one.url);
    await soon(() => expect(store.connection.node).toBe('one'));
    one.freeze();
    await soon(() => expect(store.connection).toMatchObject({ state: 'live', node: 'two' }));
  });

  test('does not leave a node because the page itself was held up', async () => {
    const two = await startNode('two');
    const one = await startNode('one', { nodes: () => [nodeOf('two', { url: two.url })] });
    const { store } = follow(one.url);
    await soon(() => expect(store.connection.node).toBe('one'));
    const nodes: (string | undefined)[] = [];
    store.on('connection', () => nodes.push(store.connection.node));
    const until = performance.now() + 1_800;
    while (performance.now() < until);
    await new Promise(resolve => void setTimeout(resolve, 400));
    expect(new Set(nodes)).toEqual(new Set(['one']));
    expect(store.connection.state).toBe('live');
  });

  test('calls what it shows stale after three seconds, and offline later, and comes back by itself', async () => {
    const node = await startNode('one');
    const { store } = follow(node.url);
    await soon(() => expect(store.connection.state).toBe('live'));
    const states: string[] = [];
    store.on('connection', () => {
      if (states.at(-1) !== store.connection.state) states.push(store.connection.state);
    });
    await soon(() => expect(states).toEqual(['live']));
    node.stop();
    await soon(() => expect(states).toEqual(['live', 'connecting', 'stale', 'offline']));
    expect(store.connection.attempts).toBeGreaterThan(1);
    await startNode('one', { port: node.port });
    await soon(() => expect(store.connection).toMatchObject({ state: 'live', attempts: 0, reason: '' }));
  });

  test('is offline when no node ever answers', async () => {
    const node = await startNode('one');
    node.stop();
    const { store } = follow(node.url);
    await soon(() => expect(store.connection.state).toBe('offline'));
  });
});
