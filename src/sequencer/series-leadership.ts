import { setTimeout as sleep } from 'node:timers/promises';
import type { SeriesId } from '../core/identifiers.ts';
import type { Coordination, Leader } from '../ports/coordination.ts';
import type { KnownLeader } from './forwarder.ts';

const CAMPAIGN_PAUSE_MS = 200;
const WITHDRAW_PAUSE_MS = 200;

/** What the leadership of a series depends on here. */
export interface LeadershipNeeds {
  /** Whether this node may lead: it takes requests, and the series has not stopped here. */
  readonly serves: () => boolean;
  /** Whether a leader has just failed to answer. */
  readonly isResting: (leader: Leader) => boolean;
  /** This node leads now. */
  readonly won: () => void;
}

/** What one node does about who leads a series: knows where requests go, campaigns when nobody leads, gives up what it must not have. */
export class SeriesLeadership {
  private readonly series: SeriesId;
  private readonly coordination: Coordination;
  private readonly needs: LeadershipNeeds;
  private campaigning = false;
  private withdrawing = false;

  constructor(series: SeriesId, coordination: Coordination, needs: LeadershipNeeds) {
    this.series = series;
    this.coordination = coordination;
    this.needs = needs;
  }

  /** The leader to forward to; `undefined` to commit here. */
  forwardTarget(): KnownLeader | undefined {
    const leader = this.coordination.leader(this.series);
    // Without a registration, or with another process under its name, the one that led leads nothing any more.
    const gone = leader?.node === undefined && leader?.instance !== this.coordination.self.instance;
    if (gone && !this.campaigning) void this.campaign(leader);
    return this.reachable();
  }

  /** The leader when it is another process that answers, as far as is known. */
  reachable(): KnownLeader | undefined {
    const leader = this.coordination.leader(this.series);
    if (leader?.node === undefined || leader.instance === this.coordination.self.instance) return undefined;
    return this.needs.isResting(leader) ? undefined : (leader as KnownLeader);
  }

  /** Tries to become the leader. @param insteadOf only in place of this one */
  async campaign(insteadOf?: Leader): Promise<void> {
    if (this.campaigning || !this.needs.serves()) return;
    this.campaigning = true;
    const won = await this.coordination.campaign(this.series, insteadOf);
    // One that failed is not repeated at once: the sweep asks again soon.
    if (!won) await sleep(CAMPAIGN_PAUSE_MS);
    this.campaigning = false;
    if (won) this.needs.won();
  }

  /** Leads no more because the series has stopped here: others may be able to read it. */
  async withdraw(): Promise<void> {
    if (this.withdrawing) return;
    this.withdrawing = true;
    await this.coordination.withdraw(this.series);
    // What came to nothing is not repeated at once: the sweep does it soon.
    if (this.coordination.leads(this.series)) await sleep(WITHDRAW_PAUSE_MS);
    this.withdrawing = false;
  }
}
