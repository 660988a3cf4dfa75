import { Etcd3 } from 'etcd3';
import { noop } from 'cockatiel';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CLOCK_TOLERANCE_MS, STAMP_INTERVAL_MS } from '../../src/cluster/cluster-time.ts';
import { EtcdCoordination } from '../../src/cluster/etcd-coordination.ts';
import { GLOBAL_SERIES } from '../../src/core/identifiers.ts';
import { createSystemClock, type Clock } from '../../src/ports/clock.ts';
import { type Leader, projectorElection } from '../../src/ports/coordination.ts';
import { type Logger, silentLogger } from '../../src/ports/logger.ts';
import { EtcdConnection } from '../../src/store/etcd/etcd-connection.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { sharedEndpoints, uniqueCluster } from '../kit/etcd.ts';
import { createFaultProxy, etcdMethod, type FaultProxy } from '../kit/fault-proxy.ts';
import { until } from '../kit/until.ts';

const TTL_SECONDS = 2;
const DAY_MS = 24 * 3_600_000;

/** A clock that a test can put forward; nothing else about it changes. */
class JumpingClock implements Clock {
  private readonly clock = createSystemClock();
  aheadMs = 0;
  wallAheadMs = 0;

  now(): number {
    return this.clock.now() + this.wallAheadMs;
  }

  monotonicMs(): number {
    return this.clock.monotonicMs() + this.aheadMs;
  }
}

interface Member {
  readonly coordination: EtcdCoordination;
  readonly clock: JumpingClock;
  readonly proxy: FaultProxy;
  /** Ends it as a crash would: its lease stays until etcd drops it. */
  crash(): Promise<void>;
}

let keys: EtcdKeys;
let direct: Etcd3;
let members: Member[];

beforeEach(() => {
  keys = new EtcdKeys(uniqueCluster());
  direct = new Etcd3({ hosts: sharedEndpoints(), faultHandling: { global: noop, host: () => noop } });
  members = [];
});

afterEach(async () => {
  await Promise.all(
    members.map(async ({ coordination, proxy }) => {
      await proxy.resume();
      await coordination.close();
      await proxy.close();
    }),
  );
  await direct.delete().prefix(keys.root);
  direct.close();
});

interface JoinOptions {
  readonly instance?: string;
  /** Its wall clock, from the start. */
  readonly wallAheadMs?: number;
  readonly startedAt?: number;
  readonly logger?: Logger;
}

async function join(id: string, options: JoinOptions = {}): Promise<Member> {
  const member = await create(id, options);
  await member.coordination.start();
  return member;
}

/** Makes a member that has not started. */
async function create(id: string, options: JoinOptions): Promise<Member> {
  const { instance = `${id}-1`, wallAheadMs = 0, startedAt = 0, logger = silentLogger } = options;
  const proxy = await createFaultProxy({ target: sharedEndpoints()[0]! });
  const connection = new EtcdConnection({ endpoints: [proxy.url], callTimeoutMs: 500 });
  const clock = new JumpingClock();
  clock.wallAheadMs = wallAheadMs;
  const coordination = new EtcdCoordination(connection, {
    self: {
      id,
      instance,
      site: 'site-1',
      partition: 'partition-a',
      url: `http://${id}`,
      peerToken: instance,
      lease: '0',
      version: '0',
      startedAt,
    },
    keys,
    leaseTtlSeconds: TTL_SECONDS,
    refreshIntervalMs: 100,
    clock,
    logger,
  });
  const member = { coordination, clock, proxy, crash: () => proxy.refuse() };
  members.push(member);
  return member;
}

const idsSeenBy = ({ coordination }: Member): string[] =>
  coordination
    .nodes()
    .map(node => node.id)
    .sort();
const leaderSeenBy = ({ coordination }: Member): Leader | undefined => coordination.leader(GLOBAL_SERIES);
/** How far what it would stamp is ahead of the true time, milliseconds. */
const stampedAheadMs = ({ coordination }: Member): number => coordination.timeMs() - Date.now();
const leads = ({ coordination }: Member): boolean => coordination.leads(GLOBAL_SERIES);

/** Takes the lease a key is under away, as etcd does when it was not renewed. */
async function revokeLeaseOf(key: string): Promise<void> {
  const { kvs } = await direct.get(key).exec();
  await direct.leaseClient.leaseRevoke({ ID: kvs[0]!.lease });
}

test('nodes see each other, and with all that a peer needs to know', async () => {
  const [a, b] = [await join('a'), await join('b')];
  for (const member of [a, b]) await until('both are seen', () => idsSeenBy(member).join() === 'a,b');
  expect(a.coordination.nodes().find(({ id }) => id === 'b')).toEqual({
    ...b.coordination.self,
    // etcd numbers leases with 64 bits.
    lease: expect.stringMatching(/^\d{6,}$/),
  });
  expect(a.coordination.connected).toBe(true);
});

test('a node that leaves is gone from the registry at once, and its leadership with it', async () => {
  const [a, b] = [await join('a'), await join('b')];
  expect(await a.coordination.campaign(GLOBAL_SERIES)).toBe(true);
  await a.coordination.close();
  await b.coordination.refresh();
  expect(idsSeenBy(b)).toEqual(['b']);
  expect(leaderSeenBy(b)).toBeUndefined();
});

test('a node that dies stays in the registry until its lease ends, and its leadership too', async () => {
  const [a, b] = [await join('a'), await join('b')];
  expect(await a.coordination.campaign(GLOBAL_SERIES)).toBe(true);
  await b.coordination.refresh();
  await a.crash();
  await b.coordination.refresh();
  expect(idsSeenBy(b)).toEqual(['a', 'b']);
  expect(leaderSeenBy(b)).toMatchObject({ nodeId: 'a' });
  await until('the dead node is dropped', () => idsSeenBy(b).join() === 'b');
  await until('nobody leads', () => leaderSeenBy(b) === undefined);
  expect(await b.coordination.campaign(GLOBAL_SERIES)).toBe(true);
});

test('of ten nodes that campaign at once exactly one leads, and all agree who', async () => {
  const all = await Promise.all(Array.from({ length: 10 }, (_, i) => join(`n${i}`)));
  const won = await Promise.all(all.map(({ coordination }) => coordination.campaign(GLOBAL_SERIES)));
  expect(won.filter(Boolean)).toHaveLength(1);
  for (const member of all) await member.coordination.refresh();
  expect(new Set(all.map(member => leaderSeenBy(member)?.guard.revision)).size).toBe(1);
  expect(all.filter(leads)).toHaveLength(1);
});

test('campaigning against a standing leader changes nothing, nor does the leader campaigning again', async () => {
  const [a, b] = [await join('a'), await join('b')];
  expect(await a.coordination.campaign(GLOBAL_SERIES)).toBe(true);
  const { epoch } = leaderSeenBy(a)!;
  expect(await b.coordination.campaign(GLOBAL_SERIES)).toBe(false);
  expect(await a.coordination.campaign(GLOBAL_SERIES)).toBe(true);
  expect(leaderSeenBy(a)!.epoch).toBe(epoch);
  expect(leaderSeenBy(b)).toMatchObject({ nodeId: 'a', epoch });
});

test('insteadOf replaces the leader that was observed, with a later epoch', async () => {
  const [a, b] = [await join('a'), await join('b')];
  await a.coordination.campaign(GLOBAL_SERIES);
  await b.coordination.refresh();
  const observed = leaderSeenBy(b)!;
  expect(await b.coordination.campaign(GLOBAL_SERIES, observed)).toBe(true);
  expect(leaderSeenBy(b)!.epoch).toBeGreaterThan(observed.epoch);
  await a.coordination.refresh();
  expect(leads(a)).toBe(false);
  expect(leaderSeenBy(a)).toMatchObject({ nodeId: 'b' });
});

test('insteadOf never replaces a leader that came after the one observed', async () => {
  const [a, b, c] = [await join('a'), await join('b'), await join('c')];
  await a.coordination.campaign(GLOBAL_SERIES);
  await Promise.all([b.coordination.refresh(), c.coordination.refresh()]);
  const [seenByB, seenByC] = [leaderSeenBy(b)!, leaderSeenBy(c)!];
  expect(await b.coordination.campaign(GLOBAL_SERIES, seenByB)).toBe(true);
  expect(await c.coordination.campaign(GLOBAL_SERIES, seenByC)).toBe(false);
  expect(leaderSeenBy(c)).toMatchObject({ nodeId: 'b' });
});

test('insteadOf does not make a leader where the one observed has gone', async () => {
  const [a, b] = [await join('a'), await join('b')];
  await a.coordination.campaign(GLOBAL_SERIES);
  await b.coordination.refresh();
  const observed = leaderSeenBy(b)!;
  await a.coordination.close();
  expect(await b.coordination.campaign(GLOBAL_SERIES, observed)).toBe(false);
  expect(await b.coordination.campaign(GLOBAL_SERIES)).toBe(true);
});

test('a leader whose lease is lost stops believing that it leads, registers again, and can lead again', async () => {
  const a = await join('a');
  const b = await join('b');
  await a.coordination.campaign(GLOBAL_SERIES);
  const { epoch } = leaderSeenBy(a)!;
  await revokeLeaseOf(keys.node('a'));
  await until('it no longer leads', () => !leads(a));
  await until('it is registered again', () => idsSeenBy(b).join() === 'a,b');
  const again = await until('it leads again', async () => a.coordination.campaign(GLOBAL_SERIES));
  expect(again).toBe(true);
  expect(leaderSeenBy(a)!.epoch).toBeGreaterThan(epoch);
});

test('a leader that cannot reach etcd stops believing that it leads before its lease ends', async () => {
  const a = await join('a');
  await a.coordination.campaign(GLOBAL_SERIES);
  const { guard } = leaderSeenBy(a)!;
  await a.proxy.pause();
  await until('it no longer leads', () => !leads(a), { intervalMs: 5 });
  // Its key still stands in etcd: it stepped down in doubt, not because it was told.
  const { kvs } = await direct.get(guard.key).exec();
  expect(kvs.map(kv => kv.mod_revision)).toEqual([guard.revision]);
  await until('it knows that etcd does not answer', () => !a.coordination.connected);
  await a.proxy.resume();
  await until('it reaches etcd again', () => a.coordination.connected);
});

test('a process that stood still past 0.6 TTL does not believe in its leadership when it goes on', async () => {
  const a = await join('a');
  await a.coordination.campaign(GLOBAL_SERIES);
  expect(leads(a)).toBe(true);
  a.clock.aheadMs += TTL_SECONDS * 600;
  expect(leads(a)).toBe(false);
  await until('a renewal shows that the lease stands', () => leads(a));
});

test('a wall clock that jumps an hour changes nothing (F17)', async () => {
  const a = await join('a');
  await a.coordination.campaign(GLOBAL_SERIES);
  const { epoch } = leaderSeenBy(a)!;
  for (const jump of [3_600_000, -7_200_000]) {
    a.clock.wallAheadMs += jump;
    expect(leads(a)).toBe(true);
  }
  await a.coordination.refresh();
  expect(leaderSeenBy(a)!.epoch).toBe(epoch);
});

test('leadership of a process is not inherited by its successor of the same name', async () => {
  const a = await join('a');
  await a.coordination.campaign(GLOBAL_SERIES);
  await a.crash();
  const successor = await join('a', { instance: 'a-2' });
  await successor.coordination.refresh();
  expect(leads(successor)).toBe(false);
  expect(leaderSeenBy(successor)).toMatchObject({ nodeId: 'a', instance: 'a-1', node: undefined });
  const seen = leaderSeenBy(successor)!;
  expect(await successor.coordination.campaign(GLOBAL_SERIES, seen)).toBe(true);
});

/** The node that leadership would be handed to. */
const successorSeenBy = ({ coordination }: Member): string | undefined =>
  coordination.successor(GLOBAL_SERIES)?.value;

test('a leader that withdraws hands over to a node that serves, in one step with saying that it does not', async () => {
  const [a, b, c] = [await join('a'), await join('b', { startedAt: 1 }), await join('c', { startedAt: 2 })];
  await a.coordination.campaign(GLOBAL_SERIES);
  await b.coordination.withdraw(GLOBAL_SERIES);
  await a.coordination.refresh();
  await a.coordination.withdraw(GLOBAL_SERIES);
  expect(leads(a)).toBe(false);
  await c.coordination.refresh();
  expect(leads(c)).toBe(true);
  expect(successorSeenBy(c)).toBeUndefined();
  await c.coordination.handOver(GLOBAL_SERIES);
  expect(leads(c)).toBe(true);
});

test('a leader that withdraws when nobody else serves leaves the election open', async () => {
  const [a, b] = [await join('a'), await join('b')];
  await a.coordination.campaign(GLOBAL_SERIES);
  await b.coordination.withdraw(GLOBAL_SERIES);
  await a.coordination.refresh();
  await a.coordination.withdraw(GLOBAL_SERIES);
  expect(leaderSeenBy(a)).toBeUndefined();
  const c = await join('c');
  expect(await c.coordination.campaign(GLOBAL_SERIES)).toBe(true);
});

test('an election of its own decides who writes the ledger: it is won, given up to nobody and won again, apart from leadership', async () => {
  const [a, b] = [await join('a'), await join('b')];
  const projector = projectorElection(GLOBAL_SERIES);
  expect(await a.coordination.campaign(GLOBAL_SERIES)).toBe(true);
  expect(await b.coordination.campaign(projector)).toBe(true);
  const first = b.coordination.leader(projector)!;
  await a.coordination.refresh();
  expect(a.coordination.leads(projector)).toBe(false);
  expect(a.coordination.leader(projector)).toMatchObject({ nodeId: 'b', epoch: first.epoch });
  expect(await a.coordination.campaign(projector)).toBe(false);
  await a.coordination.resign(projector);
  await b.coordination.resign(projector);
  expect(b.coordination.leader(projector)).toBeUndefined();
  expect(await a.coordination.campaign(projector)).toBe(true);
  expect(a.coordination.leader(projector)!.epoch).toBeGreaterThan(first.epoch);
  expect(a.coordination.leads(GLOBAL_SERIES)).toBe(true);
});

test('a node that has withdrawn still says so when it had to register again', async () => {
  const [a, b] = [await join('a'), await join('b')];
  await b.coordination.withdraw(GLOBAL_SERIES);
  const { lease } = b.coordination.self;
  await revokeLeaseOf(keys.node('b'));
  await until('it is registered again', async () => {
    await a.coordination.refresh();
    return idsSeenBy(a).join() === 'a,b' && a.coordination.nodes()[1]!.lease !== lease;
  });
  expect(successorSeenBy(a)).toBeUndefined();
});

/** A logger that notes warnings, errors and what ends them. */
function notingLogger(notes: { fields: object; message: string }[]): Logger {
  const note = (fields: object, message: string): void => {
    notes.push({ fields, message });
  };
  return { ...silentLogger, info: note, warn: note, error: note };
}

test('a node registers once when it starts', async () => {
  await join('a');
  const { kvs } = await direct.get(keys.node('a')).exec();
  expect(kvs.map(kv => kv.version)).toEqual(['1']);
});

test('a node cannot start without a look at the others, and can be started again', async () => {
  const a = await create('a', {});
  // It has its lease and is registered, but nothing comes of its first look.
  a.proxy.addRule({ method: etcdMethod.txn, times: 1, fault: { kind: 'dropRequest', how: 'hang' } });
  await expect(a.coordination.start()).rejects.toMatchObject({ code: 'unavailable' });
  await a.coordination.start();
  expect(idsSeenBy(a)).toEqual(['a']);
  expect(Math.abs(stampedAheadMs(a))).toBeLessThan(1_000);
});

test.each([DAY_MS, -DAY_MS])('a clock %d ms ahead does not count among three nodes', async wallAheadMs => {
  const notes: { fields: object; message: string }[] = [];
  const [a, b] = [await join('a'), await join('b')];
  const c = await join('c', { wallAheadMs, logger: notingLogger(notes) });
  // The stamps it found when it joined may be as old as stamps get.
  expect(Math.abs(stampedAheadMs(c))).toBeLessThan(CLOCK_TOLERANCE_MS + STAMP_INTERVAL_MS + 1_000);
  await until('it knows the others well', () => Math.abs(stampedAheadMs(c)) < CLOCK_TOLERANCE_MS + 1_000, {
    timeoutMs: 2 * STAMP_INTERVAL_MS,
  });
  expect(Math.abs(c.coordination.clockAheadMs - wallAheadMs)).toBeLessThan(1_000);
  expect(notes).toEqual([
    { fields: { clockAheadMs: expect.any(Number) as number }, message: expect.stringContaining('disagrees') },
  ]);
  for (const member of [a, b]) {
    await member.coordination.refresh();
    expect(Math.abs(stampedAheadMs(member))).toBeLessThan(100);
    expect(Math.abs(member.coordination.clockAheadMs)).toBeLessThan(1_000);
  }
  await Promise.all([a.coordination.close(), b.coordination.close()]);
  await until('it is alone', () => idsSeenBy(c).join() === 'c');
  expect(Math.abs(stampedAheadMs(c) - wallAheadMs)).toBeLessThan(100);
  expect(notes.map(({ message }) => message)).toEqual([
    expect.stringContaining('disagrees'),
    expect.stringContaining('agrees'),
  ]);
});

test('a clock that jumps while the node runs is published, and counts when most agree with it', async () => {
  const [a, b, c] = [await join('a'), await join('b'), await join('c')];
  for (const { clock } of [b, c]) clock.wallAheadMs = DAY_MS;
  await a.coordination.refresh();
  expect(Math.abs(stampedAheadMs(a))).toBeLessThan(100);
  const published = (): boolean => Math.abs(stampedAheadMs(a) - DAY_MS) < CLOCK_TOLERANCE_MS + 1_000;
  await until('the new clocks are published', published, { timeoutMs: 2 * STAMP_INTERVAL_MS });
  expect(idsSeenBy(a)).toEqual(['a', 'b', 'c']);
});

test('a node that publishes its clock leaves alone what a later process of its name has written', async () => {
  const old = await join('a');
  const successor = await join('a', { instance: 'a-2', startedAt: 1 });
  const read = async (): Promise<string> => (await direct.get(keys.node('a')).string()) ?? '';
  const { kvs } = await direct.get(keys.node('a')).exec();
  const { mod_revision: first } = kvs[0]!;
  await until(
    'its clock is published again',
    async () => (await direct.get(keys.node('a')).exec()).kvs[0]!.mod_revision !== first,
    { timeoutMs: 2 * STAMP_INTERVAL_MS },
  );
  expect(JSON.parse(await read())).toMatchObject({ instance: 'a-2' });
  await old.coordination.refresh();
  expect(JSON.parse(await read())).toMatchObject({ instance: 'a-2' });
  expect(old.coordination.problem).toContain('a');
  expect(successor.coordination.problem).toBeUndefined();
});

test('entries that are no node and no leader are passed over, and said so once', async () => {
  const notes: { fields: object; message: string }[] = [];
  const a = await join('a', { logger: notingLogger(notes) });
  const other = { ...GLOBAL_SERIES, series: 'other' };
  const garbage = [
    [`${keys.nodes}b`, 'garbage'],
    [`${keys.nodes}c`, '{"id":"c"}'],
    [`${keys.nodes}d`, JSON.stringify({ ...a.coordination.self, instance: 'd-1' })],
    [keys.leader(other), 'null'],
  ] as const;
  for (const [key, value] of garbage) await direct.put(key).value(value);
  expect(await a.coordination.campaign(GLOBAL_SERIES)).toBe(true);
  for (let i = 0; i < 3; i += 1) await a.coordination.refresh();
  expect(a.coordination.connected).toBe(true);
  expect(idsSeenBy(a)).toEqual(['a']);
  expect(leads(a)).toBe(true);
  expect(a.coordination.leader(other)).toBeUndefined();
  const unreadable = notes.filter(({ message }) => message.includes('unreadable'));
  expect(unreadable.map(({ fields }) => fields)).toEqual(garbage.map(([key]) => ({ key })));
});
