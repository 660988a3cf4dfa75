import type { Clock } from '../../ports/clock.ts';
import type { Coordination } from '../../ports/coordination.ts';
import type { Logger } from '../../ports/logger.ts';
import type { EtcdMemberStatus } from '../../store/etcd/etcd-status.ts';
import { byOwner } from '../owner-tallies.ts';
import type { LiveLeader, LiveOwners } from './live-protocol.ts';
import { NodeMeter } from './node-meter.ts';
import type { NodeSample } from './node-sampler.ts';
import { type NodeStatus, readStatus, type StatusSources } from './node-status.ts';

/** What this node's own part of the view is read from. */
export interface ReaderSources extends StatusSources {
  readonly coordination: Pick<Coordination, 'connected' | 'leader' | 'nodes' | 'self'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly members: () => Promise<readonly EtcdMemberStatus[]>;
  /** Milliseconds of the longest delay since it was asked last; nobody else may ask it. */
  readonly eventLoopDelayMaxMs: () => number;
}

const SECOND_MS = 1_000;
const MEMBERS_MS = 2_000;
/** Adding up the owners takes at most this part of the time, however many there are. */
const OWNERS_PART = 0.01;
/** Viewers are not told of a node's rates more often. */
const RATES_MS = 400;

/** Reads how this node and what it sees stand; what takes longer only now and then. */
export class NodeReader {
  private readonly sources: ReaderSources;
  private readonly meter = new NodeMeter();
  private leader: LiveLeader | null = null;
  private rates = { read: this.meter.read(), atMs: Number.NEGATIVE_INFINITY };
  private eventLoop = { delayMs: 0, atMs: Number.NEGATIVE_INFINITY };
  private lastOwners: LiveOwners = { bySite: {}, byPartition: {}, byType: {} };
  private ownersOf = { chain: '', untilMs: Number.NEGATIVE_INFINITY };
  private lastMembers: readonly EtcdMemberStatus[] = [];
  private membersMs = Number.NEGATIVE_INFINITY;
  private membersAsked = false;

  constructor(sources: ReaderSources) {
    this.sources = sources;
  }

  /** Takes in what this node did. */
  push(sample: NodeSample): void {
    this.meter.push(sample);
  }

  status(nowMs: number): NodeStatus {
    if (nowMs - this.eventLoop.atMs >= SECOND_MS) {
      this.eventLoop = { delayMs: Math.round(this.sources.eventLoopDelayMaxMs()), atMs: nowMs };
    }
    if (nowMs - this.rates.atMs >= RATES_MS) this.rates = { read: this.meter.read(), atMs: nowMs };
    return readStatus(this.sources, {
      ...this.rates.read,
      leader: this.readLeader(),
      eventLoopDelayMs: this.eventLoop.delayMs,
    });
  }

  /** Tallies of the series as this node has seen it, at most a second old; older only with tens of thousands of owners. */
  owners(nowMs: number): LiveOwners {
    const state = this.sources.sequencer.lastKnown;
    if (state === undefined || nowMs < this.ownersOf.untilMs) return this.lastOwners;
    const { chain } = state.head;
    if (chain === this.ownersOf.chain) return this.lastOwners;
    const beganMs = performance.now();
    this.lastOwners = byOwner(state);
    const tookMs = performance.now() - beganMs;
    this.ownersOf = { chain, untilMs: nowMs + Math.max(SECOND_MS, tookMs / OWNERS_PART) };
    return this.lastOwners;
  }

  /** etcd's members as they last answered. */
  get members(): readonly EtcdMemberStatus[] {
    return this.lastMembers;
  }

  /** Asks the members how they are, when it is time; a member that hangs holds up nothing but the next question. */
  askMembers(nowMs: number): void {
    if (this.membersAsked || nowMs - this.membersMs < MEMBERS_MS) return;
    this.membersAsked = true;
    this.membersMs = nowMs;
    void this.readMembers();
  }

  private async readMembers(): Promise<void> {
    try {
      this.lastMembers = await this.sources.members();
    } catch (error) {
      this.sources.logger.debug({ err: error }, 'etcd members not asked');
    } finally {
      this.membersAsked = false;
    }
  }

  private readLeader(): LiveLeader | null {
    const leader = this.sources.coordination.leader(this.sources.series);
    if (leader === undefined) this.leader = null;
    else if (this.leader?.epoch !== String(leader.epoch))
      this.leader = { node: leader.nodeId, epoch: String(leader.epoch), since: this.sources.clock.now() };
    return this.leader;
  }
}
