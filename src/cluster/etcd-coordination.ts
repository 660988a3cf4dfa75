import type { ICompare, IKeyValue } from 'etcd3';
import { type SeriesId, seriesName } from '../core/identifiers.ts';
import type { Clock } from '../ports/clock.ts';
import type { Coordination, Leader, NodeInfo } from '../ports/coordination.ts';
import type { Logger } from '../ports/logger.ts';
import type { LeadershipTransfer } from '../ports/sequence-store.ts';
import type { EtcdConnection } from '../store/etcd/etcd-connection.ts';
import { readFailure } from '../store/etcd/etcd-errors.ts';
import { type EtcdKeys, prefixEnd } from '../store/etcd/etcd-keys.ts';
import { LeaseSession } from './lease-session.ts';

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
 */
export class EtcdCoordination implements Coordination {
  readonly self: NodeInfo;
  connected = false;
  private readonly connection: EtcdConnection;
  private readonly options: EtcdCoordinationOptions;
  private readonly session: LeaseSession;
  private nodesById = new Map<string, NodeInfo>();
  private leaders = new Map<string, Leader>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private nextLook: Promise<void> | undefined;
  private closed = false;

  constructor(connection: EtcdConnection, options: EtcdCoordinationOptions) {
    this.connection = connection;
    this.options = options;
    this.self = options.self;
    const { leaseTtlSeconds: ttlSeconds, clock, logger } = options;
    this.session = new LeaseSession(connection, { ttlSeconds, clock, logger });
    this.session.on('granted', lease => void this.register(lease));
  }

  async start(): Promise<void> {
    try {
      await this.session.start();
    } catch (error) {
      throw readFailure(error);
    }
    // Others find this node from here on, and a predecessor of the same name is not taken for it any more.
    const lease = this.session.id;
    if (lease !== undefined) await this.register(lease);
    await this.refresh();
    this.schedule();
  }

  /** What keeps this node from being known to the others; `undefined` when nothing does. */
  get problem(): string | undefined {
    const named = this.nodesById.get(this.self.id);
    if (
      named === undefined ||
      named.instance === this.self.instance ||
      named.startedAt <= this.self.startedAt
    ) {
      return undefined;
    }
    return `another node at ${named.url} runs under the name ${this.self.id}; give each its own node.id`;
  }

  nodes(): readonly NodeInfo[] {
    return [...this.nodesById.values()];
  }

  leader(series: SeriesId): Leader | undefined {
    return this.leaders.get(electionName(series));
  }

  leads(series: SeriesId): boolean {
    return this.session.alive && this.leader(series)?.instance === this.self.instance;
  }

  async campaign(series: SeriesId, insteadOf?: Leader): Promise<boolean> {
    const lease = this.session.id;
    if (lease === undefined || this.closed) return false;
    const key = Buffer.from(this.options.keys.leader(series));
    const value = Buffer.from(leaderValue(this.self));
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
    const others = this.nodes().filter(node => node.instance !== this.self.instance);
    // The one that has run longest is the least likely to leave next in a rolling restart.
    const next = others.toSorted((a, b) => a.startedAt - b.startedAt)[0];
    if (next === undefined) return undefined;
    return { key: this.options.keys.leader(series), value: leaderValue(next), lease: next.lease };
  }

  async handOver(series: SeriesId): Promise<void> {
    const guard = this.leader(series)?.guard;
    const transfer = this.successor(series);
    if (guard === undefined || transfer === undefined || !this.leads(series)) return;
    const key = Buffer.from(guard.key);
    const compare: ICompare = { key, target: 'Mod', result: 'Equal', mod_revision: guard.revision };
    const success = [{ request_put: { key, value: Buffer.from(transfer.value), lease: transfer.lease } }];
    try {
      await this.connection.call((client, options) =>
        client.kv.txn({ compare: [compare], success }, options),
      );
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
    await this.looking;
    await this.session.close();
  }

  private schedule(): void {
    if (this.closed) return;
    this.timer = setTimeout(() => {
      void this.refresh().finally(() => this.schedule());
    }, this.options.refreshIntervalMs);
  }

  private async register(lease: string): Promise<void> {
    const registration = this.registration(lease);
    try {
      await this.connection.call((client, options) => client.kv.put(registration, options));
      this.nodesById.set(this.self.id, this.self);
    } catch (error) {
      this.options.logger.warn({ err: error }, 'node not registered');
    }
  }

  private registration(lease: string): { key: Buffer; value: Buffer; lease: string } {
    const key = Buffer.from(this.options.keys.node(this.self.id));
    return { key, value: Buffer.from(JSON.stringify({ ...this.self, lease })), lease };
  }

  /** Reads nodes and leaders in one transaction. */
  private async look(): Promise<void> {
    if (this.closed) return;
    const { keys, logger } = this.options;
    const range = (prefix: string): { request_range: { key: Buffer; range_end: Buffer } } => ({
      request_range: { key: Buffer.from(prefix), range_end: Buffer.from(prefixEnd(prefix)) },
    });
    try {
      const response = await this.connection.call((client, options) =>
        client.kv.txn({ success: [range(keys.nodes), range(keys.leaders)] }, options),
      );
      const [nodes, leaders] = response.responses.map(op => op.response_range.kvs);
      this.take(nodes ?? [], leaders ?? []);
      this.connected = true;
      const lease = this.session.id;
      const registered = this.nodesById.get(this.self.id)?.instance === this.self.instance;
      // A process that started later has the name; taking it back would only begin a quarrel.
      if (lease !== undefined && !registered && this.problem === undefined) await this.register(lease);
    } catch (error) {
      if (this.connected) logger.warn({ err: error }, 'etcd does not answer');
      this.connected = false;
    }
  }

  private take(nodes: readonly IKeyValue[], leaders: readonly IKeyValue[]): void {
    this.nodesById = new Map();
    for (const kv of nodes) {
      const node = JSON.parse(kv.value.toString('utf8')) as NodeInfo;
      this.nodesById.set(node.id, node);
    }
    const known = new Map<string, Leader>();
    for (const kv of leaders) {
      const key = kv.key.toString('utf8');
      const { node: nodeId, instance } = JSON.parse(kv.value.toString('utf8')) as {
        node: string;
        instance: string;
      };
      const node = this.nodesById.get(nodeId);
      known.set(key.slice(this.options.keys.leaders.length), {
        node: node?.instance === instance ? node : undefined,
        nodeId,
        instance,
        epoch: Number(kv.mod_revision),
        guard: { key, revision: kv.mod_revision },
      });
    }
    this.leaders = known;
  }
}

function leaderValue({ id, instance }: NodeInfo): string {
  return JSON.stringify({ node: id, instance });
}

function electionName(series: SeriesId): string {
  return `${series.tenant}/${series.series}`;
}
