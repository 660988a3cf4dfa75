import { setTimeout as sleep } from 'node:timers/promises';
import type { ICompare, IRequestOp } from 'etcd3';
import { SeqdError } from '../core/errors.ts';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import type { Clock } from '../ports/clock.ts';
import type { Coordination, Leader, NodeInfo } from '../ports/coordination.ts';
import type { Logger } from '../ports/logger.ts';
import type { LeadershipTransfer } from '../ports/sequence-store.ts';
import type { EtcdConnection } from '../store/etcd/etcd-connection.ts';
import { readFailure } from '../store/etcd/etcd-errors.ts';
import { type EtcdKeys, prefixEnd } from '../store/etcd/etcd-keys.ts';
import {
  type ClusterDirectory,
  electionName,
  EMPTY_DIRECTORY,
  readDirectory,
  withNode,
} from './cluster-directory.ts';
import { CLOCK_TOLERANCE_MS, ClusterTime, type OwnClocks, STAMP_INTERVAL_MS } from './cluster-time.ts';
import { LeaseSession } from './lease-session.ts';
import { encodeLeader, encodeRegistration } from './registration.ts';

/** What coordination needs. */
export interface EtcdCoordinationOptions {
  readonly self: NodeInfo;
  readonly keys: EtcdKeys;
  readonly leaseTtlSeconds: number;
  /** How often nodes and leaders are read, milliseconds. */
  readonly refreshIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Node registry and leader election by our own transactions and one lease.
 *
 * An election key is written once per leadership, so its `mod_revision` names that leadership: it is the epoch,
 * and the guard that the leader puts into its transactions. Nodes and leaders are read together at short
 * intervals; nothing here is needed to be fresh, so there is no watch that could die silently (P9 to P12).
 * Registrations carry their node's clock, from which every node learns the cluster's time (ADR 009), and what it has
 * stopped serving, so that leadership is not handed to it.
 */
export class EtcdCoordination implements Coordination {
  readonly self: NodeInfo;
  connected = false;
  private readonly connection: EtcdConnection;
  private readonly options: EtcdCoordinationOptions;
  private readonly session: LeaseSession;
  private readonly time = new ClusterTime();
  private directory = EMPTY_DIRECTORY;
  /** Elections of the series that this process serves no more. */
  private readonly stopped = new Set<string>();
  /** Monotonic time at which our clock was last put into a registration. */
  private stampedAtMs = Number.NEGATIVE_INFINITY;
  private clockDoubted = false;
  private started = false;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | undefined;
  private looking: Promise<void> | undefined;
  private nextLook: Promise<void> | undefined;
  private closed = false;

  constructor(connection: EtcdConnection, options: EtcdCoordinationOptions) {
    this.connection = connection;
    this.options = options;
    this.self = options.self;
    const { leaseTtlSeconds: ttlSeconds, clock, logger } = options;
    this.session = new LeaseSession(connection, { ttlSeconds, clock, logger });
  }

  async start(): Promise<void> {
    if (!this.started) {
      try {
        await this.session.start();
      } catch (error) {
        throw readFailure(error);
      }
      this.started = true;
      // Leases after this one, when it was lost.
      this.session.on('granted', lease => void this.register(lease));
      // Others find this node from here on, and a predecessor of the same name is not taken for it any more.
      const { id } = this.session;
      if (id !== undefined) await this.register(id);
    }
    await this.refresh();
    await this.settleTime();
    // Without a look at the others nobody knows the time.
    if (!this.connected || this.closed) throw new SeqdError('unavailable');
    this.schedule();
  }

  /** What keeps this node from being known to the others; `undefined` when nothing does. */
  get problem(): string | undefined {
    const named = this.directory.nodes.get(this.self.id);
    if (
      named === undefined ||
      named.instance === this.self.instance ||
      named.startedAt <= this.self.startedAt
    ) {
      return undefined;
    }
    return `another node at ${named.url} runs under the name ${this.self.id}; give each its own node.id`;
  }

  timeMs(): number {
    return this.time.timeMs(this.clocks());
  }

  /**
   * How far this node's clock was ahead of the cluster's at the last look, milliseconds; negative when behind. Past
   * `CLOCK_TOLERANCE_MS` either way, what it stamps is not its own time.
   */
  get clockAheadMs(): number {
    return this.time.ownAheadMs;
  }

  /** For how long this node's lease lives on at least, milliseconds; `undefined` while it has none. */
  get leaseLeftMs(): number | undefined {
    return this.session.leftMs;
  }

  nodes(): readonly NodeInfo[] {
    return [...this.directory.nodes.values()];
  }

  leader(series: SeriesId): Leader | undefined {
    return this.directory.leaders.get(electionName(series));
  }

  leads(series: SeriesId): boolean {
    return this.session.alive && this.leader(series)?.instance === this.self.instance;
  }

  async campaign(series: SeriesId, insteadOf?: Leader): Promise<boolean> {
    const lease = this.session.id;
    if (lease === undefined || this.closed) return false;
    const key = Buffer.from(this.options.keys.leader(series));
    const value = Buffer.from(encodeLeader(this.self));
    const compare: ICompare =
      insteadOf === undefined
        ? { key, target: 'Create', result: 'Equal', create_revision: 0 }
        : { key, target: 'Mod', result: 'Equal', mod_revision: insteadOf.guard.revision };
    // With the registration in the same step a leader's address is always known.
    const success = [{ request_put: { key, value, lease } }, { request_put: this.registration(lease) }];
    try {
      const response = await this.connection.call((client, options) =>
        client.kv.txn({ compare: [compare], success }, options),
      );
      if (response.succeeded) {
        const fields = {
          series: seriesName(series),
          epoch: Number(response.header.revision),
          insteadOf: insteadOf?.nodeId,
        };
        this.options.logger.info(fields, 'leadership won');
      }
    } catch (error) {
      // Whether it took effect is seen by reading.
      this.options.logger.warn({ err: error }, 'campaign without an answer');
    }
    await this.refresh();
    return this.leads(series);
  }

  successor(series: SeriesId): LeadershipTransfer | undefined {
    const name = electionName(series);
    const others = this.nodes().filter(
      ({ instance }) =>
        instance !== this.self.instance && this.directory.stopped.get(instance)?.includes(name) !== true,
    );
    // The one that has run longest is the least likely to leave next in a rolling restart.
    const next = others.toSorted((a, b) => a.startedAt - b.startedAt)[0];
    if (next === undefined) return undefined;
    return { key: this.options.keys.leader(series), value: encodeLeader(next), lease: next.lease };
  }

  async handOver(series: SeriesId): Promise<void> {
    const transfer = this.successor(series);
    if (this.leads(series) && transfer !== undefined) await this.leave(series, transfer);
  }

  async withdraw(series: SeriesId): Promise<void> {
    this.stopped.add(electionName(series));
    if (this.leads(series)) return this.leave(series, this.successor(series));
    this.stampedAtMs = Number.NEGATIVE_INFINITY;
    await this.publish();
  }

  async resign(series: SeriesId): Promise<void> {
    if (this.leads(series)) await this.leave(series, undefined);
  }

  /** Makes another process the leader instead of us, or nobody. Never rejects. */
  private async leave(series: SeriesId, transfer: LeadershipTransfer | undefined): Promise<void> {
    const { guard } = this.leader(series)!;
    const key = Buffer.from(guard.key);
    const compare: ICompare[] = [{ key, target: 'Mod', result: 'Equal', mod_revision: guard.revision }];
    const success: IRequestOp[] =
      transfer === undefined
        ? [{ request_delete_range: { key } }]
        : [{ request_put: { key, value: Buffer.from(transfer.value), lease: transfer.lease } }];
    // What we serve no more is known to whoever leads next from the beginning, or it might be handed back to us.
    const own = this.stopped.size > 0 ? this.ownUpdate() : undefined;
    if (own !== undefined) {
      compare.push(own.compare);
      success.push(own.success);
    }
    try {
      await this.connection.call((client, options) => client.kv.txn({ compare, success }, options));
    } catch (error) {
      this.options.logger.warn({ err: error }, 'leadership not handed over; it will be taken over');
    }
    await this.refresh();
  }

  refresh(): Promise<void> {
    if (this.looking === undefined) {
      this.looking = this.look().finally(() => (this.looking = undefined));
      return this.looking;
    }
    // The look under way may already have read what the caller knows to be out of date, so one more follows;
    // it serves all who ask meanwhile.
    this.nextLook ??= this.looking.then(() => {
      this.nextLook = undefined;
      return this.refresh();
    });
    return this.nextLook;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await Promise.all([this.looking, this.round]);
    await this.session.close();
  }

  private schedule(): void {
    if (this.closed) return;
    this.timer = setTimeout(() => {
      this.round = this.refresh()
        .then(() => this.publish())
        .finally(() => this.schedule());
    }, this.options.refreshIntervalMs);
  }

  /**
   * Watches the stamps that stood when we came until it is known which of them are from before an outage. Meanwhile
   * our own goes on, or others that watch would wait for it in vain.
   */
  private async settleTime(): Promise<void> {
    while (this.connected && this.time.inDoubt && !this.closed) {
      this.options.logger.debug(
        { clockAheadMs: this.clockAheadMs },
        'our clock is ahead of all stamps; watching them',
      );
      await sleep(this.options.refreshIntervalMs);
      await this.refresh();
      await this.publish();
    }
  }

  private async register(lease: string): Promise<void> {
    const registration = this.registration(lease);
    try {
      await this.connection.call((client, options) => client.kv.put(registration, options));
      this.directory = withNode(this.directory, this.self);
    } catch (error) {
      this.options.logger.warn({ err: error }, 'node not registered');
    }
  }

  /** Our registration, to be written now: it shows the time, and what we cannot serve. */
  private registration(lease: string): { key: Buffer; value: Buffer; lease: string } {
    const { monotonicMs, wallMs } = this.clocks();
    this.stampedAtMs = monotonicMs;
    const stopped = this.stopped.size === 0 ? undefined : [...this.stopped];
    const text = encodeRegistration({ node: { ...this.self, lease }, wallMs, stopped });
    return { key: Buffer.from(this.options.keys.node(this.self.id)), value: Buffer.from(text), lease };
  }

  /** Writes our registration again, with the time, when that is due. Never rejects. */
  private async publish(): Promise<void> {
    if (this.options.clock.monotonicMs() < this.stampedAtMs + STAMP_INTERVAL_MS) return;
    const own = this.ownUpdate();
    if (own === undefined) return;
    const { compare, success } = own;
    try {
      const { succeeded } = await this.connection.call((client, options) =>
        client.kv.txn({ compare: [compare], success: [success] }, options),
      );
      // Another write of ours was first, perhaps without what this one said: once more after the next look.
      if (!succeeded) this.stampedAtMs = Number.NEGATIVE_INFINITY;
    } catch (error) {
      // The others go on with what they know of us.
      this.options.logger.debug({ err: error }, 'registration not written again');
    }
  }

  /** Writes our registration again, as part of a transaction; `undefined` when it is not known to stand. */
  private ownUpdate(): { compare: ICompare; success: IRequestOp } | undefined {
    const lease = this.session.id;
    const revision = this.directory.revisions.get(this.self.instance);
    if (lease === undefined || revision === undefined || this.closed) return undefined;
    const registration = this.registration(lease);
    return {
      // Neither over a later process of our name, nor, should this arrive late, over a later stamp of our own.
      compare: {
        key: registration.key,
        target: 'Mod',
        result: 'Equal',
        mod_revision: revision,
      },
      success: { request_put: registration },
    };
  }

  /** Reads nodes and leaders in one transaction. */
  private async look(): Promise<void> {
    if (this.closed) return;
    const { keys, logger } = this.options;
    const clocks = this.clocks();
    const range = (prefix: string): { request_range: { key: Buffer; range_end: Buffer } } => ({
      request_range: { key: Buffer.from(prefix), range_end: Buffer.from(prefixEnd(prefix)) },
    });
    const before = this.connection.revisions.look();
    try {
      const response = await this.connection.call((client, options) =>
        client.kv.txn({ success: [range(keys.nodes), range(keys.leaders)] }, options),
      );
      this.connection.revisions.answered(before, Number(response.header.revision));
      const [nodes, leaders] = response.responses.map(op => op.response_range.kvs);
      this.learn(readDirectory(keys, nodes ?? [], leaders ?? []));
      this.time.look(
        clocks,
        this.directory.stamps.filter(({ instance }) => instance !== this.self.instance),
      );
      this.watchClock();
      this.connected = true;
      const lease = this.session.id;
      const registered = this.directory.revisions.has(this.self.instance);
      // A process that started later has the name; taking it back would only begin a quarrel.
      if (lease !== undefined && !registered && this.problem === undefined) await this.register(lease);
    } catch (error) {
      if (this.connected) logger.warn({ err: error }, 'etcd does not answer');
      this.connected = false;
    }
  }

  /** Says once for each key that it is passed over. */
  private learn(directory: ClusterDirectory): void {
    for (const key of directory.unreadable) {
      if (!this.directory.unreadable.has(key))
        this.options.logger.error({ key }, 'entry in etcd is unreadable; ignored');
    }
    this.directory = directory;
  }

  /** Says once that our clock is not believed, and once that it is again. */
  private watchClock(): void {
    // What it disagrees with may be stamps from before an outage.
    if (this.time.inDoubt) return;
    const { logger } = this.options;
    const clockAheadMs = Math.round(this.clockAheadMs);
    // Half of it ends it, so that a clock near the limit is no news at every look.
    const limitMs = this.clockDoubted ? CLOCK_TOLERANCE_MS / 2 : CLOCK_TOLERANCE_MS;
    const doubted = Math.abs(clockAheadMs) > limitMs;
    if (doubted && !this.clockDoubted) {
      logger.warn({ clockAheadMs }, "this node's clock disagrees with the other nodes'; theirs is used");
    } else if (!doubted && this.clockDoubted) {
      logger.info({ clockAheadMs }, "this node's clock agrees with the other nodes' again");
    }
    this.clockDoubted = doubted;
  }

  private clocks(): OwnClocks {
    const { clock } = this.options;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.now() };
  }
}
