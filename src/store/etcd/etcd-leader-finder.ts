import type { Logger } from '../../ports/logger.ts';
import type { EtcdConnection } from './etcd-connection.ts';
import { readMemberStatus } from './etcd-status.ts';

/** How often to look for etcd's leader, milliseconds. */
const INTERVAL_MS = 1_000;

/**
 * Keeps calls going to the member that leads etcd: any other passes proposals on to it, which costs every commit a hop.
 * Only a preference; when that member fails, calls move on at once.
 */
export class EtcdLeaderFinder {
  private readonly connection: EtcdConnection;
  private readonly logger: Logger;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(connection: EtcdConnection, logger: Logger) {
    this.connection = connection;
    this.logger = logger;
  }

  /** Looks once, and from then on now and then. Never rejects. */
  async start(): Promise<void> {
    await this.look();
    if (!this.closed) this.timer = setTimeout(() => void this.start(), INTERVAL_MS);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private async look(): Promise<void> {
    const members = await readMemberStatus(this.connection);
    const leader = members.find(member => member.leader === true);
    if (leader === undefined || leader.endpoint === this.connection.endpoint || this.closed) return;
    this.logger.debug({ endpoint: leader.endpoint }, 'calls now go to the etcd leader');
    this.connection.prefer(leader.endpoint);
  }
}
