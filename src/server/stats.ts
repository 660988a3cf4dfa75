import { type SeriesId, seriesName } from '../core/identifiers.ts';
import type { SeriesState } from '../core/state.ts';
import type { PatrolView } from '../verify/ledger-patrol.ts';
import type { Coordination } from '../ports/coordination.ts';
import type { SeriesSequencer } from '../sequencer/series-sequencer.ts';
import type { EtcdMemberStatus } from '../store/etcd/etcd-status.ts';
import type { RecentLatency } from './latency.ts';
import { byOwner } from './owner-tallies.ts';

/** What stats are gathered from. */
export interface StatsSources {
  readonly cluster: string;
  readonly series: SeriesId;
  readonly sequencer: SeriesSequencer;
  readonly coordination: Coordination;
  readonly latency: RecentLatency;
  /** Milliseconds, of the longest since it was asked last. */
  readonly eventLoopDelayMaxMs: () => number;
  readonly members: () => Promise<readonly EtcdMemberStatus[]>;
  /** How the verification of the ledger stands; `undefined` on nodes that do not do it. */
  readonly patrol: () => PatrolView | undefined;
  readonly window: { readonly keyAgeMsMax: number; readonly keysMax: number };
  /** What requests may name, so that a client needs no configuration of its own. */
  readonly vocabulary: {
    readonly sites: readonly { readonly id: string; readonly partitions: readonly string[] }[];
    readonly invoiceTypes: Readonly<Record<string, string>>;
    readonly countMax: number;
  };
}

/** Past samples of how many numbers were ever drawn, for the cluster's rate. */
const SAMPLE_INTERVAL_MS = 1_000;
const SAMPLES_MAX = 10;
const MEMBERS_AGE_MS = 1_000;

/** Builds the answer of `GET /api/v1/sequence/stats`. Keeps a little history of its own for the rate. */
export class StatsService {
  private readonly sources: StatsSources;
  private readonly startedAtMs = performance.now();
  private samples: { atMs: number; drawn: number }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private members: { atMs: number; value: Promise<readonly EtcdMemberStatus[]> } | undefined;

  constructor(sources: StatsSources) {
    this.sources = sources;
  }

  /** Starts sampling. It also keeps this node's copy of the state fresh, so that a takeover has little to read. */
  start(): void {
    this.timer = setInterval(() => {
      this.sources.sequencer.current().then(
        state => this.sample(state),
        () => {},
      );
    }, SAMPLE_INTERVAL_MS);
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** Everything at one state of the series. @throws SeqdError `unavailable` rather than giving a stale answer */
  async read(): Promise<object> {
    const { sources } = this;
    const [state, members] = await Promise.all([sources.sequencer.current(), this.readMembers()]);
    this.sample(state);
    const { head } = state;
    const accounted = head.issued + head.reserved + head.pooled + head.voided + head.imported;
    return {
      series: seriesName(sources.series),
      next: head.next,
      start: head.settings.start,
      maximum: head.settings.maximum,
      reuse: head.settings.reuse,
      issued: head.issued,
      pooled: head.pooled,
      reserved: head.reserved,
      void: head.voided,
      imported: head.imported,
      openImport: head.openImport,
      holes: head.next - head.settings.start - accounted,
      ...byOwner(state),
      rate: {
        numbersPerSecond: round(this.clusterRate()),
        requestsPerSecond: round(sources.latency.rate()),
      },
      latencyMs: sources.latency.summary(),
      journal: {
        sequence: head.sequence,
        chain: head.chain,
        lastBatchAt: head.time === 0 ? null : iso(head.time),
      },
      idempotency: {
        keys: state.window.size,
        keysMax: sources.window.keysMax,
        windowHours: sources.window.keyAgeMsMax / 3_600_000,
        oldestKeyAt: state.window.oldestTime === undefined ? null : iso(state.window.oldestTime),
      },
      ledger: this.ledgerStats(),
      restoreGuard: sources.sequencer.restoreGuard,
      vocabulary: sources.vocabulary,
      cluster: this.clusterStats(members),
      node: sources.coordination.self.id,
      eventLoopDelayMaxMs: round(sources.eventLoopDelayMaxMs()),
      uptimeSeconds: Math.floor((performance.now() - this.startedAtMs) / 1000),
    };
  }

  /** Members, nodes, leader and ledger, without the series: answers even without a quorum. */
  async readCluster(): Promise<object> {
    return {
      ...this.clusterStats(await this.readMembers()),
      ledger: this.ledgerStats(),
      restoreGuard: this.sources.sequencer.restoreGuard,
    };
  }

  private ledgerStats(): object {
    const { lagSeconds, unprojectedBytes, fullness, ...view } = this.sources.sequencer.ledger.view();
    return {
      ...view,
      lagSeconds: round(lagSeconds),
      unprojectedBytes: Math.round(unprojectedBytes),
      fullness: Math.round(fullness * 1_000) / 1_000,
      verification: describePatrol(this.sources.patrol()),
    };
  }

  private clusterStats(members: readonly EtcdMemberStatus[]): object {
    const { coordination, series, cluster } = this.sources;
    const leader = coordination.leader(series);
    return {
      name: cluster,
      leader: leader?.nodeId ?? null,
      epoch: leader?.epoch ?? null,
      nodes: coordination.nodes().map(node => ({
        id: node.id,
        site: node.site,
        partition: node.partition,
        url: node.url,
        version: node.version,
        startedAt: iso(node.startedAt),
        leader: node.instance === leader?.instance,
      })),
      members,
    };
  }

  /** etcd's members, at most a second old; what does not answer is among them. */
  readMembers(): Promise<readonly EtcdMemberStatus[]> {
    const nowMs = performance.now();
    if (this.members === undefined || nowMs - this.members.atMs > MEMBERS_AGE_MS) {
      this.members = { atMs: nowMs, value: this.sources.members() };
    }
    return this.members.value;
  }

  private sample(state: SeriesState): void {
    let drawn = 0;
    for (const owner of state.owners()) drawn += state.tally(owner)!.drawn;
    const last = this.samples.at(-1);
    const nowMs = performance.now();
    if (last !== undefined && nowMs - last.atMs < SAMPLE_INTERVAL_MS / 2) return;
    this.samples.push({ atMs: nowMs, drawn });
    if (this.samples.length > SAMPLES_MAX) this.samples.shift();
  }

  private clusterRate(): number {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return ((last.drawn - first.drawn) * 1000) / (last.atMs - first.atMs);
  }
}

function describePatrol(view: PatrolView | undefined): object | null {
  if (view === undefined) return null;
  const { sequence, problems, lastPassAt, finding } = view;
  return {
    sequence,
    problems,
    lastPassAt: lastPassAt === undefined ? null : iso(lastPassAt),
    finding: finding ?? null,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
