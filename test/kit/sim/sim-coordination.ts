import { ClusterTime, type OwnClocks, STAMP_INTERVAL_MS } from '../../../src/cluster/cluster-time.ts';
import { type SeriesId, seriesName } from '../../../src/core/identifiers.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Coordination, Leader, NodeInfo } from '../../../src/ports/coordination.ts';
import type { LeadershipGuard, LeadershipTransfer } from '../../../src/ports/sequence-store.ts';
import type { MemoryStore } from '../../../src/store/memory/memory-store.ts';
import type { VirtualTime } from './virtual-time.ts';

const ELECTION_KEY = 'leaders/global';
/** How often a node that starts looks while the time is in doubt. */
const WATCH_MS = 500;

/** Who really leads: the election key as it stands in the store. What nodes believe is another matter. */
export class SimElection {
  current: Leader | undefined;
  /** While set, no campaign succeeds: nobody can reach the election. */
  closed = false;
  /** The processes that live now. */
  members: () => readonly NodeInfo[] = () => [];
  /** Processes that serve a series no more and could say so: `instance series`. */
  readonly stopped = new Set<string>();
  /** Who really holds each election besides that of the leader, by its series' name. */
  readonly others = new Map<string, Leader>();
  /** What the clock of each process showed when it last published it, by instance. */
  readonly stamps = new Map<string, number>();
  private readonly store: MemoryStore;
  private epoch = 0;

  constructor(store: MemoryStore) {
    this.store = store;
  }

  /** Gives leadership to a node, whoever had it. */
  elect(node: NodeInfo): Leader {
    // Unlike any revision of the store, which names a leadership that was handed over in a commit.
    const guard: LeadershipGuard = { key: ELECTION_KEY, revision: `election-${this.epoch + 1}` };
    this.store.setLeadership(guard);
    return this.take(node, guard.revision);
  }

  /** A commit has made another node the leader. */
  transferred({ value }: LeadershipTransfer, revision: string): void {
    const node = this.members().find(({ instance }) => instance === value);
    // To a process that has ended meanwhile: its lease is gone, and the key with it.
    if (node === undefined) this.depose();
    else this.take(node, revision);
  }

  private take(node: NodeInfo, revision: string): Leader {
    this.epoch += 1;
    const guard: LeadershipGuard = { key: ELECTION_KEY, revision };
    this.current = { node, nodeId: node.id, instance: node.instance, epoch: this.epoch, guard };
    return this.current;
  }

  /** Gives an election besides that of the leader to a node, whoever held it. */
  electOther(series: SeriesId, node: NodeInfo): Leader {
    this.epoch += 1;
    const guard: LeadershipGuard = {
      key: `leaders/${seriesName(series)}`,
      revision: `election-${this.epoch}`,
    };
    this.store.setLeadership(guard);
    const holder = { node, nodeId: node.id, instance: node.instance, epoch: this.epoch, guard };
    this.others.set(seriesName(series), holder);
    return holder;
  }

  /** Its key vanishes. */
  vacate(series: SeriesId): void {
    const holder = this.others.get(seriesName(series));
    if (holder !== undefined) this.store.dropLeadership(holder.guard.key);
    this.others.delete(seriesName(series));
  }

  /** The election key vanishes, as when a lease ends. */
  depose(): void {
    this.store.dropLeadership(ELECTION_KEY);
    this.current = undefined;
  }
}

/** What one node's view is made from. */
export interface SimCoordinationOptions {
  readonly election: SimElection;
  readonly time: VirtualTime;
  readonly clock: Clock;
  /** How long the next look or campaign takes. */
  readonly lookMs: () => number;
}

/** One node's view of the election and of the others' clocks, which is as old as its last look. */
export class SimCoordination implements Coordination {
  readonly self: NodeInfo;
  connected = true;
  /**
   * While set, looking changes nothing: the node goes on believing what it believed, its own leadership too,
   * publishes neither its clock nor what it has stopped serving, and cannot withdraw.
   */
  frozen = false;
  /** What this node believes. */
  view: Leader | undefined;
  /** What this node believes of the elections besides that of the leader. */
  private otherViews: ReadonlyMap<string, Leader> = new Map();
  /** How often it tried to become leader. */
  campaigns = 0;
  /** Names of the series that this process serves no more. */
  private readonly stopped = new Set<string>();
  private readonly election: SimElection;
  private readonly time: VirtualTime;
  private readonly clock: Clock;
  private readonly lookMs: () => number;
  private readonly clusterTime = new ClusterTime();
  private stampedAtMs = Number.NEGATIVE_INFINITY;

  constructor(self: NodeInfo, { election, time, clock, lookMs }: SimCoordinationOptions) {
    this.self = self;
    this.election = election;
    this.time = time;
    this.clock = clock;
    this.lookMs = lookMs;
    this.publishClock();
  }

  /** As a process does before it serves: looks, and watches the clocks of the others while the time is in doubt. */
  async start(): Promise<void> {
    await this.refresh();
    while (this.clusterTime.inDoubt) {
      await this.time.sleep(WATCH_MS);
      await this.refresh();
    }
  }

  nodes(): readonly NodeInfo[] {
    return this.election.members();
  }

  leader(series: SeriesId): Leader | undefined {
    return isOther(series) ? this.otherViews.get(seriesName(series)) : this.view;
  }

  leads(series: SeriesId): boolean {
    return this.leader(series)?.instance === this.self.instance;
  }

  async campaign(series: SeriesId, insteadOf?: Leader): Promise<boolean> {
    const { election } = this;
    if (isOther(series)) {
      await this.time.sleep(this.lookMs());
      if (this.frozen) return false;
      if (election.others.get(seriesName(series))?.epoch === insteadOf?.epoch)
        election.electOther(series, this.self);
      await this.refresh();
      return this.leads(series);
    }
    this.campaigns += 1;
    await this.time.sleep(this.lookMs());
    if (this.frozen || election.closed) return false;
    if (election.current?.epoch === insteadOf?.epoch) election.elect(this.self);
    await this.refresh();
    return this.view?.instance === this.self.instance;
  }

  timeMs(): number {
    return this.clusterTime.timeMs(this.clocks());
  }

  successor(series: SeriesId): LeadershipTransfer | undefined {
    const { stopped } = this.election;
    const next = this.nodes().find(
      ({ instance }) => instance !== this.self.instance && !stopped.has(`${instance} ${seriesName(series)}`),
    );
    return next === undefined ? undefined : { key: ELECTION_KEY, value: next.instance, lease: next.lease };
  }

  async handOver(series: SeriesId): Promise<void> {
    if (!this.leads(series)) return;
    const transfer = this.successor(series);
    const next = this.nodes().find(({ instance }) => instance === transfer?.value);
    await this.time.sleep(this.lookMs());
    const stands = this.election.current !== undefined && this.election.current.epoch === this.view?.epoch;
    if (next !== undefined && stands && this.leads(series)) this.election.elect(next);
    await this.refresh();
  }

  async resign(series: SeriesId): Promise<void> {
    await this.time.sleep(this.lookMs());
    const held = this.leader(series);
    if (this.frozen || held === undefined || !this.leads(series)) return;
    const { election } = this;
    if (isOther(series) && election.others.get(seriesName(series))?.epoch === held.epoch)
      election.vacate(series);
    else if (!isOther(series) && election.current?.epoch === held.epoch) election.depose();
    await this.refresh();
  }

  async withdraw(series: SeriesId): Promise<void> {
    this.stopped.add(seriesName(series));
    await this.time.sleep(this.lookMs());
    if (this.frozen) return;
    this.publishStopped();
    const transfer = this.successor(series);
    const next = this.nodes().find(({ instance }) => instance === transfer?.value);
    const stands = this.election.current !== undefined && this.election.current.epoch === this.view?.epoch;
    if (stands && this.leads(series)) {
      if (next === undefined) this.election.depose();
      else this.election.elect(next);
    }
    await this.refresh();
  }

  async refresh(): Promise<void> {
    await this.time.sleep(this.lookMs());
    this.lookNow();
  }

  /** Looks at once, unless frozen. */
  lookNow(): void {
    if (this.frozen) return;
    const { clock, election } = this;
    this.view = election.current;
    this.otherViews = new Map(election.others);
    const others = this.nodes()
      .filter(({ instance }) => instance !== this.self.instance)
      .map(({ instance }) => ({ instance, wallMs: election.stamps.get(instance)! }));
    this.clusterTime.look(this.clocks(), others);
    if (clock.monotonicMs() >= this.stampedAtMs + STAMP_INTERVAL_MS) this.publishClock();
    this.publishStopped();
  }

  private publishStopped(): void {
    for (const name of this.stopped) this.election.stopped.add(`${this.self.instance} ${name}`);
  }

  private clocks(): OwnClocks {
    return { monotonicMs: this.clock.monotonicMs(), wallMs: this.clock.now() };
  }

  private publishClock(): void {
    this.stampedAtMs = this.clock.monotonicMs();
    this.election.stamps.set(this.self.instance, this.clock.now());
  }

  async close(): Promise<void> {
    if (this.election.current?.instance === this.self.instance) this.election.depose();
  }
}

/** The simulation knows one leader for all series; other elections have names that no series has. */
function isOther({ series }: SeriesId): boolean {
  return series.includes('/');
}
