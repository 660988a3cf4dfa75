import { expect, test } from 'vitest';
import { STAMP_INTERVAL_MS } from '../../../src/cluster/cluster-time.ts';
import { EtcdCoordination } from '../../../src/cluster/etcd-coordination.ts';
import { encodeRegistration, parseRegistration } from '../../../src/cluster/registration.ts';
import type { NodeInfo } from '../../../src/ports/coordination.ts';
import { type Logger, silentLogger } from '../../../src/ports/logger.ts';
import type { EtcdConnection } from '../../../src/store/etcd/etcd-connection.ts';
import { EtcdKeys } from '../../../src/store/etcd/etcd-keys.ts';
import { RevisionMark } from '../../../src/store/revision-mark.ts';

const EPOCH_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const LOOK_MS = 500;
const keys = new EtcdKeys('c');

interface Put {
  readonly request_put: { readonly key: Buffer; readonly value: Buffer };
}

/** As much of etcd as a node needs to start. Every look takes half a second of a clock that runs only then. */
class FakeEtcd {
  nowMs = 0;
  looks = 0;
  readonly registrations = new Map<string, string>();
  /** What becomes of the registrations before a look. */
  beforeLook = (): void => {};

  get connection(): EtcdConnection {
    const client = {
      kv: {
        put: (put: Put['request_put']) => Promise.resolve(this.put(put)),
        txn: (txn: { success: readonly Partial<Put>[] }) => Promise.resolve(this.transact(txn.success)),
      },
      leaseClient: {
        leaseGrant: () => Promise.resolve({ ID: '1' }),
        leaseRevoke: () => Promise.resolve({}),
      },
    };
    const call = (use: (client: unknown, options: object) => Promise<unknown>): Promise<unknown> =>
      use(client, {});
    return { call, revisions: new RevisionMark() } as unknown as EtcdConnection;
  }

  register(id: string, wallMs: number): void {
    const node = { ...nodeOf(id), lease: '2' };
    this.registrations.set(keys.node(id), encodeRegistration({ node, wallMs }));
  }

  private put({ key, value }: Put['request_put']): void {
    this.registrations.set(key.toString(), value.toString());
  }

  private transact(requests: readonly Partial<Put>[]): object {
    const put = requests[0]?.request_put;
    if (put !== undefined) {
      this.put(put);
      return { succeeded: true };
    }
    this.nowMs += LOOK_MS;
    this.looks += 1;
    this.beforeLook();
    const kvs = [...this.registrations].map(([key, value]) => ({
      key: Buffer.from(key),
      value: Buffer.from(value),
      mod_revision: '1',
    }));
    const responses = [{ response_range: { kvs } }, { response_range: { kvs: [] } }];
    return { responses, header: { revision: '1' } };
  }
}

function nodeOf(id: string): NodeInfo {
  return {
    id,
    instance: `${id}-1`,
    site: 's',
    partition: 'p',
    url: `http://${id}`,
    peerToken: '',
    lease: '',
    version: '0',
    startedAt: 0,
  };
}

/** A node whose clock is right. */
function coordinationOn(etcd: FakeEtcd, logger: Logger): EtcdCoordination {
  return new EtcdCoordination(etcd.connection, {
    self: nodeOf('a'),
    keys,
    leaseTtlSeconds: 300,
    refreshIntervalMs: 1,
    clock: { now: () => EPOCH_MS + etcd.nowMs, monotonicMs: () => etcd.nowMs },
    logger,
  });
}

test('a node that finds stamps from before an outage starts when their leases have run out, with the right time', async () => {
  const warnings: string[] = [];
  const etcd = new FakeEtcd();
  for (const id of ['b', 'c']) etcd.register(id, EPOCH_MS - HOUR_MS);
  let published = 0;
  etcd.beforeLook = () => {
    published = parseRegistration(etcd.registrations.get(keys.node('a')) ?? '')?.wallMs ?? 0;
    if (etcd.nowMs < STAMP_INTERVAL_MS + 5 * LOOK_MS) return;
    for (const id of ['b', 'c']) etcd.registrations.delete(keys.node(id));
  };
  const coordination = coordinationOn(etcd, {
    ...silentLogger,
    warn: (_, message) => warnings.push(message),
  });
  await coordination.start();
  expect(coordination.timeMs()).toBe(EPOCH_MS + etcd.nowMs);
  expect(etcd.looks).toBeGreaterThan(STAMP_INTERVAL_MS / LOOK_MS);
  // It has stamped again meanwhile: others may be waiting for that.
  expect(published).toBeGreaterThanOrEqual(EPOCH_MS + STAMP_INTERVAL_MS);
  expect(warnings).toEqual([]);
  await coordination.close();
});

test('a node that agrees with the stamps it finds starts at once', async () => {
  const etcd = new FakeEtcd();
  for (const id of ['b', 'c']) etcd.register(id, EPOCH_MS - STAMP_INTERVAL_MS);
  const coordination = coordinationOn(etcd, silentLogger);
  await coordination.start();
  expect(etcd.looks).toBe(1);
  await coordination.close();
});

test('a node that is closed while it waits does not start', async () => {
  const etcd = new FakeEtcd();
  for (const id of ['b', 'c']) etcd.register(id, EPOCH_MS - HOUR_MS);
  const coordination = coordinationOn(etcd, silentLogger);
  const closed: Promise<void>[] = [];
  etcd.beforeLook = () => {
    if (etcd.looks === 3) closed.push(coordination.close());
  };
  await expect(coordination.start()).rejects.toMatchObject({ code: 'unavailable' });
  expect(etcd.looks).toBe(3);
  await Promise.all(closed);
});
