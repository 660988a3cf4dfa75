import type { Clock } from '../../ports/clock.ts';
import type { Logger } from '../../ports/logger.ts';
import type { EtcdConnection } from './etcd-connection.ts';

/** What the compactor needs. */
export interface EtcdCompactorOptions {
  /** Revisions younger than this stay readable: checks and catch-ups read at a revision for a while. */
  readonly keepMs: number;
  /** Only one node need do it; whoever this says. */
  readonly isMyTurn: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Looks at the revision this many times per `keepMs`. */
const LOOKS_PER_KEEP = 4;

/**
 * Compacts etcd's history now and then: every commit rewrites the head, and without compaction each of its versions
 * would stay in the database for ever.
 */
export class EtcdCompactor {
  private readonly connection: EtcdConnection;
  private readonly options: EtcdCompactorOptions;
  private seen: { atMs: number; revision: number }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(connection: EtcdConnection, options: EtcdCompactorOptions) {
    this.connection = connection;
    this.options = options;
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), this.options.keepMs / LOOKS_PER_KEEP);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    const { clock, keepMs, logger } = this.options;
    if (!this.options.isMyTurn()) {
      this.seen = [];
      return;
    }
    try {
      const status = await this.connection.call((client, options) => client.maintenance.status(options));
      const nowMs = clock.monotonicMs();
      const old = this.seen.findLast(look => look.atMs <= nowMs - keepMs);
      this.seen = this.seen.filter(look => look.atMs > nowMs - keepMs);
      this.seen.push({ atMs: nowMs, revision: Number(status.header.revision) });
      if (old === undefined) return;
      await this.connection.call((client, options) => client.kv.compact({ revision: old.revision }, options));
      logger.debug({ revision: old.revision }, 'etcd history compacted');
    } catch (error) {
      // Somebody else may have compacted further already; the next look tries again.
      logger.debug({ err: error }, 'etcd history not compacted');
    }
  }
}
