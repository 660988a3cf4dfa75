import { once } from 'node:events';
import { constants, createServer } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { Client, Metadata, Server, ServerCredentials, credentials, status } from '@grpc/grpc-js';
import type { CallOptions, ServerDuplexStream, ServiceError, sendUnaryData } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFaultProxy, etcdMethod } from '../../kit/fault-proxy.ts';
import type { Fault, FaultProxy, FaultProxyOptions } from '../../kit/fault-proxy.ts';

const { txn, put, watch } = etcdMethod;
const same = (bytes: Buffer): Buffer => bytes;
const deadlineMs = 300;

/** A gRPC server on loopback that records what it was asked and answers with `answer`. */
class FakeUpstream {
  readonly server = new Server({ 'grpc.max_receive_message_length': -1 });
  readonly applied: string[] = [];
  readonly cancelled: string[] = [];
  readonly timeouts: (string | undefined)[] = [];
  watches: ServerDuplexStream<Buffer, Buffer>[] = [];
  watchesEnded = 0;
  answer: (request: string, respond: sendUnaryData<Buffer>) => void = (request, respond) => {
    const trailer = new Metadata();
    trailer.set('applied', String(this.applied.length));
    respond(null, Buffer.from(`re:${request}`), trailer);
  };
  port = 0;

  async start(port = 0): Promise<void> {
    const codec = {
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    const unary = { ...codec, requestStream: false, responseStream: false };
    this.server.addService(
      {
        txn: { ...unary, path: txn },
        put: { ...unary, path: put },
        watch: { ...codec, path: watch, requestStream: true, responseStream: true },
      },
      { txn: this.#unary, put: this.#unary, watch: this.#watch },
    );
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
  }

  #unary = (
    call: {
      request: Buffer;
      metadata: Metadata;
      getDeadline(): unknown;
      once(e: 'cancelled', f: () => void): void;
    },
    respond: sendUnaryData<Buffer>,
  ): void => {
    const request = call.request.toString();
    this.applied.push(request);
    this.timeouts.push(call.getDeadline() === Infinity ? undefined : String(call.getDeadline()));
    let answered = false;
    // grpc-js raises 'cancelled' at the end of every call, answered or not.
    call.once('cancelled', () => answered || this.cancelled.push(request));
    this.answer(request, (...reply) => {
      answered = true;
      respond(...reply);
    });
  };

  #watch = (call: ServerDuplexStream<Buffer, Buffer>): void => {
    this.watches.push(call);
    call.on('data', (bytes: Buffer) => call.write(Buffer.concat([Buffer.from('event:'), bytes])));
    call.on('end', () => {
      const trailer = new Metadata();
      trailer.set('bye', 'now');
      call.end(trailer);
    });
    call.on('cancelled', () => (this.watchesEnded += 1));
  };
}

type Answer = { reply?: string; code: number; details: string; applied?: string | undefined };

let upstream: FakeUpstream;
let clients: Client[];
let proxies: FaultProxy[];

beforeEach(async () => {
  upstream = new FakeUpstream();
  await upstream.start();
  clients = [];
  proxies = [];
});

afterEach(async () => {
  for (const client of clients) client.close();
  await Promise.all(proxies.map(proxy => proxy.close()));
  upstream.server.forceShutdown();
});

async function proxyWith(options: Partial<FaultProxyOptions> = {}): Promise<FaultProxy> {
  const proxy = await createFaultProxy({ target: `http://127.0.0.1:${upstream.port}`, ...options });
  proxies.push(proxy);
  return proxy;
}

function clientOf(proxy: FaultProxy): Client {
  const client = new Client(`127.0.0.1:${proxy.port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 20,
    'grpc.max_reconnect_backoff_ms': 50,
    'grpc.max_receive_message_length': -1,
  });
  clients.push(client);
  return client;
}

function call(
  client: Client,
  text: string,
  options: CallOptions & { method?: string } = {},
): Promise<Answer> {
  return new Promise(resolve => {
    let trailers: Metadata | undefined;
    const { method = txn, ...callOptions } = options;
    const request = client.makeUnaryRequest(
      method,
      same,
      same,
      Buffer.from(text),
      new Metadata(),
      callOptions,
      (error: ServiceError | null, reply?: Buffer) => {
        // The status event comes with or right after the callback.
        setImmediate(() => {
          const applied = trailers?.get('applied')[0]?.toString();
          if (error) resolve({ code: error.code, details: error.details });
          else resolve({ reply: String(reply), code: status.OK, details: '', applied });
        });
      },
    );
    request.on('status', ({ metadata }) => (trailers = metadata));
  });
}

const soon = () => ({ deadline: Date.now() + deadlineMs });

function watchThrough(client: Client) {
  return client.makeBidiStreamRequest(watch, same, same, new Metadata(), {});
}

/** Turns of the event loop, until the condition holds; the test's own timeout ends a hopeless wait. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Whatever the mix of faults, what was applied and what was answered must add up. */
async function soak(proxy: FaultProxy, calls: number): Promise<void> {
  const kinds: Fault[] = [
    { kind: 'dropReply' },
    { kind: 'dropRequest' },
    { kind: 'duplicateRequest' },
    { kind: 'delayReply', delayMs: 5 },
    { kind: 'delayRequest', delayMs: 5 },
    { kind: 'reject', status: status.UNAVAILABLE, message: 'no' },
  ];
  kinds.forEach((fault, index) =>
    proxy.addRule({ method: txn, chance: { probability: 0.15, seed: index }, fault }),
  );
  const client = clientOf(proxy);
  const answers = await Promise.all(
    Array.from({ length: calls }, (_, index) => call(client, `call-${index}`)),
  );
  const { injected, missed } = proxy.stats();
  const count = (kind: Fault['kind']): number => injected[kind] ?? 0;
  for (const { kind } of kinds) expect(count(kind)).toBeGreaterThan(0);
  const neverSent = count('dropRequest') + count('reject');
  expect(missed).toBe(0);
  expect(upstream.applied).toHaveLength(calls - neverSent + count('duplicateRequest'));
  expect(answers.filter(({ code }) => code === 0)).toHaveLength(calls - neverSent - count('dropReply'));
  for (const [index, { reply }] of answers.entries()) if (reply) expect(reply).toBe(`re:call-${index}`);
}

describe('without rules', () => {
  test('calls pass with their replies and trailers, and are counted', async () => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    expect(await call(client, 'a')).toEqual({ reply: 're:a', code: status.OK, details: '', applied: '1' });
    expect(await call(client, 'b', { method: put })).toMatchObject({ reply: 're:b' });
    expect(proxy.callsOf(txn)).toBe(1);
    expect(proxy.stats()).toMatchObject({
      calls: { [txn]: 1, [put]: 1 },
      injected: {},
      missed: 0,
      connections: 1,
    });
  });

  test("the upstream's errors pass with code and message", async () => {
    const client = clientOf(await proxyWith());
    upstream.answer = (_, respond) =>
      respond({ code: status.UNAVAILABLE, details: 'etcdserver: no leader é' });
    expect(await call(client, 'a')).toEqual({ code: status.UNAVAILABLE, details: 'etcdserver: no leader é' });
  });

  test('a thousand calls at once each get their own reply', async () => {
    const client = clientOf(await proxyWith());
    const names = Array.from({ length: 1000 }, (_, index) => `call-${index}`);
    const answers = await Promise.all(names.map(name => call(client, name)));
    expect(answers.map(answer => answer.reply)).toEqual(names.map(name => `re:${name}`));
  });

  test('messages far larger than the flow-control window pass both ways', async () => {
    const client = clientOf(await proxyWith());
    const big = 'x'.repeat(9 << 20);
    const { reply } = await call(client, big);
    expect(reply === `re:${big}`).toBe(true);
  });

  test('a client that cancels cancels upstream', async () => {
    const client = clientOf(await proxyWith());
    upstream.answer = () => undefined;
    const request = client.makeUnaryRequest(txn, same, same, Buffer.from('a'), () => undefined);
    await until(() => upstream.applied.length === 1);
    request.cancel();
    await until(() => upstream.cancelled.length === 1);
  });

  test('a client that cancels does not cancel upstream where the proxy is told so', async () => {
    const proxy = await proxyWith({ propagateCancel: false });
    let answerLate = (): void => undefined;
    upstream.answer = (request, respond) => (answerLate = () => respond(null, Buffer.from(request)));
    expect(await call(clientOf(proxy), 'a', soon())).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(upstream.timeouts).toEqual([undefined]);
    answerLate();
    upstream.answer = (request, respond) => respond(null, Buffer.from(request));
    expect(await call(clientOf(proxy), 'b')).toMatchObject({ reply: 'b' });
    expect(upstream.cancelled).toEqual([]);
  });

  test('an upstream that dies takes the connection with it, and one that is back serves again', async () => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    await call(client, 'a');
    const { port } = upstream;
    upstream.server.forceShutdown();
    expect(await call(client, 'b', soon())).toMatchObject({ code: status.UNAVAILABLE });
    upstream = new FakeUpstream();
    await upstream.start(port);
    await expect.poll(async () => (await call(client, 'd', soon())).reply).toBe('re:d');
  });
});

test('in front of a dead member the client finds nobody', async () => {
  const proxy = await proxyWith();
  upstream.server.forceShutdown();
  expect(await call(clientOf(proxy), 'a', soon())).toMatchObject({ code: expect.toBeOneOf([4, 14]) });
  expect(upstream.applied).toEqual([]);
});

describe('lost replies', () => {
  const losses: [string, Fault, number][] = [
    ['reset', { kind: 'dropReply' }, status.INTERNAL],
    ['disconnect', { kind: 'dropReply', how: 'disconnect' }, status.UNAVAILABLE],
    ['hang', { kind: 'dropReply', how: 'hang' }, status.DEADLINE_EXCEEDED],
    ['reset with CANCEL', { kind: 'dropReply', rstCode: 8 }, status.CANCELLED],
  ];
  test.each(losses)('dropReply by %s: applied once, the client hears an error', async (_, fault, code) => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    const rule = proxy.addRule({ method: txn, times: 1, fault });
    expect(await call(client, 'a', soon())).toMatchObject({ code });
    expect(upstream.applied).toEqual(['a']);
    expect(await rule.injected()).toEqual([
      { method: txn, callNumber: 1, kind: 'dropReply', upstreamStatus: 0 },
    ]);
    expect(proxy.stats()).toMatchObject({ injected: { dropReply: 1 }, missed: 0 });
    await expect.poll(async () => (await call(client, 'b')).reply).toBe('re:b');
  });

  test('dropReply waits for the answer, also when the client has left meanwhile', async () => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    const rule = proxy.addRule({ method: txn, fault: { kind: 'dropReply' } });
    let answerLate = (): void => undefined;
    upstream.answer = (request, respond) => (answerLate = () => respond(null, Buffer.from(request)));
    expect(await call(client, 'a', soon())).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    client.close();
    await until(() => proxy.stats().connections === 0);
    expect(rule.injectedCount).toBe(0);
    answerLate();
    await rule.injected();
    expect(upstream.cancelled).toEqual([]);
    expect(upstream.timeouts).toEqual([undefined]);
  });

  test('replaceReply: applied, and the client gets the status of our choice', async () => {
    const proxy = await proxyWith();
    const fault: Fault = { kind: 'replaceReply', status: 14, message: 'etcdserver: request timed out' };
    const rule = proxy.addRule({ method: txn, fault });
    const answer = await call(clientOf(proxy), 'a');
    expect(answer).toEqual({ code: status.UNAVAILABLE, details: 'etcdserver: request timed out' });
    expect(upstream.applied).toEqual(['a']);
    expect((await rule.injected())[0]?.upstreamStatus).toBe(0);
  });

  test('the record tells a swallowed error from a swallowed success', async () => {
    const proxy = await proxyWith();
    upstream.answer = (_, respond) => respond({ code: status.RESOURCE_EXHAUSTED, details: 'no space' });
    const rule = proxy.addRule({ method: txn, fault: { kind: 'dropReply' } });
    await call(clientOf(proxy), 'a');
    expect((await rule.injected())[0]?.upstreamStatus).toBe(status.RESOURCE_EXHAUSTED);
  });

  test('an upstream that never answers is a miss, not an injection', async () => {
    const proxy = await proxyWith();
    const rule = proxy.addRule({ method: txn, fault: { kind: 'dropReply' } });
    upstream.answer = () => upstream.server.forceShutdown();
    const { code } = await call(clientOf(proxy), 'a', soon());
    expect(code).not.toBe(status.OK);
    await until(() => rule.missedCount === 1);
    expect(proxy.stats()).toMatchObject({ injected: {}, missed: 1 });
  });
});

describe('lost and repeated requests', () => {
  const losses: [string, Fault, number][] = [
    ['reset', { kind: 'dropRequest' }, status.INTERNAL],
    ['disconnect', { kind: 'dropRequest', how: 'disconnect' }, status.UNAVAILABLE],
    ['hang', { kind: 'dropRequest', how: 'hang' }, status.DEADLINE_EXCEEDED],
  ];
  test.each(losses)('dropRequest by %s: never applied, the client hears an error', async (_, fault, code) => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    proxy.addRule({ method: txn, times: 1, fault });
    expect(await call(client, 'a', soon())).toMatchObject({ code });
    await expect.poll(async () => (await call(client, 'b')).reply).toBe('re:b');
    expect(upstream.applied).toEqual(['b']);
    const [injected] = await proxy.injected();
    expect(injected).toEqual({ method: txn, callNumber: 1, kind: 'dropRequest', upstreamStatus: undefined });
  });

  test('reject: never applied, the client gets the status of our choice', async () => {
    const proxy = await proxyWith();
    const fault: Fault = { kind: 'reject', status: 8, message: 'etcdserver: mvcc: database space exceeded' };
    proxy.addRule({ method: txn, fault });
    const answer = await call(clientOf(proxy), 'a');
    expect(answer).toEqual({ code: 8, details: 'etcdserver: mvcc: database space exceeded' });
    expect(upstream.applied).toEqual([]);
    expect(proxy.stats().injected).toEqual({ reject: 1 });
  });

  test('duplicateRequest: applied twice, the client gets the second reply', async () => {
    const proxy = await proxyWith();
    proxy.addRule({ method: txn, fault: { kind: 'duplicateRequest' } });
    expect(await call(clientOf(proxy), 'a')).toMatchObject({ reply: 're:a', applied: '2' });
    expect(upstream.applied).toEqual(['a', 'a']);
  });
});

describe('delays', () => {
  test('delayRequest: nothing applied at the deadline, applied when released', async () => {
    const proxy = await proxyWith();
    const rule = proxy.addRule({ method: txn, fault: { kind: 'delayRequest' } });
    const answer = call(clientOf(proxy), 'a', soon());
    const [held] = await rule.picked();
    expect(held?.body.includes('a')).toBe(true);
    expect(await answer).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(upstream.applied).toEqual([]);
    rule.release();
    expect((await rule.injected())[0]?.upstreamStatus).toBe(0);
    expect(upstream.applied).toEqual(['a']);
  });

  test('delayRequest applies though the client has closed its connection', async () => {
    const proxy = await proxyWith();
    const rule = proxy.addRule({ method: txn, fault: { kind: 'delayRequest' } });
    const client = clientOf(proxy);
    const answer = call(client, 'a', soon());
    await rule.picked();
    await answer;
    client.close();
    await until(() => proxy.stats().connections === 0);
    rule.release();
    await rule.injected();
    expect(upstream.applied).toEqual(['a']);
  });

  test('delayReply: applied at once, the reply comes when its time is up', async () => {
    const proxy = await proxyWith();
    const rule = proxy.addRule({ method: txn, fault: { kind: 'delayReply', delayMs: 50 } });
    const begun = performance.now();
    const answer = call(clientOf(proxy), 'a');
    await rule.injected();
    expect(upstream.applied).toEqual(['a']);
    expect(await answer).toMatchObject({ reply: 're:a', applied: '1' });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(49);
  });

  test('clearRules lets held calls go', async () => {
    const proxy = await proxyWith();
    const rule = proxy.addRule({ method: txn, fault: { kind: 'delayReply' } });
    const answer = call(clientOf(proxy), 'a');
    await rule.injected();
    proxy.clearRules();
    expect(await answer).toMatchObject({ reply: 're:a' });
  });
});

describe('rules', () => {
  const drop: Fault = { kind: 'dropRequest' };

  test('skip and times choose calls by count', async () => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    const rule = proxy.addRule({ method: txn, skip: 1, times: 2, fault: drop });
    const codes: number[] = [];
    for (const name of ['a', 'b', 'c', 'd']) codes.push((await call(client, name)).code);
    expect(codes).toEqual([status.OK, status.INTERNAL, status.INTERNAL, status.OK]);
    expect(rule).toMatchObject({ matched: 3, injectedCount: 2 });
  });

  test('other methods are left alone; method may be a pattern or a predicate', async () => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    proxy.addRule({ method: /KV\/Txn$/, times: 1, fault: drop });
    proxy.addRule({ method: path => path === put, times: 1, fault: drop });
    expect((await call(client, 'a', { method: put })).code).toBe(status.INTERNAL);
    expect((await call(client, 'b', { method: put })).code).toBe(status.OK);
    expect((await call(client, 'c')).code).toBe(status.INTERNAL);
    expect((await call(client, 'd')).code).toBe(status.OK);
  });

  test('when sees call number and body', async () => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    proxy.addRule({
      method: txn,
      when: seen => seen.body.includes('bad') && seen.callNumber > 1,
      fault: drop,
    });
    const codes: number[] = [];
    for (const name of ['bad', 'good', 'bad']) codes.push((await call(client, name)).code);
    expect(codes).toEqual([status.OK, status.OK, status.INTERNAL]);
  });

  test('chance is the same for the same seed, and another for another', async () => {
    const pattern = async (seed: number): Promise<string> => {
      const proxy = await proxyWith();
      const client = clientOf(proxy);
      proxy.addRule({ method: txn, chance: { probability: 0.5, seed }, fault: drop });
      let seen = '';
      for (let index = 0; index < 40; index += 1) seen += (await call(client, 'x')).code ? 'x' : '.';
      return seen;
    };
    const first = await pattern(7);
    expect(await pattern(7)).toBe(first);
    expect(await pattern(8)).not.toBe(first);
    expect(first.split('x').length - 1).toBeGreaterThan(8);
    expect(first.split('.').length - 1).toBeGreaterThan(8);
  });

  test('what was applied and what was answered add up under many faults at once', async () => {
    await soak(await proxyWith(), 1000);
  });

  test('a removed rule picks no more calls', async () => {
    const proxy = await proxyWith();
    const rule = proxy.addRule({ method: txn, fault: drop });
    rule.remove();
    expect((await call(clientOf(proxy), 'a')).code).toBe(status.OK);
  });

  test('what can never work is refused', async () => {
    const proxy = await proxyWith();
    expect(() => proxy.addRule({ method: watch, fault: drop })).toThrow(TypeError);
    expect(() => proxy.addRule({ method: txn, chance: { probability: 2, seed: 1 }, fault: drop })).toThrow(
      RangeError,
    );
    await expect(createFaultProxy({ target: 'https://127.0.0.1:1' })).rejects.toThrow(TypeError);
  });
});

describe('streams', () => {
  test('pass both ways with trailers, untouched by rules for everything', async () => {
    const proxy = await proxyWith();
    proxy.addRule({ method: /./, fault: { kind: 'dropRequest' } });
    const stream = watchThrough(clientOf(proxy));
    for (const name of ['a', 'b']) {
      stream.write(Buffer.from(name));
      expect(String((await once(stream, 'data'))[0])).toBe(`event:${name}`);
    }
    stream.end();
    const [ending] = await once(stream, 'status');
    expect(ending).toMatchObject({ code: status.OK });
    expect(ending.metadata.get('bye')).toEqual(['now']);
    expect(proxy.stats()).toMatchObject({ calls: { [watch]: 1 }, injected: {} });
  });

  test('a slow reader holds the upstream back instead of filling the proxy', async () => {
    const stream = watchThrough(clientOf(await proxyWith()));
    stream.on('error', () => undefined);
    stream.write(Buffer.from('a'));
    await once(stream, 'data');
    stream.pause();
    const chunkCount = 64;
    let taken = 0;
    for (let index = 0; index < chunkCount; index += 1) {
      upstream.watches[0]?.write(Buffer.alloc(1 << 20), () => (taken += 1));
    }
    // That nothing more moves can only be seen by looking for a while.
    for (let before = -1; before !== taken; await sleep(200)) before = taken;
    expect(taken).toBeLessThan(chunkCount / 2);
    let received = 0;
    stream.on('data', (bytes: Buffer) => (received += bytes.length));
    stream.resume();
    await until(() => received === chunkCount << 20);
    stream.cancel();
  });

  test('a cancelled stream is reset upstream', async () => {
    // A bare HTTP/2 server: in grpc-js, a reset cannot be told from an end.
    const bare = createServer().listen(0, '127.0.0.1');
    await once(bare, 'listening');
    const proxy = await createFaultProxy({
      target: `http://127.0.0.1:${(bare.address() as AddressInfo).port}`,
    });
    proxies.push(proxy);
    const opened = once(bare, 'stream');
    const stream = watchThrough(clientOf(proxy));
    stream.on('error', () => undefined);
    const up = (await opened)[0] as ServerHttp2Stream;
    up.on('error', () => undefined).resume();
    stream.cancel();
    await once(up, 'close');
    expect(up.rstCode).toBe(constants.NGHTTP2_CANCEL);
    bare.close();
  });

  test('disconnect ends a stream and the next call finds a new connection', async () => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    const stream = watchThrough(client);
    stream.write(Buffer.from('a'));
    await once(stream, 'data');
    proxy.disconnect();
    const [error] = await once(stream, 'error');
    expect(error).toMatchObject({ code: status.UNAVAILABLE });
    await until(() => upstream.watchesEnded === 1);
    await expect.poll(async () => (await call(client, 'b', soon())).reply).toBe('re:b');
  });
});

describe('whole-connection modes', () => {
  test('pause silences calls and streams; resume lets what was held flow', async () => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    const stream = watchThrough(client);
    stream.write(Buffer.from('a'));
    await once(stream, 'data');
    await proxy.pause();
    const event = once(stream, 'data');
    upstream.watches[0]?.write(Buffer.from('held'));
    expect(await call(client, 'b', soon())).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(upstream.applied).toEqual([]);
    await proxy.resume();
    expect(String((await event)[0])).toBe('held');
    expect(await call(client, 'c')).toMatchObject({ reply: 're:c' });
    stream.cancel();
    stream.on('error', () => undefined);
  });

  test('a paused proxy accepts new connections and says nothing', async () => {
    const proxy = await proxyWith();
    await proxy.pause();
    const socket = connect(proxy.port, '127.0.0.1');
    await once(socket, 'connect');
    let heard = 0;
    socket.on('data', () => (heard += 1));
    expect(await call(clientOf(proxy), 'a', soon())).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(heard).toBe(0);
    socket.destroy();
  });

  test('refuse resets connections and refuses new ones; resume serves on the same port', async () => {
    const proxy = await proxyWith();
    const client = clientOf(proxy);
    await call(client, 'a');
    const { port } = proxy;
    await proxy.refuse();
    expect(proxy.stats()).toMatchObject({ mode: 'refusing', connections: 0 });
    const [error] = await once(connect(port, '127.0.0.1'), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    expect(await call(client, 'b', soon())).toMatchObject({ code: status.UNAVAILABLE });
    await proxy.resume();
    expect(proxy.port).toBe(port);
    await expect.poll(async () => (await call(client, 'c', soon())).reply).toBe('re:c');
    expect(upstream.applied).not.toContain('b');
  });
});

describe('close', () => {
  const handles = () =>
    process
      .getActiveResourcesInfo()
      .filter(name => /^(TCP|Timeout)/.test(name))
      .join();

  test('leaves no handle behind, whatever is under way', async () => {
    const idle = 'TCPServerWrap'; // the fake upstream listens
    await until(() => handles() === idle);
    const proxy = await createFaultProxy({ target: `http://127.0.0.1:${upstream.port}` });
    const client = clientOf(proxy);
    const held = proxy.addRule({ method: txn, fault: { kind: 'delayRequest', delayMs: 3_600_000 } });
    const stream = watchThrough(client);
    stream.write(Buffer.from('a'));
    await once(stream, 'data');
    stream.on('error', () => undefined);
    const answer = call(client, 'held');
    await held.picked();
    await proxy.pause();
    const waiting = expect(proxy.injected()).rejects.toThrow(/closed .* waited for 1, saw 0/);
    await proxy.close();
    await proxy.close();
    await waiting;
    expect(await answer).toMatchObject({ code: status.UNAVAILABLE });
    client.close();
    await until(() => handles() === idle);
    expect(upstream.applied).toEqual([]);
    await expect(proxy.resume()).rejects.toThrow('closed');
  });
});
