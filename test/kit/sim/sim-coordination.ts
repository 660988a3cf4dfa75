import type { SeriesId } from '../../../src/core/identifiers.ts';
import type { Coordination, Leader, NodeInfo } from '../../../src/ports/coordination.ts';
import type { LeadershipGuard } from '../../../src/ports/sequence-store.ts';
import type { MemoryStore } from '../../../src/store/memory/memory-store.ts';
import type { VirtualTime } from './virtual-time.ts';

const ELECTION_KEY = 'leaders/global';

/** Who really leads: the election key as it stands in the store. What nodes believe is another matter. */
export class SimElection {
  current: Leader | undefined;
  /** While set, no campaign succeeds: nobody can reach the election. */
  closed = false;
  private readonly store: MemoryStore;
  private epoch = 0;

  constructor(store: MemoryStore) {
    this.store = store;
  }

  /** Gives leadership to a node, whoever had it. */
  elect(node: NodeInfo): Leader {
    this.epoch += 1;
    const guard: LeadershipGuard = { key: ELECTION_KEY, revision: String(this.epoch) };
    this.store.setLeadership(guard);
    this.current = { node, nodeId: node.id, instance: node.instance, epoch: this.epoch, guard };
    return this.current;
  }

  /** The election key vanishes, as when a lease ends. */
  depose(): void {
    this.store.dropLeadership(ELECTION_KEY);
    this.current = undefined;
  }
}

/** One node's view of the election, which is as old as its last look. */
export class SimCoordination implements Coordination {
  readonly self: NodeInfo;
  connected = true;
  /** While set, looking changes nothing: the node goes on believing what it believed, its own leadership too. */
  frozen = false;
  /** What this node believes. */
  view: Leader | undefined;
  private readonly election: SimElection;
  private readonly time: VirtualTime;
  private readonly lookMs: () => number;

  constructor(self: NodeInfo, election: SimElection, time: VirtualTime, lookMs: () => number = () => 0) {
    this.self = self;
    this.election = election;
    this.time = time;
    this.lookMs = lookMs;
  }

  async start(): Promise<void> {
    await this.refresh();
  }

  nodes(): readonly NodeInfo[] {
    return [];
  }

  leader(_series: SeriesId): Leader | undefined {
    return this.view;
  }

  leads(_series: SeriesId): boolean {
    return this.view?.instance === this.self.instance;
  }

  async campaign(_series: SeriesId, insteadOf?: Leader): Promise<boolean> {
    const { election } = this;
    await this.time.sleep(this.lookMs());
    if (this.frozen || election.closed) return false;
    if (election.current?.epoch === insteadOf?.epoch) election.elect(this.self);
    await this.refresh();
    return this.view?.instance === this.self.instance;
  }

  async refresh(): Promise<void> {
    await this.time.sleep(this.lookMs());
    this.lookNow();
  }

  /** Looks at once, unless frozen. */
  lookNow(): void {
    if (!this.frozen) this.view = this.election.current;
  }

  async close(): Promise<void> {
    if (this.election.current?.instance === this.self.instance) this.election.depose();
  }
}
