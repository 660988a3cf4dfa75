import type { ICompare, IRequestOp } from 'etcd3';
import { expect, test, vi } from 'vitest';
import { EtcdCoordination } from '../../../src/cluster/etcd-coordination.ts';
import { encodeRegistration, parseLeader, parseRegistration } from '../../../src/cluster/registration.ts';
import { GLOBAL_SERIES } from '../../../src/core/identifiers.ts';
import { silentLogger } from '../../../src/ports/logger.ts';
import type { EtcdConnection } from '../../../src/store/etcd/etcd-connection.ts';
import { EtcdKeys } from '../../../src/store/etcd/etcd-keys.ts';
import { RevisionMark } from '../../../src/store/revision-mark.ts';

const keys = new EtcdKeys('c');
const ELECTION = keys.leader(GLOBAL_SERIES);
/** Longer than a test takes, so that a node looks only when it is told to. */
const NEVER_MS = 3_600_000;

/** As much of etcd as coordination needs: keys with revisions, and transactions over them. */
class FakeEtcd {
  /** Writes get no answer, and nothing comes of them. */
  silent = false;
  private revision = 1;
  private leases = 0;
  private readonly entries = new Map<string, { value: string; revision: number }>();

  get connection(): EtcdConnection {
    const client = {
      kv: {
        put: async ({ key, value }: { key: Buffer; value: Buffer }) => this.put(String(key), String(value)),
        txn: async (txn: { compare?: readonly ICompare[]; success: readonly IRequestOp[] }) =>
          this.transact(txn.compare ?? [], txn.success),
      },
      leaseClient: {
        leaseGrant: async () => ({ ID: String((this.leases += 1)) }),
        leaseRevoke: async () => ({}),
      },
    };
    const call = (use: (client: unknown, options: object) => Promise<unknown>): Promise<unknown> =>
      use(client, {});
    return { call, revisions: new RevisionMark() } as unknown as EtcdConnection;
  }

  put(key: string, value: string): void {
    this.revision += 1;
    this.entries.set(key, { value, revision: this.revision });
  }

  get(key: string): string | undefined {
    return this.entries.get(key)?.value;
  }

  private transact(compares: readonly ICompare[], operations: readonly IRequestOp[]): object {
    const writes = operations.some(operation => operation.request_range === undefined);
    if (this.silent && writes) throw new Error('no answer');
    const succeeded = compares.every(({ key, mod_revision }) => {
      const entry = this.entries.get(String(key));
      return Number(mod_revision ?? 0) === (entry?.revision ?? 0);
    });
    const responses = succeeded ? operations.map(operation => this.perform(operation)) : [];
    return { succeeded, responses, header: { revision: String(this.revision) } };
  }

  private perform({ request_put, request_delete_range, request_range }: IRequestOp): object {
    if (request_put !== undefined) this.put(String(request_put.key), String(request_put.value));
    if (request_delete_range !== undefined) this.entries.delete(String(request_delete_range.key));
    const from = String(request_range?.key);
    const kvs = [...this.entries]
      .filter(([key]) => key.startsWith(from))
      .map(([key, { value, revision }]) => ({
        key: Buffer.from(key),
        value: Buffer.from(value),
        mod_revision: String(revision),
      }));
    return { response_range: { kvs } };
  }
}

async function join(
  etcd: FakeEtcd,
  id: string,
  startedAt: number,
  refreshIntervalMs = NEVER_MS,
): Promise<EtcdCoordination> {
  const coordination = new EtcdCoordination(etcd.connection, {
    self: {
      id,
      instance: `${id}-1`,
      site: 's',
      partition: 'p',
      url: `http://${id}`,
      peerToken: '',
      lease: '',
      version: '0',
      startedAt,
    },
    keys,
    leaseTtlSeconds: 300,
    refreshIntervalMs,
    clock: { now: () => 1_000, monotonicMs: () => 0 },
    logger: silentLogger,
  });
  await coordination.start();
  return coordination;
}

interface Cluster {
  readonly etcd: FakeEtcd;
  readonly a: EtcdCoordination;
  readonly b: EtcdCoordination;
  readonly c: EtcdCoordination;
}

/** Three nodes, of which the first leads and `b` has run longer than `c`. */
async function inCluster(scene: (cluster: Cluster) => Promise<void>): Promise<void> {
  const etcd = new FakeEtcd();
  const a = await join(etcd, 'a', 0);
  const b = await join(etcd, 'b', 1);
  const c = await join(etcd, 'c', 2);
  expect(await a.campaign(GLOBAL_SERIES)).toBe(true);
  for (const node of [b, c]) await node.refresh();
  await scene({ etcd, a, b, c });
  for (const node of [a, b, c]) await node.close();
}

const successorOf = (node: EtcdCoordination): string | undefined => {
  const transfer = node.successor(GLOBAL_SERIES);
  return transfer === undefined ? undefined : parseLeader(transfer.value)?.nodeId;
};
const leaderIn = (etcd: FakeEtcd): string | undefined => parseLeader(etcd.get(ELECTION) ?? '')?.nodeId;
const stoppedIn = (etcd: FakeEtcd, id: string): readonly string[] | undefined =>
  parseRegistration(etcd.get(keys.node(id))!)?.stopped;

test('a node that has stopped a series is no successor for it, but for another', () =>
  inCluster(async ({ a, b }) => {
    expect(successorOf(a)).toBe('b');
    await b.withdraw(GLOBAL_SERIES);
    await a.refresh();
    expect(successorOf(a)).toBe('c');
    const other = a.successor({ ...GLOBAL_SERIES, series: 'other' });
    expect(parseLeader(other!.value)?.nodeId).toBe('b');
  }));

test('a registration of a version that does not say what it has stopped is that of a node that serves', () =>
  inCluster(async ({ etcd, a, b }) => {
    await b.withdraw(GLOBAL_SERIES);
    const { node } = parseRegistration(etcd.get(keys.node('b'))!)!;
    etcd.put(keys.node('b'), encodeRegistration({ node, wallMs: 1_000 }));
    await a.refresh();
    expect(successorOf(a)).toBe('b');
  }));

test('who withdraws while leading hands over, and is known to have stopped in the same step', () =>
  inCluster(async ({ etcd, a, b }) => {
    await a.withdraw(GLOBAL_SERIES);
    expect(leaderIn(etcd)).toBe('b');
    expect(stoppedIn(etcd, 'a')).toEqual(['default/global']);
    await b.refresh();
    expect(successorOf(b)).toBe('c');
  }));

test('who withdraws while leading, and nobody else serves, leaves nobody leading', () =>
  inCluster(async ({ etcd, a, b, c }) => {
    for (const node of [b, c]) await node.withdraw(GLOBAL_SERIES);
    await a.refresh();
    await a.withdraw(GLOBAL_SERIES);
    expect(leaderIn(etcd)).toBeUndefined();
    expect(a.leader(GLOBAL_SERIES)).toBeUndefined();
  }));

test('withdrawing takes nothing from a leader that came after', () =>
  inCluster(async ({ etcd, a, c }) => {
    expect(await c.campaign(GLOBAL_SERIES, c.leader(GLOBAL_SERIES))).toBe(true);
    expect(a.leads(GLOBAL_SERIES)).toBe(true);
    expect(successorOf(a)).toBe('b');
    await a.withdraw(GLOBAL_SERIES);
    expect(leaderIn(etcd)).toBe('c');
    expect(a.leads(GLOBAL_SERIES)).toBe(false);
  }));

test('a withdrawal without an answer can be repeated', () =>
  inCluster(async ({ etcd, a }) => {
    etcd.silent = true;
    await a.withdraw(GLOBAL_SERIES);
    expect(a.leads(GLOBAL_SERIES)).toBe(true);
    etcd.silent = false;
    await a.withdraw(GLOBAL_SERIES);
    expect(leaderIn(etcd)).toBe('b');
  }));

test('what a node has stopped is written again when another write of its own was first', async () => {
  const etcd = new FakeEtcd();
  const node = await join(etcd, 'a', 0, 1);
  // Like a stamp that was on its way and that it has not seen yet.
  etcd.put(keys.node('a'), etcd.get(keys.node('a'))!);
  await node.withdraw(GLOBAL_SERIES);
  expect(stoppedIn(etcd, 'a')).toBeUndefined();
  await vi.waitFor(() => expect(stoppedIn(etcd, 'a')).toEqual(['default/global']));
  await node.close();
});

test('a node that has stopped does not say so under the name of a later process', () =>
  inCluster(async ({ etcd, b }) => {
    const later = { ...b.self, instance: 'b-2', startedAt: 9 };
    etcd.put(keys.node('b'), encodeRegistration({ node: later, wallMs: 1_000 }));
    await b.refresh();
    await b.withdraw(GLOBAL_SERIES);
    expect(parseRegistration(etcd.get(keys.node('b'))!)?.node.instance).toBe('b-2');
    expect(stoppedIn(etcd, 'b')).toBeUndefined();
  }));
