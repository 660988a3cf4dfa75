import { EventEmitter } from 'node:events';
import type { Etcd3 } from 'etcd3';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { EtcdConnection } from '../store/etcd/etcd-connection.ts';

/** Settings of a session. */
export interface LeaseSessionOptions {
  readonly ttlSeconds: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * One etcd lease, kept alive by us.
 *
 * States: `absent` → `alive` (granted) → `doubtful` (no renewal for 0.6 TTL by the monotonic clock: stop
 * relying on it) → `alive` again (a late renewal came through) or `absent` (etcd says that it is gone).
 * Emits `granted` with each new lease, so that keys can be put under it again.
 *
 * The client library's own lease reports its loss only after twice the TTL, on the wall clock (P7).
 */
export class LeaseSession extends EventEmitter<{ granted: [leaseId: string] }> {
  private readonly connection: EtcdConnection;
  private readonly options: LeaseSessionOptions;
  private leaseId: string | undefined;
  /** Monotonic time at which the last successful renewal was *sent*: the lease lives a TTL from then at least. */
  private renewedAtMs = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(connection: EtcdConnection, options: LeaseSessionOptions) {
    super();
    this.connection = connection;
    this.options = options;
  }

  /** The lease, while it can be relied upon. */
  get id(): string | undefined {
    return this.alive ? this.leaseId : undefined;
  }

  /** Whether the lease was renewed recently enough to be relied upon. */
  get alive(): boolean {
    if (this.leaseId === undefined) return false;
    const age = this.options.clock.monotonicMs() - this.renewedAtMs;
    return age < this.options.ttlSeconds * 600;
  }

  /** For how long the lease lives on at least without another renewal, milliseconds; `undefined` when there is none. */
  get leftMs(): number | undefined {
    if (this.leaseId === undefined) return undefined;
    const age = this.options.clock.monotonicMs() - this.renewedAtMs;
    return Math.max(0, this.options.ttlSeconds * 1_000 - age);
  }

  /** Grants the first lease and keeps it. @throws the etcd client's error when that fails */
  async start(): Promise<void> {
    await this.grant();
    this.schedule();
  }

  /** Revokes the lease, and with it every key under it. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.running;
    const id = this.leaseId;
    this.leaseId = undefined;
    if (id === undefined) return;
    try {
      await this.connection.call((client, options) => client.leaseClient.leaseRevoke({ ID: id }, options));
    } catch (error) {
      this.options.logger.warn({ err: error }, 'lease not revoked; it will expire');
    }
  }

  private schedule(renewed = true): void {
    if (this.closed) return;
    // After a failure the next member is asked soon: there is time for a few attempts before the lease is in doubt.
    const waitMs = (this.options.ttlSeconds * 1000) / (renewed ? 3 : 20);
    this.timer = setTimeout(() => {
      this.running = this.renew().then(result => this.schedule(result));
    }, waitMs);
  }

  /** Renews the lease, or asks for a new one when it is gone. Whether that succeeded. */
  private async renew(): Promise<boolean> {
    const { clock, logger } = this.options;
    const sentAtMs = clock.monotonicMs();
    try {
      const id = this.leaseId;
      if (id === undefined) {
        await this.grant();
        return true;
      }
      const ttl = await this.connection.call((client, options) =>
        keepAliveOnce(client, id, options.deadline),
      );
      if (ttl > 0) {
        this.renewedAtMs = sentAtMs;
        return true;
      }
      logger.warn({ leaseId: id }, 'lease expired; asking for a new one');
      this.leaseId = undefined;
      await this.grant();
      return true;
    } catch (error) {
      logger.warn({ err: error }, 'lease not renewed');
      return false;
    }
  }

  private async grant(): Promise<void> {
    const sentAtMs = this.options.clock.monotonicMs();
    const response = await this.connection.call((client, options) =>
      client.leaseClient.leaseGrant({ TTL: this.options.ttlSeconds }, options),
    );
    this.leaseId = response.ID;
    this.renewedAtMs = sentAtMs;
    this.emit('granted', response.ID);
  }
}

/** Renews a lease once; resolves with its TTL in seconds, 0 or less when it is gone. */
async function keepAliveOnce(client: Etcd3, leaseId: string, deadline: unknown): Promise<number> {
  const stream = await client.leaseClient.leaseKeepAlive({ deadline: deadline as number });
  try {
    const response = await new Promise<{ TTL: string }>((resolve, reject) => {
      stream.on('data', resolve);
      stream.on('error', reject);
      stream.on('end', () => reject(new Error('the keep-alive stream ended without an answer')));
      stream.write({ ID: leaseId });
    });
    return Number(response.TTL);
  } finally {
    stream.end();
  }
}
