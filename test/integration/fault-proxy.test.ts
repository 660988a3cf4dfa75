import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { noop } from 'cockatiel';
import { Etcd3 } from 'etcd3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { createFaultProxy, etcdMethod } from '../kit/fault-proxy.ts';
import type { FaultProxy } from '../kit/fault-proxy.ts';

const deadlineMs = 500;
const generousMs = 10_000;

/** A raw client without retries. It is given no deadline by itself: each call brings its own. */
function connectTo(hosts: string | string[]): Etcd3 {
  return new Etcd3({ hosts, faultHandling: { global: noop, host: () => noop } });
}

let direct: Etcd3;
let proxy: FaultProxy;
let client: Etcd3;
let key: string;

beforeAll(() => {
  direct = connectTo(inject('etcdEndpoints'));
});

afterAll(() => {
  direct.close();
});

beforeEach(async () => {
  const [target] = inject('etcdEndpoints');
  if (!target) throw new Error('no etcd endpoint');
  proxy = await createFaultProxy({ target });
  client = connectTo(proxy.url);
  key = `/fault-proxy-test/${randomUUID()}`;
});

afterEach(async () => {
  client.close();
  await proxy.close();
  await direct.delete().prefix('/fault-proxy-test/');
});

/** Creates the key if it is absent; tells whether it did. */
async function createKey(through: Etcd3, timeoutMs = deadlineMs): Promise<boolean> {
  const result = await through
    .if(key, 'Create', '==', 0)
    .then(through.put(key).value('committed'))
    .options({ deadline: Date.now() + timeoutMs })
    .commit();
  return result.succeeded;
}

/** The key's value as etcd has it, read with consensus and not through the proxy. */
function committed(): Promise<string | null> {
  return direct.get(key).string();
}

test('without rules a transaction passes', async () => {
  expect(await createKey(client, generousMs)).toBe(true);
  expect(await createKey(client, generousMs)).toBe(false);
  expect(await committed()).toBe('committed');
  expect(proxy.callsOf(etcdMethod.txn)).toBe(2);
});

test.each(['reset', 'disconnect', 'hang'] as const)(
  'dropReply by %s: the client gets an error and the write has committed',
  async how => {
    const rule = proxy.addRule({ method: etcdMethod.txn, times: 1, fault: { kind: 'dropReply', how } });
    await expect(createKey(client)).rejects.toThrow();
    expect(await rule.injected()).toMatchObject([{ kind: 'dropReply', upstreamStatus: 0 }]);
    expect(await committed()).toBe('committed');
  },
);

test.each(['reset', 'disconnect', 'hang'] as const)(
  'dropRequest by %s: the client gets an error and nothing has committed',
  async how => {
    const rule = proxy.addRule({ method: etcdMethod.txn, times: 1, fault: { kind: 'dropRequest', how } });
    await expect(createKey(client)).rejects.toThrow();
    expect(await rule.injected()).toHaveLength(1);
    expect(await committed()).toBeNull();
  },
);

test('delayRequest: the client times out, a read finds nothing, and then the write commits', async () => {
  const rule = proxy.addRule({ method: etcdMethod.txn, times: 1, fault: { kind: 'delayRequest' } });
  await expect(createKey(client)).rejects.toThrow(/deadline/i);
  expect(await committed()).toBeNull();
  rule.release();
  expect(await rule.injected()).toMatchObject([{ kind: 'delayRequest', upstreamStatus: 0 }]);
  expect(await committed()).toBe('committed');
});

test('duplicateRequest: a create-if-absent reports failure though it created the key', async () => {
  const rule = proxy.addRule({ method: etcdMethod.txn, times: 1, fault: { kind: 'duplicateRequest' } });
  expect(await createKey(client, generousMs)).toBe(false);
  expect(await rule.injected()).toHaveLength(1);
  expect(await committed()).toBe('committed');
});

test('a rejected call carries etcd’s own error text and nothing has committed', async () => {
  const message = 'etcdserver: mvcc: database space exceeded';
  proxy.addRule({ method: etcdMethod.txn, times: 1, fault: { kind: 'reject', status: 8, message } });
  await expect(createKey(client)).rejects.toThrow(message);
  expect(await committed()).toBeNull();
});

test('watches and leases pass under rules for everything unary', async () => {
  const lease = client.lease(5, { autoKeepAlive: false });
  await lease.grant();
  const watcher = await client.watch().key(key).create();
  const rule = proxy.addRule({ method: /./, fault: { kind: 'dropRequest' } });
  const seen = once(watcher, 'put');
  await direct.put(key).value('from elsewhere');
  expect((await seen)[0].value.toString()).toBe('from elsewhere');
  await lease.keepaliveOnce();
  expect(rule.matched).toBe(0);
  rule.remove();
  await watcher.cancel();
  await lease.revoke({ deadline: Date.now() + generousMs });
});

test('pause: a call times out, nothing is lost of the watch, and resume serves', async () => {
  const watcher = await client.watch().key(key).create();
  const seen = once(watcher, 'put');
  await proxy.pause();
  await direct.put(key).value('while paused');
  await expect(createKey(client)).rejects.toThrow(/deadline/i);
  await proxy.resume();
  expect((await seen)[0].value.toString()).toBe('while paused');
  await watcher.cancel();
  expect(await createKey(client, generousMs)).toBe(false);
});
